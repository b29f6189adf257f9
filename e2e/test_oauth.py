"""PyPI's Authlib, an ordinary OAuth client, asks the guard about tokens and takes them back, by what RFC 8414 says of it."""
import http.client, json
from urllib.parse import urlsplit

import jwt, pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from guard import BINARY, PATIENCE, run

SECRET = "9f2c+7d01/a4be=63f8-9f2c_7d01.a4be~63f8"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def guard(start_guard, home):
    secret = home / "orders-api"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    guard = start_guard(f'[[verifier]]\nid = "orders-api"\nsecret_file = "{secret}"\n')
    command = [BINARY, "user", "add", "alice", "--permission", "orders:read", "--password-stdin", "--config", guard.config]
    run(command, input=PASSWORD.encode())
    return guard


@pytest.fixture(scope="module")
def metadata(guard):
    _, found = asked(guard, "GET", "/.well-known/oauth-authorization-server")
    metadata = AuthorizationServerMetadata(found)
    for endpoint in ["introspection_endpoint", "revocation_endpoint"]:
        getattr(metadata, f"validate_{endpoint}_auth_methods_supported")()
    return metadata


def asked(guard, method, path, body=None, **fields):
    to = urlsplit(guard.url)
    connection = http.client.HTTPConnection(to.netloc, timeout=PATIENCE)
    fields = {name.replace("_", "-"): value for name, value in fields.items()}
    connection.request(method, path, body, fields)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def logged_in(guard, proof="bearer"):
    wanted = json.dumps({"username": "alice", "password": PASSWORD, "proof": proof})
    status, answer = asked(guard, "POST", "/api/auth/login", wanted, content_type="application/json")
    assert status == 200, answer
    return answer


def client(method="client_secret_basic", secret=SECRET):
    return OAuth2Session("orders-api", secret, token_endpoint_auth_method=method,
                         introspection_endpoint_auth_method=method, revocation_endpoint_auth_method=method)


def introspected(metadata, token, hint=None, **how):
    answer = client(**how).introspect_token(metadata["introspection_endpoint"], token=token, token_type_hint=hint)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_the_library_learns_whose_a_token_is_and_takes_it_back(guard, metadata, method):
    login = logged_in(guard)
    found = introspected(metadata, login["access_token"], method=method).json()
    assert found["active"] and found["username"] == "alice" and found["scope"] == "orders:read"
    assert found["sid"] == login["session"]["ref"] and found["iss"] == guard.url and "cnf" not in found
    bearer = {"Authorization": "Bearer " + login["access_token"]}
    assert asked(guard, "GET", "/api/auth/whoami", **bearer)[0] == 200
    answer = client(method).revoke_token(metadata["revocation_endpoint"], token=login["access_token"])
    assert (answer.status_code, answer.content) == (200, b"")
    assert introspected(metadata, login["access_token"], method=method).json() == {"active": False}
    status, problem = asked(guard, "GET", "/api/auth/whoami", **bearer)
    assert status == 401 and problem["detail"].startswith("Token has been revoked")


def test_a_refresh_token_that_is_taken_back_ends_the_session(guard, metadata):
    login = logged_in(guard)
    assert introspected(metadata, login["refresh_token"]).json() == {"active": False}, "nobody takes it for an access token"
    assert introspected(metadata, login["refresh_token"], "refresh_token").json()["active"]
    client().revoke_token(metadata["revocation_endpoint"], token=login["refresh_token"], token_type_hint="refresh_token")
    assert introspected(metadata, login["access_token"]).json() == {"active": False}


def test_the_token_of_a_session_with_a_key_says_so(guard, metadata):
    login = logged_in(guard, "key")
    assert introspected(metadata, login["access_token"]).json()["cnf"] == {"kid": "s." + login["session"]["ref"]}


def test_without_the_secret_there_is_no_answer(guard, metadata):
    login = logged_in(guard)
    answer = introspected(metadata, login["access_token"], secret=SECRET[::-1])
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert introspected(metadata, login["access_token"]).json()["active"]


def test_a_token_of_a_real_login_is_verified_by_a_library_for_jwts(guard, metadata):
    token = logged_in(guard)["access_token"]
    key = jwt.PyJWKClient(metadata["jwks_uri"], timeout=PATIENCE).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["EdDSA"], issuer=guard.url, audience=guard.url)
    assert claims["username"] == "alice" and claims["client_id"] == "countersign"
