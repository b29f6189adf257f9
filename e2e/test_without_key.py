"""curl, which has no key: it is told how requests are signed, and gets nowhere."""
import json, subprocess

import pytest

from guard import PATIENCE, environment

ACCEPT = ('cs=("@method" "@authority" "@path" "@query" "content-digest");created;nonce;keyid;alg="hmac-sha256"'
          ';tag="countersign-req-1"')


@pytest.fixture(scope="module")
def guard(start_guard, api):
    return start_guard(f'upstream = "{api.url}"\n[[route]]\npath = "/open"\naccept = "danger-anyone"\n')


def curl(url, *options):
    """Status, fields and body of an answer."""
    command = ["curl", "--silent", "--show-error", "--include", "--path-as-is", *options, url]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, env=environment())
    assert done.returncode == 0, done
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


@pytest.mark.parametrize("options", [[], ["-d", "amount=25"], ["-X", "DELETE"], ["-u", "alice:secret"],
                                     ["-H", "remote-user: alice"], ["-H", "remote_user: alice"]])
def test_nobody_passes_without_a_signature(guard, api, options):
    before = len(api.requests)
    status, fields, body = curl(guard.url + "/v1/transfers", *options)
    assert status == 401
    assert fields["accept-signature"] == ACCEPT
    assert fields["www-authenticate"] == 'countersign realm="countersign", error="unauthorized"'
    assert fields["content-type"] == "application/problem+json"
    assert json.loads(body)["type"] == "urn:countersign:unauthorized"
    assert len(api.requests) == before


def test_the_built_in_addresses_are_guarded_too(guard):
    assert curl(guard.url + "/api/auth/whoami")[0] == 401


def test_an_open_route_is_open_and_gives_nobody_a_name(guard, api):
    forged = ["Remote-User: root", "Remote_User: root", "Remote-Key: k", "X-Forwarded-User: root", "Connection: remote-user"]
    for field in forged:
        status, _, _ = curl(guard.url + "/open/page", "-H", field)
        if status == 200:
            names = api.last.names()
            assert not {name for name in names if name.replace("_", "-").startswith(("remote-", "x-forwarded"))}
        else:
            assert (status, field) == (400, "Connection: remote-user")


@pytest.mark.parametrize("path", ["/open/../v1", "/open/..%2fv1", "/open//../v1", "//open", "/open/%2e%2e/v1", "/open/..;/v1"])
def test_no_path_reads_as_open_here_and_as_guarded_behind(guard, api, path):
    before = len(api.requests)
    assert curl(guard.url + path)[0] in (400, 401)
    assert len(api.requests) == before
