"""PyPI's requests with requests-http-signature, by `docs/examples/with_requests.py`."""
import json

import pytest
import requests
from requests_http_signature import InvalidSignature

import with_requests


@pytest.fixture(scope="module")
def alice(start_guard, api):
    return start_guard(f'upstream = "{api.url}"\n').enrol("alice", role="service")


@pytest.fixture
def peer(alice):
    session, verify = with_requests.of_key(alice.key)
    yield session, verify
    session.close()


CALLS = {
    "GET": ("GET", "/v1/me", {}),
    "GET of the root": ("GET", "/", {}),
    "a query": ("GET", "/v1/transfers?dry=0&a=%2F", {}),
    "percent-encoding": ("GET", "/caf%C3%A9/a%20b", {}),
    "HEAD": ("HEAD", "/v1/me", {}),
    "DELETE": ("DELETE", "/v1/transfers/81", {"headers": {"If-Match": '"7"'}}),
    "JSON": ("POST", "/v1/transfers", {"json": {"amount": 25}, "headers": {"Idempotency-Key": '"0f3c"'}}),
    "an empty POST": ("POST", "/v1/transfers", {}),
    "octets": ("PUT", "/v1/file", {"data": bytes(range(256)) * 300}),
    "a form": ("POST", "/v1/form", {"data": {"a": "b c"}}),
    "cookies": ("GET", "/", {"cookies": {"a": "b"}}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_request_of_the_library_is_admitted_and_its_answer_verified(alice, peer, api, name):
    (session, verify), (method, target, more) = peer, CALLS[name]
    answer = verify(session.request(method, alice.server + target, **more))
    assert answer.status_code == 200
    assert method == "HEAD" or answer.json() == {"seen": len(api.requests)}
    assert (api.last.method, api.last.target) == (method, target)
    assert api.last.values("remote-user") == ["alice"]
    assert api.last.values("user-agent") == [f"python-requests/{requests.__version__}"], "covered, so it passes"


ANSWERS = {
    "cookies, which are covered with ;bs": (200, [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2")], b"two"),
    "a redirect, which is not followed": (302, [("Location", "/elsewhere"), ("Content-Type", "text/plain")], b"moved"),
    "no content": (204, [("ETag", '"7"')], b""),
    "an error": (404, [("Content-Type", "application/problem+json")], b'{"type":"about:blank"}'),
    "a field twice": (200, [("X-Tag", "a"), ("X-Tag", "b")], b"x"),
    "a field beyond ASCII, octet by octet with ;bs": (200, [("X-Name", "caf\u00e9")], b"x"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_any_answer_of_the_api_is_verified_by_the_library(alice, peer, api, name):
    session, verify = peer
    api.answers["/answer"] = ANSWERS[name]
    answer = verify(session.get(alice.server + "/answer"))
    assert (answer.status_code, answer.content) == (ANSWERS[name][0], ANSWERS[name][2])


def changed(session, change):
    """Somebody in the middle: changes the request when it has been signed."""
    send = session.send

    def sending(request, **more):
        match change:
            case "method": request.method = "PUT"
            case "url": request.url += "?dry=0"
            case "field": request.headers["Content-Type"] = "application/json"
            case "body": request.body = b"26"
        return send(request, **more)

    session.send = sending


def test_a_changed_request_is_refused(alice, api):
    before = len(api.requests)
    for change in ["method", "url", "field", "body"]:
        session, _ = with_requests.of_key(alice.key)
        changed(session, change)
        answer = session.post(alice.server + "/v1/x", data=b"25", headers={"Content-Type": "text/plain"})
        assert answer.status_code == (400 if change == "body" else 401), change
        answer.close()
        session.close()
    assert len(api.requests) == before


def test_a_changed_answer_is_refused(alice, peer, api):
    session, verify = peer
    api.answers["/answer"] = (200, [("Content-Type", "text/plain"), ("Set-Cookie", "a=1")], b"25")
    for change in ["status", "body", "field", "cookie", "stripped", "another request's", "another method's", "another key's"]:
        answer, check = session.get(alice.server + "/answer"), verify
        match change:
            case "status": answer.status_code = 201
            case "body": assert answer.content == b"25"; answer._content = b"26"
            case "field": answer.headers["Content-Type"] = answer.raw.headers["Content-Type"] = "text/html"
            case "cookie": answer.raw.headers.add("Set-Cookie", "b=2")
            case "stripped": del answer.headers["Signature"]
            case "another request's": answer.request = verify(session.get(alice.server + "/answer")).request
            case "another method's": answer.request.method = "DELETE"
            case "another key's": _, check = with_requests.of_key(alice.key | {"s2c": alice.key["c2s"]})
        with pytest.raises(InvalidSignature):
            check(answer)
        answer.close()


def test_refusals_are_verified(alice, peer):
    session, verify = peer
    prepared = session.prepare_request(requests.Request("GET", alice.server + "/once"))
    assert verify(session.send(prepared, stream=True)).status_code == 200
    assert verify(session.send(prepared, stream=True)).json()["type"] == "urn:countersign:replayed"
    stranger, check = with_requests.of_key(alice.key | {"c2s": "00" * 32})
    assert check(stranger.get(alice.server + "/")).json()["type"] == "urn:countersign:unauthorized"
    stranger.close()
