"""Countersign envelopes with nothing but Python's standard library (docs/protocol.md, §8).

`sign` gives the message to send, over a WebSocket or through a queue, and `verify` what came back if that is the server's
own answer to it. `keys` derives the two keys from the root of `countersign key show --danger-secret --json`.
"""
import base64, hashlib, hmac, json, secrets, struct, time

W = 5
MEMBERS = {"v": int, "kid": str, "nonce": str, "timestamp": int, "status": int, "packet": str, "mac": str}


class Interference(Exception):
    """The answer is not believed; whether the request was carried out is unknown."""


def lp(octets):
    return struct.pack(">I", len(octets)) + octets


def b64u(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def unb64u(text):
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64u(octets) != text:
        raise ValueError("not canonical")
    return octets


def hm(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def keys(root, keyid):
    """HKDF of one block: extract with the salt, expand once."""
    extracted = hm(b"countersign/1", root)
    derive = lambda name: hm(extracted, b"countersign/1 " + name + b"\0" + lp(keyid.encode()) + b"\1")
    return {"keyid": keyid, "c2s_env": derive(b"c2s env"), "s2c_env": derive(b"s2c env")}


def sign(key, aud, username, action, packet, nonce=None, timestamp=None):
    """Gives the message, and what must be remembered until the answer comes."""
    nonce, timestamp = nonce or secrets.token_bytes(32), timestamp or time.time_ns() // 1_000_000
    mac = hm(key["c2s_env"], b"countersign/env-req/1\0", lp(aud.encode()), lp(nonce), struct.pack(">Q", timestamp),
             lp(action.encode()), lp(username.encode()), lp(packet))
    message = {"v": 1, "aud": aud, "kid": key["keyid"], "nonce": b64u(nonce), "timestamp": timestamp, "action": action,
               "username": username, "packet": b64u(packet), "mac": b64u(mac)}
    return json.dumps(message), {"nonce": nonce, "mac": mac, "at": timestamp}


def once(pairs):
    """A member that stands there twice is read by one program as the first and by another as the last."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def verify(key, sent, message, now=None):
    """Gives status, packet and the server's time of an answer that is the server's own to what was sent."""
    try:
        answer = json.loads(message, object_pairs_hook=once)
        assert answer.keys() == MEMBERS.keys() and all(type(answer[name]) is kind for name, kind in MEMBERS.items())
        nonce, packet, mac = (unb64u(answer[name]) for name in ("nonce", "packet", "mac"))
        numbers = struct.pack(">QH", answer["timestamp"], answer["status"])
    except (ValueError, AssertionError, AttributeError, struct.error):
        raise Interference("bad-mac")
    if (answer["v"], answer["kid"], nonce) != (1, key["keyid"], sent["nonce"]):
        raise Interference("wrong-request")
    expected = hm(key["s2c_env"], b"countersign/env-res/1\0", lp(sent["nonce"]), lp(sent["mac"]), numbers, lp(packet))
    if not hmac.compare_digest(mac, expected):
        raise Interference("bad-mac")
    code = ""
    if answer["status"] >= 400 and packet.startswith(b'{"type":"urn:countersign:'):
        code = json.loads(packet)["type"].removeprefix("urn:countersign:")
    if code == "replayed":
        raise Interference("replayed")
    now = now or time.time_ns() // 1_000_000
    on_time = sent["at"] - W * 1000 <= answer["timestamp"] <= now + W * 1000
    if not on_time and code not in ("clock-skew", "unauthorized", "unavailable"):
        raise Interference("stale")
    return answer["status"], packet, answer["timestamp"]
