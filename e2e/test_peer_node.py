"""npm's http-message-signatures, somebody else's RFC 9421 in JavaScript, by `peer.mjs`."""
import base64, json, shutil, subprocess

import pytest

from guard import PATIENCE, ROOT, environment

NODE = shutil.which("node")
PEER = ROOT / "e2e/peer.mjs"


@pytest.fixture(scope="module")
def alice(start_guard, api):
    return start_guard(f'upstream = "{api.url}"\n').enrol("alice", role="service")


@pytest.fixture(scope="module")
def peer(alice, home):
    assert NODE, "there is no node; e2e/install brings it"
    assert (ROOT / "e2e/node_modules/http-message-signatures").exists(), "run e2e/install"
    key = home / "key.json"
    key.touch(mode=0o600)
    key.write_text(json.dumps(alice.key))

    def peer(*calls, key=key):
        calls = [call | {"url": alice.server + call["url"], "body": base64.b64encode(call.get("body", b"")).decode()} for call in calls]
        done = subprocess.run([NODE, PEER, key], input=json.dumps(calls), capture_output=True, text=True, timeout=PATIENCE,
                              env=environment())
        assert done.returncode == 0, done.stderr
        results = json.loads(done.stdout)
        assert len(results) == len(calls)
        return [result | {"body": base64.b64decode(result["body"])} for result in results]

    return peer


CALLS = {
    "GET": dict(method="GET", url="/v1/me"),
    "GET of the root": dict(method="GET", url="/"),
    "a query": dict(method="GET", url="/v1/transfers?dry=0&a=%2F&b"),
    "percent-encoding": dict(method="GET", url="/caf%C3%A9/a%20b"),
    "HEAD": dict(method="HEAD", url="/v1/me"),
    "DELETE": dict(method="DELETE", url="/v1/transfers/81", fields=[["If-Match", '"7"']]),
    "POST": dict(method="POST", url="/v1/transfers", fields=[["Content-Type", "application/json"], ["Idempotency-Key", '"0f3c"']],
                 body=b'{"amount":25}'),
    "PUT of octets": dict(method="PUT", url="/v1/file", fields=[["Content-Type", "application/octet-stream"]], body=bytes(range(256)) * 300),
    "a field twice": dict(method="GET", url="/", fields=[["X-Tag", "a"], ["X-Tag", "b, c"]]),
    "cookies": dict(method="GET", url="/", fields=[["Cookie", "a=b; c=d"]]),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_request_of_the_library_is_admitted_and_its_answer_verified(peer, api, name):
    call = CALLS[name]
    [result] = peer(call)
    assert (result["status"], result["verified"], result["believed"]) == (200, True, True)
    assert call["method"] == "HEAD" or json.loads(result["body"]) == {"seen": len(api.requests)}
    assert (api.last.method, api.last.target, api.last.body) == (call["method"], call["url"], call.get("body", b""))
    assert api.last.values("remote-user") == ["alice"]
    for field, value in call.get("fields", []):
        assert value in ", ".join(api.last.values(field.lower()))


ANSWERS = {
    "cookies, which are covered with ;bs": (200, [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2")], b"two"),
    "a redirect": (302, [("Location", "/elsewhere"), ("Content-Type", "text/plain")], b"moved"),
    "no content": (204, [("ETag", '"7"')], b""),
    "nothing new": (304, [("ETag", '"7"')], b""),
    "an error": (404, [("Content-Type", "application/problem+json")], b'{"type":"about:blank"}'),
    "a field twice": (200, [("X-Tag", "a"), ("X-Tag", "b")], b"x"),
    "a field beyond ASCII, octet by octet with ;bs": (200, [("X-Name", "caf\u00e9")], b"x"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_any_answer_of_the_api_is_verified_by_the_library(peer, api, name):
    api.answers["/answer"] = ANSWERS[name]
    status, _, content = ANSWERS[name]
    [result] = peer(dict(method="GET", url="/answer"))
    assert (result["status"], result["body"], result["verified"], result["believed"]) == (status, content, True, True)


def test_a_changed_request_is_refused_and_the_refusal_is_no_answer_to_the_original(peer, api):
    before = len(api.requests)
    call = dict(method="POST", url="/v1/x", fields=[["Content-Type", "text/plain"]], body=b"25")
    for change in ["request method", "request query", "request field"]:
        [result] = peer(call | {"change": change})
        assert (result["status"], result["verified"], result["believed"]) == (401, False, False), change
    # A changed body is found when the request has been authenticated: the refusal is the original's own.
    [result] = peer(call | {"change": "request body"})
    assert (result["status"], result["believed"]) == (400, True)
    assert len(api.requests) == before


def test_a_changed_answer_is_not_believed(peer, api):
    api.answers["/answer"] = (200, [("Content-Type", "text/plain"), ("Set-Cookie", "a=1")], b"25")
    call = dict(method="GET", url="/answer")
    for change in ["status", "field", "cookie", "stripped", "another key"]:
        [result] = peer(call | {"change": change})
        assert (result["verified"], result["believed"]) == (False, False), change
    # These two are not the library's: it knows no digest, and covers what it is told to.
    for change in ["body", "another request"]:
        [result] = peer(call | {"change": change})
        assert (result["verified"], result["believed"]) == (True, False), change


def test_refusals_are_verified(peer, alice, home):
    [once] = peer(dict(method="GET", url="/once", change="sent twice"))
    assert b"urn:countersign:replayed" in once["body"] and once["believed"]
    wrong = home / "wrong.json"
    wrong.touch(mode=0o600)
    wrong.write_text(json.dumps(alice.key | {"c2s": "00" * 32}))
    [refused] = peer(dict(method="GET", url="/"), key=wrong)
    assert b"urn:countersign:unauthorized" in refused["body"] and refused["believed"]
