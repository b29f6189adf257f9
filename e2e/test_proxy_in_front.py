"""nginx between clients and the guard, with the very file that `deploy/` hands out: TLS ends there, signatures don't."""
import concurrent.futures, http.client, json, pathlib, re, socket, ssl, time, tomllib

import client as example
import pytest

from guard import PATIENCE, ROOT

SNIPPET = (ROOT / "deploy/nginx.conf").read_text()
ATTACKS = tomllib.loads((ROOT / "e2e/attacks/a-framing.toml").read_text())["row"]
# What else an operator's http block may hold: the file of deploy/ has to stand in it all the same.
AROUND = """
gzip on;
gzip_proxied any;
gzip_types *;
gzip_min_length 1;
proxy_intercept_errors on;
error_page 400 401 403 404 413 429 500 502 503 504 =200 /error-page;
"""
OPEN = '[[route]]\npath = "/open"\naccept = "danger-anyone"\n[[envelope.action]]\nname = "me"\nmethod = "GET"\npath = "/v1/me"\n'


def put(pattern, replacement, text):
    """Replaces what must be there exactly once."""
    replaced, times = re.subn(pattern, replacement, text)
    assert times == 1, (pattern, times)
    return replaced


def filled_in(port, guard, certificate, protocol=""):
    """The file of deploy/ with other names, ports and paths, and nothing else changed."""
    site = put(r"listen 443 ssl;.*", f"listen 127.0.0.1:{port} ssl{protocol};", SNIPPET)
    site = put(r"server_name api\.example;", "server_name localhost;", site)
    site = put(r"server 127\.0\.0\.1:8470;", f"server {guard.url.removeprefix('http://')};", site)
    site = put(r"/etc/ssl/api\.example\.pem", str(certificate / "cert.pem"), site)
    return AROUND + put(r"/etc/ssl/api\.example\.key", str(certificate / "key.pem"), site)


class Line:
    """A guard behind nginx, with a person and a program who are enrolled through it."""

    def __init__(self, start_guard, start_nginx, api, certificate, name, protocol=""):
        settings = f'upstream = "{api.url}"\ntrusted_proxies = ["127.0.0.1"]\nclient_ip_source = "x-forwarded-for"\n'
        # Clients name nginx's port, which is known only when nginx runs, so the guard is told it by a second start.
        self.guard, self.certificate = start_guard(settings + OPEN, f"guard-{name}"), certificate
        self.nginx = start_nginx(lambda port: filled_in(port, self.guard, certificate, protocol), f"nginx-{name}")
        self.authority = f"localhost:{self.nginx.port}"
        self.guard.stop()
        config = self.guard.config.read_text()
        config = put(r'listen = "127\.0\.0\.1:0"\nadmin', f'listen = "{self.guard.url[7:]}"\nadmin', config)
        self.guard.config.write_text(f'public_url = "https://{self.authority}"\n{config}')
        self.guard.start()
        reached = {"server": f"https://{self.authority}", "SSL_CERT_FILE": str(certificate / "cert.pem")}
        self.alice = self.guard.enrol("alice", **reached)
        self.program = self.guard.enrol("program", role="service", **reached)

    def connect(self, source="127.0.0.1"):
        plain = socket.create_connection(("127.0.0.1", self.nginx.port), PATIENCE, source_address=(source, 0))
        context = ssl.create_default_context(cafile=self.certificate / "cert.pem")
        return context.wrap_socket(plain, server_hostname="localhost")

    def send(self, method, target, fields, body=b"", source="127.0.0.1"):
        """Sends what is given, and gives status, fields and body of the answer."""
        connection = http.client.HTTPConnection(self.authority)
        connection.sock = self.connect(source)
        connection.request(method, target, body or None, {"Host": self.authority} | fields)
        answer = connection.getresponse()
        read = answer.status, answer.getheaders(), answer.read()
        connection.close()
        return read

    def signed_call(self, method="GET", target="/", fields={}, body=b"", added={}, source="127.0.0.1"):
        """A signed call with fields `added` on the way; status, covered fields and body, verified."""
        key = self.program.key
        fields, sent = example.sign(key, method, self.authority, target, fields, body)
        status, received, content = self.send(method, target, fields | added, body, source)
        return status, example.verify(key, sent, status, received, content), content


@pytest.fixture(scope="module")
def plain(start_guard, start_nginx, api, certificate):
    """The file as it is. Python and raw octets speak HTTP/1.1 to it."""
    return Line(start_guard, start_nginx, api, certificate, "as-it-is")


@pytest.fixture(scope="module")
def second(start_guard, start_nginx, api, certificate):
    """The file with HTTP/2 switched on, which `countersign call` then chooses."""
    return Line(start_guard, start_nginx, api, certificate, "http2", " http2")


@pytest.fixture(params=["HTTP/1.1", "HTTP/2.0"])
def line(request):
    return request.getfixturevalue("plain" if request.param == "HTTP/1.1" else "second")


def test_the_client_speaks_the_version_of_http_that_the_proxy_offers(line, request):
    version = request.node.callspec.params["line"]
    line.alice.call("/version")
    assert f'"GET /version {version}" 200' in (line.nginx.home / "access.log").read_text()


@pytest.mark.parametrize("target", ["/", "/v1/me?a=1&b=%2F", "/caf%C3%A9/a%20b", "/?", "/a:b@c/$x,(y)*!'~_-.z", "/x?a//b/../c"])
def test_a_target_arrives_octet_for_octet(line, api, target):
    line.alice.call(target)
    # But for the question mark of an empty query, which nobody signs.
    assert api.last.target == target.removesuffix("?")
    assert api.last.values("host") == [line.authority]


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_body_arrives_octet_for_octet_in_both_directions(line, api, tmp_path, method, size):
    content = bytes(number * number % 251 for number in range(size))
    (tmp_path / "body").write_bytes(content)
    api.answers["/mirror"] = (200, [("Content-Type", "application/octet-stream")], content)
    assert line.alice.call("/mirror", "-X", method, "-d", f"@{tmp_path / 'body'}") == content
    assert (api.last.method, api.last.body) == (method, content)


def test_fields_of_every_kind_survive(line, api):
    sent = ["content-type: text/plain; charset=utf-8", "cookie: a=b; c=d", "authorization: Bearer x.y", "x-empty:",
            "x-twice: 1", "x-twice: 2", "if-none-match: \"1\"", "accept-encoding: gzip", "range: bytes=0-1",
            "idempotency-key: \"k\"", "accept: text/html"]
    line.alice.call("/fields", *(option for field in sent for option in ("-H", field)))
    for field in sent:
        name, _, value = field.partition(": ")
        assert value in ", ".join(api.last.values(name.rstrip(":"))), field


def test_what_nginx_would_rewrite_in_an_answer_is_verified_all_the_same(line, api):
    fields = [("Location", "http://countersign/elsewhere"), ("Refresh", "0; url=http://countersign/x"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/"),
              ("Server", "an-api/1"), ("X-Accel-Redirect", "/open"), ("X-Accel-Buffering", "no"), ("X-Accel-Expires", "1"),
              ("X-Accel-Limit-Rate", "1"), ("X-Pad", "x"), ("Via", "1.1 x"), ("Expires", "0"), ("Vary", "Accept-Encoding"),
              ("ETag", '"1"'), ("Last-Modified", "Sat, 22 Nov 2025 00:00:00 GMT"), ("Accept-Ranges", "bytes"),
              ("Content-Type", "text/html; charset=utf-8"), ("Date", "Sat, 22 Nov 2025 00:00:00 GMT"), ("X-Own", "kept")]
    api.answers["/rewritten"] = (302, fields, b"<p>moved</p>" * 1000)
    status, covered, body = line.alice.answer("/rewritten", "-H", "accept-encoding: gzip")
    assert (status, body) == (302, b"<p>moved</p>" * 1000)
    assert dict(covered)["location"] == "http://countersign/elsewhere"
    assert [value for name, value in covered if name == "set-cookie"] == ["a=1", "b=2; Path=/"]
    assert dict(covered)["x-own"] == "kept"


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 404, 413, 429, 500, 502, 503, 504])
def test_every_status_of_the_api_is_verified(line, api, status):
    api.answers["/status"] = (status, [("Content-Type", "text/plain")], b"the API's own words")
    seen, _, body = line.alice.answer("/status", expect=22 if status >= 400 else 0)
    assert (seen, body) == (status, b"" if status in (204, 304) else b"the API's own words")


def test_an_answer_to_head_is_verified(line, api):
    api.answers["/head"] = (200, [("Content-Type", "text/plain")], b"x" * 1000)
    assert line.alice.answer("/head", "-X", "HEAD")[::2] == (200, b"")


def test_a_head_as_long_as_the_guard_signs_passes(line):
    many = [option for number in range(26) for option in ("-H", f"x-field-of-mine-{number}: {'v' * 300}")]
    line.alice.call("/", *many)


def test_a_long_head_of_an_answer_passes(line, api):
    cookies = [("Set-Cookie", f"c{number}={'v' * 400}") for number in range(25)]
    api.answers["/cookies"] = (200, cookies, b"long")
    assert line.alice.call("/cookies") == b"long"


def test_a_refusal_of_the_guard_in_the_middle_of_an_upload_is_verified(line, api, tmp_path):
    (tmp_path / "body").write_bytes(bytes(20 * 1024 * 1024))
    before = len(api.requests)
    status, _, body = line.alice.answer("/up", "-X", "PUT", "-d", f"@{tmp_path / 'body'}", expect=22)
    assert status == 413 and b"urn:countersign:too-large" in body
    assert len(api.requests) == before


def connections_to(port):
    """The local ends of all open connections to it."""
    rows = [row.split() for row in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[2].endswith(f":{port:04X}") and row[3] == "01"}


def test_nginx_keeps_its_connections_to_the_guard(plain):
    plain.signed_call()
    port = int(plain.guard.url.rpartition(":")[2])
    before = connections_to(port)
    assert before
    for _ in range(10):
        assert plain.signed_call()[0] == 200
    assert connections_to(port) == before


def test_fields_that_are_added_on_the_way_do_no_harm_and_reach_nobody(plain, api):
    added = {"X-Forwarded-User": "root", "Remote-User": "root", "Remote_User": "root", "X-Added": "1", "Via": "1.1 somebody",
             "X-Original-URL": "/admin", "X-HTTP-Method-Override": "DELETE", "Forwarded": "for=1.2.3.4"}
    assert plain.signed_call(added=added)[0] == 200
    assert api.last.values("remote-user") == ["program"]
    assert api.last.names() <= {"host", "remote-user", "remote-key", "content-digest", "accept-encoding", "accept"}


def replay(plain, send):
    """Sends one signed request twice; the actor of the event that tells of it."""
    key, target = plain.program.key, f"/{time.monotonic_ns()}"
    fields, _ = example.sign(key, "GET", plain.authority, target, {}, b"")
    assert [send(target, fields)[0], send(target, fields)[0]] == [200, 401]
    return plain.guard.events()[-1]


def test_the_event_log_names_the_client_and_not_nginx(plain):
    event = replay(plain, lambda target, fields: plain.send("GET", target, fields, source="127.0.0.2"))
    assert (event["event"], event["actor"]) == ("replay", "127.0.0.2")


@pytest.mark.parametrize("number, forged", list(enumerate(["203.0.113.9", "203.0.113.9, 127.0.0.1", "127.0.0.1", "unknown", ""])))
def test_what_a_client_says_of_its_own_address_is_not_believed(plain, number, forged):
    source, forgery = f"127.0.1.{10 + number}", {"X-Forwarded-For": forged, "X-Real-IP": forged, "Forwarded": f"for={forged}"}
    event = replay(plain, lambda target, fields: plain.send("GET", target, fields | forgery, source=source))
    assert (event["event"], event["actor"]) == ("replay", source)


def test_nobody_but_the_proxy_may_name_an_address(plain):
    host, port = plain.guard.url.removeprefix("http://").split(":")

    def past_nginx(target, fields):
        connection = http.client.HTTPConnection(host, int(port), PATIENCE, source_address=("127.0.0.3", 0))
        connection.request("GET", target, None, {"Host": plain.authority, "X-Forwarded-For": "203.0.113.9"} | fields)
        answer = connection.getresponse()
        read = answer.status, answer.read()
        connection.close()
        return read

    event = replay(plain, past_nginx)
    assert (event["event"], event["actor"]) == ("replay", "127.0.0.3")


def octets(raw):
    """What a row of the corpus sends; `{x*n}` stands for n times x."""
    return re.sub(r"\{(.)\*(\d+)\}", lambda found: found[1] * int(found[2]), raw, flags=re.S).encode("latin-1")


def spoken(plain, sent, patience):
    """Sends octets as they stand and gives all that comes back until the end, or until nobody says anything any more."""
    with plain.connect() as connection:
        connection.settimeout(patience)
        heard = b""
        try:
            connection.sendall(sent)
            while piece := connection.recv(65536):
                heard += piece
                connection.settimeout(2)
        except OSError:
            pass
        return heard


def test_no_attack_on_framing_gets_through_nginx_to_the_api(plain, api):
    before = len(api.requests)
    host = f"Host: {plain.authority}\r\n".encode()
    attack = lambda row: spoken(plain, octets(row["raw"]).replace(b"Host: a\r\n", host), 2)
    rows = [row for row in ATTACKS if "raw" in row and "later" not in row]
    assert len(rows) > 50
    with concurrent.futures.ThreadPoolExecutor(16) as crowd:
        list(crowd.map(attack, rows))
    assert [seen.target for seen in api.requests[before:]] == []
    # Nothing was left on a connection between nginx and the guard for the next caller to get.
    for _ in range(40):
        assert plain.signed_call(target="/after")[0] == 200
    assert {seen.target for seen in api.requests[before:]} == {"/after"}


SMUGGLED = "GET /open/smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n"
SMUGGLING = {
    "CL.TE": ("Content-Length: {long}\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + SMUGGLED),
    "TE.CL": ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "{hex}\r\n" + SMUGGLED + "\r\n0\r\n\r\n"),
    "TE.TE": ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n" + SMUGGLED),
    "TE with a tab": ("Content-Length: {long}\r\nTransfer-Encoding:\tchunked\r\n", "0\r\n\r\n" + SMUGGLED),
    "TE with a vertical tab": ("Content-Length: {long}\r\nTransfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n" + SMUGGLED),
    "TE with a space before the colon": ("Content-Length: {long}\r\nTransfer-Encoding : chunked\r\n", "0\r\n\r\n" + SMUGGLED),
    "TE underscored": ("Content-Length: {long}\r\nTransfer_Encoding: chunked\r\n", "0\r\n\r\n" + SMUGGLED),
    "TE folded": ("Content-Length: {long}\r\nX: y\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + SMUGGLED),
    "CL twice": ("Content-Length: 0\r\nContent-Length: {long}\r\n", "0\r\n\r\n" + SMUGGLED),
    "CL in a connection token": ("Content-Length: {long}\r\nConnection: content-length\r\n", "0\r\n\r\n" + SMUGGLED),
    "a chunk extension with a line feed": ("Transfer-Encoding: chunked\r\n", "0;\nx\r\n\r\n" + SMUGGLED),
    "Upgrade": ("Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: {long}\r\n", "0\r\n\r\n" + SMUGGLED),
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_nothing_is_smuggled_to_an_open_route(plain, api, name):
    fields, body = SMUGGLING[name]
    smuggled = SMUGGLED.format(host=plain.authority)
    body = body.format(host=plain.authority, hex=f"{len(smuggled):x}")
    first = f"POST /open/first HTTP/1.1\r\nHost: {plain.authority}\r\n{fields.format(long=len(body))}\r\n{body}"
    before = len(api.requests)
    heard = spoken(plain, first.encode("latin-1"), PATIENCE)
    reached = api.requests[before:]
    # A request that nginx itself reads as a second one is one: whoever sent it gets an answer to each. What must not
    # be is a request that reaches the API and that nobody was answered for.
    assert len(reached) <= heard.count(b"HTTP/1.1 200"), (heard, [seen.target for seen in reached])
    assert all(not seen.values("remote-user") for seen in reached)
    assert plain.signed_call(target="/after")[0] == 200
    assert api.last.target == "/after"


def test_an_envelope_passes_on_a_websocket_through_tls(plain, second, api):
    for line in (plain, second):
        assert json.loads(line.alice.countersign("call", "--envelope", "me").stdout) == {"seen": len(api.requests)}
        assert (api.last.target, api.last.values("remote-user")) == ("/v1/me", ["alice"])
