"""Sessions at a live guard: with curl and a token, with the example client and a signature, and with the command."""
import base64, json, subprocess

import client as example
import pytest

from guard import BINARY, PATIENCE, environment, run

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def guard(start_guard, api):
    routes = '[[route]]\npath = "/open"\naccept = "signature-or-bearer"\n'
    guard = start_guard(f'upstream = "{api.url}"\n{routes}')
    run([BINARY, "user", "add", "bob", "--password-stdin", "--config", guard.config], input=PASSWORD.encode())
    return guard


@pytest.fixture(scope="module")
def alice(guard):
    """A person with a key."""
    return guard.enrol("alice")


def curl(url, *options):
    """Status, fields and body of what comes back to curl."""
    done = subprocess.run(["curl", "-si", "--noproxy", "*", *options, url], capture_output=True, timeout=PATIENCE,
                          env=environment(), check=True)
    head, _, body = done.stdout.decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    return int(status.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def posted(url, value, *options):
    status, _, body = curl(url, "-H", "content-type: application/json", "-d", json.dumps(value), *options)
    return status, json.loads(body) if body else None


def bearer(token):
    return ("-H", f"authorization: Bearer {token}")


def log_in(guard, **more):
    status, answer = posted(guard.url + "/api/auth/login", {"username": "bob", "password": PASSWORD} | more)
    assert status == 200, answer
    return answer


def test_curl_with_a_token_lists_refreshes_and_ends_a_session(guard):
    answer = log_in(guard, device="curl")
    token, ref = answer["access_token"], answer["session"]["ref"]
    assert answer["token_type"] == "Bearer" and answer["session"]["proof"] == "bearer" and "session_key" not in answer
    status, _, body = curl(guard.url + "/api/auth/whoami", *bearer(token))
    assert status == 200 and json.loads(body)["username"] == "bob"
    listed = json.loads(curl(guard.url + "/api/auth/sessions", *bearer(token))[2])["sessions"]
    assert [row["device"] for row in listed if row["current"]] == ["curl"]
    status, next = posted(guard.url + "/api/auth/refresh", {"refresh_token": answer["refresh_token"]})
    assert status == 200 and next["session"]["ref"] == ref and next["refresh_token"] != answer["refresh_token"]
    assert curl(guard.url + "/api/auth/revoke", "-X", "POST", *bearer(next["access_token"]))[0] == 204
    for late in (token, next["access_token"]):
        status, fields, body = curl(guard.url + "/api/auth/whoami", *bearer(late))
        assert (status, json.loads(body)["type"]) == (401, "urn:countersign:token-revoked")
        assert fields["www-authenticate"] == 'Bearer error="invalid_token", error_description="Token has been revoked"'


def test_curl_with_a_token_passes_where_the_route_says_so_and_nowhere_else(guard, api):
    token = log_in(guard)["access_token"]
    assert curl(guard.url + "/open/x", *bearer(token))[0] == 200
    assert api.last.values("remote-user") == ["bob"] and not api.last.values("authorization")
    before = len(api.requests)
    assert curl(guard.url + "/v1/x", *bearer(token))[0] == 401
    assert curl(guard.url + "/open/x")[0] == 401
    assert curl(guard.url + "/open/x", *bearer(token[:-4] + "AAAA"))[0] == 401
    assert len(api.requests) == before


def test_the_token_of_a_session_with_a_key_is_worth_nothing_without_its_signature(guard, api):
    answer = log_in(guard, proof="key")
    token, before = answer["access_token"], len(api.requests)
    for path in ("/open/x", "/v1/x", "/api/auth/whoami", "/api/auth/sessions"):
        assert curl(guard.url + path, *bearer(token))[0] == 401, path
    assert posted(guard.url + "/api/auth/refresh", {"refresh_token": answer["refresh_token"]})[0] == 401
    assert len(api.requests) == before
    root = base64.urlsafe_b64decode(answer["session_key"] + "=").hex()
    session = example.session_of(root, answer["session"]["ref"])
    assert example.call(session, "GET", guard.url + "/v1/x")[0] == 200, "and none of this has ended it"


def test_the_example_client_logs_in_with_a_key_and_signs_in_the_session(guard, alice, api):
    session = example.login(alice.key, guard.url, device="python")
    assert session["keyid"].startswith("s.")
    assert example.call(session, "POST", guard.url + "/v1/transfers", {}, b"25")[0] == 200
    assert (api.last.values("remote-user"), api.last.body) == (["alice"], b"25")
    status, _, body = example.call(alice.key, "GET", guard.url + "/v1/x")
    assert (status, json.loads(body)["type"]) == (403, "urn:countersign:session-required")
    listed = alice.countersign("session", "list", "--json").stdout.decode().splitlines()
    ref = next(row["ref"] for row in map(json.loads, listed) if row["device"] == "python")
    alice.countersign("session", "revoke", ref)
    status, _, body = example.call(session, "GET", guard.url + "/v1/x")
    assert (status, json.loads(body)["detail"]) == (401, "Token has been revoked. Log in again.")


def test_any_library_signs_in_the_session_that_the_command_keeps(alice, api):
    session = alice.key["session"]
    assert example.call(session, "GET", alice.server + "/v1/me")[0] == 200
    assert api.last.values("remote-user") == ["alice"]


def test_a_session_ends_with_the_key_that_opened_it(guard):
    carol = guard.enrol("carol")
    session = carol.key["session"]
    assert example.call(session, "GET", guard.url + "/")[0] == 200
    guard.operate("key", "revoke", carol.key["keyid"])
    status, _, body = example.call(session, "GET", guard.url + "/")
    assert (status, json.loads(body)["type"]) == (401, "urn:countersign:token-revoked")
