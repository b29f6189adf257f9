"""PyPI's PyJWT, somebody else's JWT library, reads the guard's public keys and verifies its access tokens by them."""
import base64, http.client, json, subprocess, time
from urllib.parse import urlsplit

import jwt, pytest

from guard import BINARY, PATIENCE, environment


@pytest.fixture(scope="module")
def guard(start_guard):
    return start_guard()


def fetched(guard, path):
    to = urlsplit(guard.url)
    connection = http.client.HTTPConnection(to.netloc, timeout=PATIENCE)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    return answer, json.loads(body)


@pytest.fixture(scope="module")
def issued():
    """An access token, who issued it, and the document with the public keys."""
    done = subprocess.run([BINARY.parent / "examples/access_token", str(int(time.time()))], capture_output=True,
                          timeout=PATIENCE, env=environment(), check=True)
    printed = json.loads(done.stdout)
    return printed["token"], printed["issuer"], printed["jwks"]


def verified(text, issuer, jwks):
    """What the library makes of it, told what docs/tokens.md says."""
    key = jwt.PyJWKSet.from_dict(jwks)[jwt.get_unverified_header(text)["kid"]]
    token = jwt.api_jwt.decode_complete(
        text, key, algorithms=["EdDSA"], issuer=issuer, audience=issuer,
        options={"require": ["exp", "iat", "sub", "sid", "jti", "auth_time", "gen", "epoch"]})
    assert token["header"]["typ"] == "at+jwt"
    return token["payload"]


def test_a_token_is_verified_by_the_library_and_says_what_the_page_says(issued):
    text, issuer, jwks = issued
    claims = verified(text, issuer, jwks)
    assert set(claims) >= {"client_id", "username", "role", "permissions"} and claims["username"] == "alice"
    assert claims["cnf"] == {"kid": "s." + claims["sid"]}
    assert 855 <= claims["exp"] - claims["iat"] <= 900


def test_a_changed_token_is_refused_by_the_library(issued):
    text, issuer, jwks = issued
    header, claims, signature = text.split(".")
    encoded = lambda octets: base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
    admin = base64.urlsafe_b64decode(claims + "==").replace(b'"role":"user"', b'"role":"admin"')
    for changed in [f"{header}.{encoded(admin)}.{signature}", f"{header}.{claims}.{encoded(bytes(64))}"]:
        with pytest.raises(jwt.InvalidSignatureError):
            verified(changed, issuer, jwks)
    with pytest.raises(jwt.InvalidIssuerError):
        verified(text, "https://evil.example", jwks)


def test_the_library_reads_the_keys_of_a_running_guard(guard):
    _, metadata = fetched(guard, "/.well-known/oauth-authorization-server")
    assert metadata["issuer"] == guard.url and metadata["jwks_uri"] == guard.url + "/.well-known/jwks.json"
    answer, _ = fetched(guard, "/.well-known/jwks.json")
    assert answer.getheader("Cache-Control") == "public, max-age=300"
    keys = jwt.PyJWKClient(metadata["jwks_uri"], timeout=PATIENCE).get_signing_keys()
    shown = json.loads(guard.operate("token-key", "show", "--json"))["keys"]
    assert [key.key_id for key in keys] == [key["kid"] for key in shown] and len(keys) == 2
    assert {key.algorithm_name for key in keys} == {"EdDSA"}


def test_a_rotation_by_command_is_published_at_once_and_told_of(guard):
    before = json.loads(guard.operate("token-key", "show", "--json"))["keys"]
    guard.operate("token-key", "rotate", "--at-once")
    _, jwks = fetched(guard, "/.well-known/jwks.json")
    names = [key["kid"] for key in jwks["keys"]]
    assert names[0] == before[1]["kid"] and names[2] == before[0]["kid"]
    guard.operate("token-key", "retire")
    _, jwks = fetched(guard, "/.well-known/jwks.json")
    assert [key["kid"] for key in jwks["keys"]] == names[:2]
    assert [event["event"] for event in guard.events()][-2:] == ["token_key_rotated", "token_key_retired"]
