"""PyPI's openapi-spec-validator reads `docs/openapi.json`, and jsonschema holds to it what stands there as an example and what a
live guard answers."""
import http.client, json
from urllib.parse import urlsplit

import jsonschema, pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from guard import BINARY, PATIENCE, ROOT, run

PASSWORD = "correct horse battery"
DOCUMENT = json.loads((ROOT / "docs/openapi.json").read_text())
REGISTRY = Registry().with_resource("urn:openapi", Resource.from_contents(DOCUMENT, default_specification=DRAFT202012))


def resolved(value):
    if "$ref" not in value:
        return value
    return REGISTRY.resolver("urn:openapi").lookup(value["$ref"]).contents


def hold(value, schema):
    """The names in the document are relative to it."""
    absolute = json.loads(json.dumps(schema).replace('"#/', '"urn:openapi#/'))
    jsonschema.Draft202012Validator(absolute, registry=REGISTRY).validate(value)


def contents():
    """Every body of a request or an answer, by where it stands."""
    for path, item in DOCUMENT["paths"].items():
        for method in item.keys() - {"servers"}:
            operation = item[method]
            bodies = {"request": operation.get("requestBody", {})} | operation["responses"]
            for name, body in bodies.items():
                for kind, content in resolved(body).get("content", {}).items():
                    yield f"{method} {path} {name} {kind}", content


def test_the_document_is_openapi_3_1():
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_example_is_of_the_schema_that_it_stands_beside():
    seen = 0
    for place, content in contents():
        examples = [resolved(example)["value"] for example in content.get("examples", {}).values()]
        for example in examples + ([content["example"]] if "example" in content else []):
            try:
                hold(example, content["schema"])
            except jsonschema.ValidationError as error:
                pytest.fail(f"{place}: {error}")
            seen += 1
    assert seen > 300


@pytest.mark.parametrize("path", ["login", "refresh", "revoke", "whoami"])
def test_what_sessions_are_made_of_is_shown_by_example(path):
    (operation,) = DOCUMENT["paths"][f"/api/auth/{path}"].values()
    assert {"401", "503"} < operation["responses"].keys()
    for body in [operation.get("requestBody"), operation["responses"].get("200")]:
        for content in (body or {}).get("content", {}).values():
            assert "example" in content or content["examples"], path


@pytest.fixture(scope="module")
def guard(start_guard):
    guard = start_guard()
    run([BINARY, "user", "add", "bob", "--password-stdin", "--config", guard.config], input=PASSWORD.encode())
    return guard


@pytest.fixture(scope="module")
def asked(guard):
    """Asks, and holds the answer to what the document says of it."""

    def ask(method, path, body=None, token=None, kind="application/json"):
        to = urlsplit(guard.url)
        fields = {"content-type": kind} if body is not None else {}
        fields |= {"authorization": f"Bearer {token}"} if token else {}
        connection = http.client.HTTPConnection(to.netloc, timeout=PATIENCE)
        connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body, fields)
        answer = connection.getresponse()
        octets, kind = answer.read(), answer.getheader("content-type")
        connection.close()
        said = resolved(DOCUMENT["paths"][path.partition("?")[0]][method.lower()]["responses"][str(answer.status)])
        value = json.loads(octets) if octets else None
        if value is None:
            assert "content" not in said
        else:
            hold(value, said["content"][kind]["schema"])
        if kind == "application/problem+json":
            assert value["type"].removeprefix("urn:countersign:") in said["content"][kind]["examples"], value
        return answer.status, value

    return ask


def test_a_live_guard_answers_as_the_document_says(asked):
    login = {"username": "bob", "password": PASSWORD}
    status, opened = asked("POST", "/api/auth/login", login)
    assert status == 200
    token = opened["access_token"]
    assert asked("POST", "/api/auth/login", login | {"proof": "key"})[0] == 200
    assert asked("GET", "/api/auth/whoami", token=token)[0] == 200
    assert asked("GET", "/api/auth/sessions?limit=1", token=token)[0] == 200
    assert asked("GET", "/.well-known/jwks.json")[0] == 200
    assert asked("GET", "/.well-known/oauth-authorization-server")[0] == 200
    status, renewed = asked("POST", "/api/auth/refresh", {"refresh_token": opened["refresh_token"]})
    assert status == 200
    assert asked("POST", "/api/auth/revoke", token=renewed["access_token"]) == (204, None)


def test_a_live_guard_refuses_as_the_document_says(asked):
    wrong = {"username": "bob", "password": "wrong horse battery"}
    assert asked("POST", "/api/auth/login", wrong)[0] == 401
    assert asked("POST", "/api/auth/login", wrong | {"remember": True})[0] in (400, 422)
    assert asked("POST", "/api/auth/login", wrong, kind="text/plain")[0] == 415
    assert asked("POST", "/api/auth/refresh", {"refresh_token": "csr_none"})[0] == 401
    assert asked("GET", "/api/auth/whoami")[0] == 401
    assert asked("GET", "/api/auth/whoami", token="none")[0] == 401
    assert asked("GET", "/api/auth/keys")[0] == 401
    assert asked("POST", "/oauth/introspect", {}, kind="text/plain")[1]["error"] == "invalid_request"
    unnamed = asked("POST", "/oauth/introspect", "token=x", kind="application/x-www-form-urlencoded")
    assert (unnamed[0], unnamed[1]["error"]) == (401, "invalid_client")
    token = asked("POST", "/api/auth/login", {"username": "bob", "password": PASSWORD})[1]["access_token"]
    assert asked("GET", "/api/auth/sessions?limit=0", token=token)[0] == 400
    assert asked("GET", "/api/auth/keys", token=token)[0] in (401, 403)
