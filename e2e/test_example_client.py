"""The example client of the documents, at a live guard, with the key that `key show` prints."""
import json, subprocess, sys, time

import client as example
import pytest

from guard import PATIENCE, ROOT, environment

EXAMPLE = ROOT / "docs/examples/client.py"


@pytest.fixture(scope="module")
def alice(start_guard, api):
    return start_guard(f'upstream = "{api.url}"\n').enrol("alice", role="service")


def test_it_signs_and_verifies(alice, api):
    status, fields, body = example.call(alice.key, "POST", alice.server + "/v1/transfers?dry=0",
                                        {"content-type": "application/json"}, b'{"amount":25}')
    assert (status, json.loads(body)) == (200, {"seen": len(api.requests)})
    assert ("content-type", "application/json") in fields
    assert (api.last.target, api.last.body) == ("/v1/transfers?dry=0", b'{"amount":25}')
    assert api.last.values("remote-user") == ["alice"]


def test_it_is_a_program_as_its_first_lines_say(alice, tmp_path):
    (tmp_path / "key.json").write_text(json.dumps(alice.key))
    command = [sys.executable, EXAMPLE, tmp_path / "key.json", "POST", alice.server + "/v1/x", "{}", "content-type=text/plain"]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, env=environment())
    assert done.returncode == 0 and b'"seen"' in done.stdout, done
    (tmp_path / "key.json").write_text(json.dumps(alice.key | {"c2s": "00" * 32}))
    assert subprocess.run(command, capture_output=True, timeout=PATIENCE, env=environment()).returncode == 22


@pytest.mark.parametrize("path", ["/api/auth/whoami", "/", "/caf%C3%A9/a%20b?x=%2F&y", "/?", "/none"])
def test_any_target_is_signed_as_it_is_sent(alice, api, path):
    api.answers["/none"] = (404, [("Content-Type", "text/plain")], b"nothing here")
    status, _, _ = example.call(alice.key, "GET", alice.server + path)
    assert status == (404 if path == "/none" else 200)
    # Nobody signs the question mark of an empty query, so the guard takes it away.
    assert path == "/api/auth/whoami" or api.last.target == path.removesuffix("?")


def test_it_believes_refusals_of_the_guard(alice):
    wrong = alice.key | {"c2s": "00" * 32}
    status, _, body = example.call(wrong, "GET", alice.server + "/")
    assert status == 401 and json.loads(body)["type"] == "urn:countersign:unauthorized"


def test_it_does_not_believe_whoever_lacks_the_key(alice):
    with pytest.raises(example.Interference, match="bad-mac"):
        example.call(alice.key | {"s2c": "00" * 32}, "GET", alice.server + "/")


def test_it_finds_a_repetition_of_its_request(alice, monkeypatch):
    sign, moment = example.sign, int(time.time())
    again = lambda *request: sign(*request[:6], nonce=b"the same nonce at both times....", created=moment)
    monkeypatch.setattr(example, "sign", again)
    assert example.call(alice.key, "GET", alice.server + "/")[0] == 200
    with pytest.raises(example.Interference, match="replayed"):
        example.call(alice.key, "GET", alice.server + "/")
