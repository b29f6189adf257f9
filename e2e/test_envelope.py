"""PyPI's websockets carries envelopes that `docs/examples/envelope.py` signs and verifies; and the `countersign` command."""
import json

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import envelope

ACTIONS = """
[[envelope.action]]
name = "transfer.create"
path = "/v1/transfers"
[[envelope.action]]
name = "me"
method = "GET"
path = "/v1/me"
"""


@pytest.fixture(scope="module")
def alice(start_guard, api):
    return start_guard(f'upstream = "{api.url}"\n{ACTIONS}').enrol("alice", role="service")


@pytest.fixture(scope="module")
def key(alice):
    return envelope.keys(bytes.fromhex(alice.key["root"]), alice.key["keyid"])


@pytest.fixture
def socket(alice):
    with connect(alice.server.replace("http", "ws", 1) + "/api/auth/envelope", compression=None, proxy=None) as socket:
        yield socket


def sign(alice, key, action, packet=b""):
    return envelope.sign(key, alice.server.removeprefix("http://"), "alice", action, packet)


def test_a_stranger_s_client_calls_the_api_by_its_actions(alice, key, socket, api):
    message, sent = sign(alice, key, "transfer.create", b'{"amount":25}')
    socket.send(message)
    status, packet, _ = envelope.verify(key, sent, socket.recv())
    assert (status, json.loads(packet)) == (200, {"seen": len(api.requests)})
    assert (api.last.method, api.last.target, api.last.body) == ("POST", "/v1/transfers", b'{"amount":25}')
    assert api.last.values("remote-user") == ["alice"] and api.last.values("content-type") == ["application/json"]


def test_answers_come_as_they_are_done_and_belong_by_their_nonce(alice, key, socket):
    sent = {}
    for _ in range(20):
        message, remembered = sign(alice, key, "me")
        sent[envelope.b64u(remembered["nonce"])] = remembered
        socket.send(message)
    for _ in range(20):
        answer = socket.recv()
        assert envelope.verify(key, sent.pop(json.loads(answer)["nonce"]), answer)[0] == 200
    assert not sent


def test_a_replayed_and_a_changed_message_do_nothing(alice, key, socket, api):
    message, sent = sign(alice, key, "me")
    before = len(api.requests)
    for spoilt in [message.replace('"me"', '"transfer.create"'), message.replace('"alice"', '"bob"')]:
        socket.send(spoilt)
        answer = socket.recv()
        assert json.loads(answer)["status"] == 401
    assert len(api.requests) == before
    socket.send(message)
    assert envelope.verify(key, sent, socket.recv())[0] == 200
    socket.send(message)
    with pytest.raises(envelope.Interference, match="replayed"):
        envelope.verify(key, sent, socket.recv())
    assert len(api.requests) == before + 1


def test_what_is_no_envelope_ends_the_connection(socket):
    socket.send('{"v":1}')
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv()
    assert closed.value.rcvd.code == 1007


def test_the_command_sends_one_and_says_what_came_of_it(alice, api):
    assert json.loads(alice.countersign("call", "--envelope", "transfer.create", "-d", '{"amount":25}').stdout) == {"seen": len(api.requests)}
    assert api.last.body == b'{"amount":25}'
    refused = alice.countersign("call", "--envelope", "no.such.action", expect=22)
    assert b"urn:countersign:not-found" in refused.stdout and b"the guard refused (404 not-found)" in refused.stderr


def test_the_command_says_when_a_server_takes_none(start_guard):
    bob = start_guard(name="without").enrol("bob")
    none = bob.countersign("call", "--envelope", "me", expect=2)
    assert b"takes no envelopes: it answered the handshake of the WebSocket with 401" in none.stderr
