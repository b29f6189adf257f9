"""The vectors of rotation and recovery (protocol §10), computed from docs/protocol.md with PyCA cryptography and nothing of
this project: python3 vectors/rotation.py compares them with rotation.json, and with --write makes that file."""
import base64, hashlib, hmac, json, pathlib, sys
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE = pathlib.Path(__file__).with_name("rotation.json")
AUTHORITY, USERNAME, OLD, NEW = b"api.example.com", b"alice", b"k7f3a9c2d4e5b6a1c", b"k2b8d0e6f1a7c3954"
NOW = 1763780000000
STATIC, CLIENT_EPHEMERAL, SERVER_EPHEMERAL = bytes([0x11] * 32), bytes(range(0x40, 0x60)), bytes(range(0x60, 0x80))
ROOT, C_RAND, S_RAND, TICKET_KEY = bytes.fromhex("3e597b1b330793d8e3cf72958f04dbfe0c77874f45500fc8eb4e09965cc71ee7"), bytes([0xC1] * 32), bytes([0x51] * 32), bytes([0x71] * 32)


def hm(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def lp(octets):
    return len(octets).to_bytes(4, "big") + octets


def label(name, context):
    return b"countersign/1 " + name + b"\0" + lp(context)


def hkdf(salt, ikm, info):
    return hm(hm(salt, ikm), info + b"\1")


def derive(root, name, context):
    return hkdf(b"countersign/1", root, label(name, context))


def public(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def dh(private, their_public):
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(their_public))


class Noise:
    """Noise_NKpsk0_25519_AESGCM_SHA256, both sides at once: protocol §3.2, line by line."""

    def __init__(self, prologue, psk):
        self.ck = self.h = b"Noise_NKpsk0_25519_AESGCM_SHA256"
        self.mix_hash(prologue)
        self.mix_hash(public(STATIC))
        self.ck, t, self.k = self.outputs(psk, 3)
        self.mix_hash(t)

    def mix_hash(self, data):
        self.h = hashlib.sha256(self.h + data).digest()

    def outputs(self, data, count):
        p, out, last = hm(self.ck, data), [], b""
        for number in range(1, count + 1):
            last = hm(p, last + bytes([number]))
            out.append(last)
        return out

    def message(self, ephemeral, shared, payload):
        self.mix_hash(public(ephemeral))
        self.ck, self.k = self.outputs(public(ephemeral), 2)
        self.ck, self.k = self.outputs(shared, 2)
        sealed = AESGCM(self.k).encrypt(bytes(12), payload, self.h)
        self.mix_hash(sealed)
        return public(ephemeral) + sealed


def exchange(prologue, psk, payload1, payload2):
    noise = Noise(prologue, psk)
    one = noise.message(CLIENT_EPHEMERAL, dh(CLIENT_EPHEMERAL, public(STATIC)), payload1)
    two = noise.message(SERVER_EPHEMERAL, dh(SERVER_EPHEMERAL, public(CLIENT_EPHEMERAL)), payload2)
    return {"prologue": prologue, "psk": psk, "payload1": payload1, "message1": one, "payload2": payload2, "message2": two, "handshake_hash": noise.h}


def new_key(prologue, psk, head=b""):
    introduction = lp(b"") + lp(b"laptop") + C_RAND + NOW.to_bytes(8, "big")
    grant = b"\0" + lp(NEW) + S_RAND + NOW.to_bytes(8, "big") + b"\0"
    made = exchange(prologue, psk, introduction, grant)
    root = hkdf(made["handshake_hash"], C_RAND + S_RAND, label(b"user root", NEW))
    return made | {"request_body": head + made["message1"], "root": root}


def text(content):
    octets = content + hashlib.sha256(content).digest()[:4]
    return "countersign1:" + base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def recovery(kind, ticket_id, secret, psk):
    card = text(bytes([kind]) + ticket_id + secret + public(STATIC) + lp(AUTHORITY) + lp(USERNAME))
    prologue = b"countersign/enrol/1\0" + lp(AUTHORITY) + lp(ticket_id)
    return {"text": card, "ticket_id": ticket_id} | new_key(prologue, psk, bytes([kind]) + ticket_id)


def vectors():
    card_id, code_id, not_after = bytes.fromhex("2021222324252627"), bytes.fromhex("3031323334353637"), 1763866400
    card_psk = hm(TICKET_KEY, b"countersign/1 ticket\0" + card_id + not_after.to_bytes(8, "big") + lp(b"user") + lp(USERNAME))
    code = hm(TICKET_KEY, b"countersign/1 recovery code\0" + code_id + lp(USERNAME))[:16]
    codes = b"\1" + code_id + code
    return {
        "server_static_priv": STATIC, "server_static_pub": public(STATIC), "client_ephemeral_priv": CLIENT_EPHEMERAL,
        "server_ephemeral_priv": SERVER_EPHEMERAL, "authority": AUTHORITY.decode(), "username": USERNAME.decode(),
        "device": "laptop", "time_ms": NOW, "c_rand": C_RAND, "s_rand": S_RAND, "new_keyid": NEW.decode(), "ticket_key": TICKET_KEY,
        "rotate": {"old_keyid": OLD.decode(), "old_root": ROOT}
        | new_key(b"countersign/rotate/1\0" + lp(AUTHORITY) + lp(OLD), derive(ROOT, b"rotate psk", OLD)),
        "recovery_card": {"not_after": not_after, "role": "user"} | recovery(3, card_id, card_psk, card_psk),
        "recovery_code": {"code": code} | recovery(4, code_id, code, derive(code, b"recovery psk", code_id)),
        "codes": {"keyid": OLD.decode(), "root": ROOT}
        | exchange(b"countersign/codes/1\0" + lp(AUTHORITY) + lp(OLD), derive(ROOT, b"codes psk", OLD), b"\1", codes),
    }


def written(value):
    return value.hex() if isinstance(value, bytes) else {k: written(v) for k, v in value.items()} if isinstance(value, dict) else value


made = json.dumps(written(vectors()), indent=1) + "\n"
if "--write" in sys.argv[1:]:
    FILE.write_text(made)
sys.exit(made != FILE.read_text() and "rotation.json is not what the protocol says")
