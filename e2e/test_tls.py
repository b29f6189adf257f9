"""TLS that ends in the guard itself, with the clients that are on every machine: curl and Python."""
import json, shutil, socket, ssl, subprocess, time

import client as example
import pytest

from guard import BINARY, PATIENCE, environment, run

VERSIONS = {"--http1.1": "HTTP/1.1", "--http2": "HTTP/2"}


@pytest.fixture(scope="module")
def files(home, certificate):
    """The certificate and its key, where they can be replaced."""
    directory = home / "tls"
    directory.mkdir()
    for name in ("cert.pem", "key.pem"):
        shutil.copy(certificate / name, directory / name)
    (directory / "key.pem").chmod(0o600)
    return directory


@pytest.fixture(scope="module")
def guard(start_guard, api, files):
    return start_guard(f'upstream = "{api.url}"\ntls_cert = "{files}/cert.pem"\ntls_key = "{files}/key.pem"\n')


@pytest.fixture(scope="module")
def ca(guard, files, home):
    """Whom clients trust: the certificate as it was at first."""
    return shutil.copy(files / "cert.pem", home / "ca.pem")


def enrol(guard, ca, home, name, *invitation):
    card = guard.operate("user", "invite", *invitation).splitlines()[0]
    environ = environment(COUNTERSIGN_HOME=str(home / name))
    run([BINARY, "enrol", "--server", guard.url, "--ca", ca, "--card", card, "--username", name], env=environ)
    return environ


@pytest.fixture(scope="module")
def alice(guard, ca, home):
    return enrol(guard, ca, home, "alice", "--group")


@pytest.fixture(scope="module")
def signer(guard, ca, home):
    """The key of a program, which signs by hand."""
    environ = enrol(guard, ca, home, "program", "--role", "service")
    return json.loads(run([BINARY, "key", "show", "--danger-secret", "--json"], env=environ).stdout)


def curl(ca, url, *options):
    """The version that was spoken, status, fields and body."""
    command = ["curl", "--silent", "--show-error", "--include", "--path-as-is", "--cacert", ca, *options, url]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, env=environment())
    assert done.returncode == 0, done
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    version, status = first.split()[:2]
    return version, int(status), [tuple(line.split(": ", 1)) for line in lines], body


@pytest.mark.parametrize("option", VERSIONS)
def test_curl_is_asked_for_a_signature_in_either_version(guard, ca, option):
    version, status, fields, _ = curl(ca, guard.url + "/v1/x", option)
    names = [name.lower() for name, _ in fields]
    assert (version, status) == (VERSIONS[option], 401)
    assert "accept-signature" in names
    assert option == "--http1.1" or not {"connection", "keep-alive", "transfer-encoding"} & set(names)


@pytest.mark.parametrize("option", VERSIONS)
def test_a_request_that_was_signed_by_hand_is_answered_alike_in_either_version(guard, signer, ca, api, option):
    authority, body = guard.url.removeprefix("https://"), b'{"amount":25}'
    given = {"content-type": "application/json", "cookie": "a=1; b=2"}
    fields, sent = example.sign(signer, "POST", authority, "/v1/transfers?dry=0", given, body)
    options = [part for name, value in fields.items() for part in ("-H", f"{name}: {value}")]
    options += [option, "-X", "POST", "--data-binary", body.decode()]
    version, status, received, content = curl(ca, guard.url + "/v1/transfers?dry=0", *options)
    assert (version, status) == (VERSIONS[option], 200)
    example.verify(signer, sent, status, received, content)
    assert (api.last.target, api.last.body) == ("/v1/transfers?dry=0", body)
    assert (api.last.values("host"), api.last.values("cookie")) == ([authority], ["a=1; b=2"])


@pytest.mark.parametrize("option", VERSIONS)
def test_a_repetition_is_refused_in_either_version(guard, signer, ca, option):
    # A refusal comes before the body. HTTP/2 would then have the stream reset (RFC 9113 section 8.1), by which curl 7.88
    # loses the answer now and then; so the guard reads what is left of a short body.
    authority, body = guard.url.removeprefix("https://"), b"x" * 10_000
    fields, _ = example.sign(signer, "POST", authority, "/v1/transfers", {"content-type": "text/plain"}, body)
    options = [part for name, value in fields.items() for part in ("-H", f"{name}: {value}")]
    options += [option, "--data-binary", body.decode()]
    assert [curl(ca, guard.url + "/v1/transfers", *options)[1] for _ in range(2)] == [200, 401]


def test_a_large_body_comes_whole_in_http_2(guard, signer, ca, api, tmp_path):
    body = bytes(range(256)) * 20_000
    (tmp_path / "body").write_bytes(body)
    fields, sent = example.sign(signer, "PUT", guard.url.removeprefix("https://"), "/v1/large", {}, body)
    options = [part for name, value in fields.items() for part in ("-H", f"{name}: {value}")]
    options += ["--http2", "-X", "PUT", "-H", "content-type:", "--data-binary", f"@{tmp_path}/body"]
    version, status, received, content = curl(ca, guard.url + "/v1/large", *options)
    assert (version, status) == ("HTTP/2", 200)
    example.verify(signer, sent, status, received, content)
    assert api.last.body == body


def test_the_client_trusts_the_authority_that_it_enrolled_with_and_nobody_else(guard, alice, home):
    assert b'"seen"' in run([BINARY, "call", "/v1/me"], env=alice).stdout
    assert run([BINARY, "call", "-i", "/v1/me"], env=alice).stdout.startswith(b"HTTP/2 200 OK\r\n")
    card = guard.operate("user", "invite", "--group").splitlines()[0]
    stranger = environment(COUNTERSIGN_HOME=str(home / "stranger"))
    done = run([BINARY, "enrol", "--server", guard.url, "--card", card, "--username", "bob"], 2, env=stranger)
    assert b"not trusted" in done.stderr and b"--ca" in done.stderr


def test_plain_http_gets_no_answer_of_http(guard):
    host, port = guard.url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as line:
        line.settimeout(PATIENCE)
        line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert not line.recv(1000).startswith(b"HTTP")


def test_a_renewed_certificate_is_shown_without_a_restart_and_a_half_written_one_never(guard, files, home):
    def shown():
        host, port = guard.url.removeprefix("https://").split(":")
        return ssl.get_server_certificate((host, int(port)), timeout=PATIENCE).strip()

    def until(condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, guard.log()
            time.sleep(0.2)

    old = (files / "cert.pem").read_text().strip()
    (files / "cert.pem").write_text(old[: len(old) // 2])
    until(lambda: "cannot be used" in guard.log())
    assert shown() == old
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    run([*command, "-keyout", home / "new.key", "-out", home / "new.pem"])
    (home / "new.key").chmod(0o600)
    (home / "new.key").rename(files / "key.pem")
    (home / "new.pem").rename(files / "cert.pem")
    new = (files / "cert.pem").read_text().strip()
    until(lambda: shown() == new)


def test_a_key_that_others_can_read_stops_the_start(home, certificate):
    for name in ("cert.pem", "key.pem"):
        shutil.copy(certificate / name, home / f"loose-{name}")
    (home / "loose-key.pem").chmod(0o644)
    command = [BINARY, "serve", "--data", home / "loose", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
    done = run([*command, "--tls-cert", home / "loose-cert.pem", "--tls-key", home / "loose-key.pem"], 1)
    assert b"tls_key" in done.stderr and b"chmod 600" in done.stderr
    assert not (home / "loose").exists()
