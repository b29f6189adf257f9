"""PyPI's http-message-signatures, somebody else's RFC 9421, signs requests to the guard and verifies its answers.

It does the signature base, `;req`, `;bs` and digests. It does not know what protocol §5.2 asks for besides: that nonce and
Countersign-Request are those of the request, that exactly the request's components are covered with `;req`, and that
Countersign-Time is now. `believed` shows how few lines that is. It sends nothing; Python's http.client does.
"""
import base64, http.client, json, secrets, time
from urllib.parse import urlsplit

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, InvalidSignature, algorithms
from http_message_signatures.resolvers import MappingKeyResolver

from guard import PATIENCE


class Fields:
    """Lines in their order, repeated ones apart, as the library wants them."""

    def __init__(self, lines=()):
        self.lines = list(lines)

    def items(self):
        return self.lines

    def __iter__(self):
        return (name for name, _ in self.lines)

    def __contains__(self, name):
        return any(other.lower() == name.lower() for other in self)

    def __getitem__(self, name):
        return ", ".join(self.all(name))

    def __setitem__(self, name, value):
        self.lines = [line for line in self.lines if line[0].lower() != name.lower()] + [(name, value)]

    def __delitem__(self, name):
        self.lines = [line for line in self.lines if line[0].lower() != name.lower()]

    def all(self, name):
        return [value for other, value in self.lines if other.lower() == name]


class Request:
    def __init__(self, method, url, lines=(), body=b""):
        self.method, self.url, self.headers, self.body = method, url, Fields(lines), body


class Response:
    def __init__(self, request, status_code, lines, body):
        self.request, self.status_code, self.headers, self.body = request, status_code, Fields(lines), body


def keys(keyid, secret):
    return MappingKeyResolver(public_keys={keyid: secret}, private_keys={keyid: secret})


def sign(request, key, label="cs", tag="countersign-req-1", secret=None, **more):
    """Signs as protocol §4 says: four derived components, every field, and the digest, for an empty body too."""
    signer = HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256,
                               key_resolver=keys(key["keyid"], secret or bytes.fromhex(key["c2s"])))
    fields = {name.lower(): None for name in request.headers if not name.lower().startswith("signature")}
    signer.sign(request, key_id=key["keyid"], nonce=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("="),
                label=label, tag=tag, covered_component_ids=["@method", "@authority", "@path", "@query", *fields],
                body=request.body, **more)
    return request


def send(request):
    to = urlsplit(request.url)
    connection = http.client.HTTPConnection(to.netloc, timeout=PATIENCE)
    connection.putrequest(request.method, request.url.partition(to.netloc)[2] or "/", skip_accept_encoding=True)
    for name, value in request.headers.items():
        connection.putheader(name, value)
    if request.body:
        connection.putheader("Content-Length", str(len(request.body)))
    connection.endheaders(request.body)
    answer = connection.getresponse()
    response = Response(request, answer.status, answer.getheaders(), answer.read())
    connection.close()
    return response


def verified(response, key):
    """What the library makes of an answer: it verifies the MAC and the digest, or raises InvalidSignature."""
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.HMAC_SHA256,
                                   key_resolver=keys(key["keyid"], bytes.fromhex(key["s2c"])))
    covered = response.request.headers["signature-input"].partition("(")[2].partition(")")[0].split()
    required = ['"@status"', '"content-digest"', '"countersign-time"', '"countersign-request"', *(f"{name};req" for name in covered)]
    [result] = verifier.verify(response, expect_tag="countersign-res-1", require_components=required, body=response.body)
    return result


def believed(response, key):
    """The same, with what the library leaves to its caller (protocol §5.2)."""
    result, request = verified(response, key), response.request
    sent = request.headers["signature-input"]
    assert f';nonce="{result.nonce}";' in sent + ";" and result.parameters["keyid"] == key["keyid"]
    assert response.headers.all("countersign-request") == [request.headers["signature"].partition("=")[2]]
    assert sum(name.endswith(";req") for name in result.covered_components) == len(sent.partition("(")[2].partition(")")[0].split())
    assert abs(time.time() - int(response.headers["countersign-time"]) / 1000) < PATIENCE
    return response.status_code, response.body


@pytest.fixture(scope="module")
def alice(start_guard, api):
    return start_guard(f'upstream = "{api.url}"\n').enrol("alice", role="service")


CALLS = {
    "GET": ("GET", "/v1/me", [], b""),
    "GET of the root": ("GET", "/", [], b""),
    "an empty query": ("GET", "/v1/me?", [], b""),
    "a query": ("GET", "/v1/transfers?dry=0&a=%2F&b", [], b""),
    "percent-encoding": ("GET", "/caf%C3%A9/a%20b", [], b""),
    "HEAD": ("HEAD", "/v1/me", [], b""),
    "DELETE": ("DELETE", "/v1/transfers/81", [("If-Match", '"7"')], b""),
    "POST": ("POST", "/v1/transfers", [("Content-Type", "application/json"), ("Idempotency-Key", '"0f3c"')], b'{"amount":25}'),
    "PUT of octets": ("PUT", "/v1/file", [("Content-Type", "application/octet-stream")], bytes(range(256)) * 300),
    "a field twice": ("GET", "/", [("X-Tag", "a"), ("X-Tag", "b, c")], b""),
    "an empty field": ("GET", "/", [("X-Empty", "")], b""),
    "white space about a value": ("GET", "/", [("X-Spaced", "  a\t b  ")], b""),
    "cookies": ("GET", "/", [("Cookie", "a=b; c=d")], b""),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_request_of_the_library_is_admitted_and_its_answer_verified(alice, api, name):
    method, target, lines, body = CALLS[name]
    status, content = believed(send(sign(Request(method, alice.server + target, lines, body), alice.key)), alice.key)
    assert status == 200
    assert method == "HEAD" or json.loads(content) == {"seen": len(api.requests)}
    # `/v1/me` and `/v1/me?` are signed alike, so the API is asked for the first whichever was sent.
    assert (api.last.method, api.last.target, api.last.body) == (method, target.removesuffix("?"), body)
    assert api.last.values("remote-user") == ["alice"]
    for field, value in lines:
        assert value.strip() in api.last.values(field.lower())


ANSWERS = {
    "cookies, which are covered with ;bs": (200, [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2")], b"two"),
    "a redirect": (302, [("Location", "/elsewhere"), ("Content-Type", "text/plain")], b"moved"),
    "no content": (204, [("ETag", '"7"')], b""),
    "nothing new": (304, [("ETag", '"7"')], b""),
    "an error": (404, [("Content-Type", "application/problem+json")], b'{"type":"about:blank"}'),
    "a field twice": (200, [("X-Tag", "a"), ("X-Tag", "b")], b"x"),
    "a signature of the API's own": (200, [("Signature", "theirs=:AAAA:"), ("Signature-Input", 'theirs=();keyid="x"')], b"x"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_any_answer_of_the_api_is_verified_by_the_library(alice, api, name):
    api.answers["/answer"] = ANSWERS[name]
    status, _, content = ANSWERS[name]
    assert believed(send(sign(Request("GET", alice.server + "/answer"), alice.key)), alice.key) == (status, content)


def test_a_field_beyond_ascii_is_covered_octet_by_octet(alice, api):
    """With `;bs`: the library takes octets for Latin-1, and http.client gives them so."""
    api.answers["/answer"] = (200, [("X-Name", "caf\u00e9")], b"x")
    assert believed(send(sign(Request("GET", alice.server + "/answer"), alice.key)), alice.key) == (200, b"x")


def test_refusals_are_signed_for_the_very_request_that_was_refused(alice):
    replayed = sign(Request("GET", alice.server + "/once"), alice.key)
    assert believed(send(replayed), alice.key)[0] == 200
    assert b"urn:countersign:replayed" in believed(send(replayed), alice.key)[1]
    wrong = sign(Request("GET", alice.server + "/"), alice.key, secret=bytes(32))
    assert b"urn:countersign:unauthorized" in believed(send(wrong), alice.key)[1]


def test_a_changed_request_is_refused(alice, api):
    before = len(api.requests)
    for change in ["method", "url", "body", "field"]:
        request = sign(Request("POST", alice.server + "/v1/x", [("Content-Type", "text/plain")], b"25"), alice.key)
        match change:
            case "method": request.method = "PUT"
            case "url": request.url += "?dry=0"
            case "body": request.body = b"26"
            case "field": request.headers["Content-Type"] = "application/json"
        response = send(request)
        assert response.status_code == (400 if change == "body" else 401), change
    assert len(api.requests) == before


def test_a_changed_answer_is_refused_by_the_library(alice, api):
    api.answers["/answer"] = (200, [("Content-Type", "text/plain"), ("Set-Cookie", "a=1")], b"25")
    fresh = lambda: send(sign(Request("GET", alice.server + "/answer"), alice.key))
    believed(fresh(), alice.key)
    for change in ["status", "body", "field", "cookie", "another request's", "another method's", "stripped", "another key's"]:
        response, key = fresh(), alice.key
        match change:
            case "status": response.status_code = 201
            case "body": response.body = b"26"
            case "field": response.headers["Content-Type"] = "text/html"
            case "cookie": response.headers.lines.append(("Set-Cookie", "b=2"))
            case "another request's": response.request = fresh().request
            case "another method's": response.request.method = "DELETE"
            case "stripped": del response.headers["Signature"]
            case "another key's": key = key | {"s2c": key["c2s"]}
        if change == "another request's":
            # The library verifies this one, since nothing that it was told differs: here it takes the caller's lines.
            assert verified(response, key)
            with pytest.raises(AssertionError):
                believed(response, key)
        else:
            with pytest.raises(InvalidSignature):
                verified(response, key)


def test_a_signature_is_found_by_its_tag_beside_those_of_others(alice):
    request = sign(Request("GET", alice.server + "/"), alice.key, label="theirs", tag="somebody-elses", secret=bytes(32))
    sign(request, alice.key, label="any-label", append_if_signature_exists=True, use_existing_digest=True)
    response = send(request)
    assert response.status_code == 200
    only_theirs = sign(Request("GET", alice.server + "/"), alice.key, label="cs", tag="somebody-elses")
    assert send(only_theirs).status_code == 401
