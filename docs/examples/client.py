"""A Countersign client with nothing but Python's standard library (docs/protocol.md, §2, §4, §5 and §12).

    countersign user invite --role service | head -1 > card                   # the operator: a card for a program
    countersign enrol --server http://127.0.0.1:8470 --card @card --username NAME --profile P
    countersign key show --profile P --danger-secret --json > key.json        # a secret: umask 077 first
    python3 client.py key.json GET http://127.0.0.1:8470/v1/me
    python3 client.py key.json POST http://127.0.0.1:8470/v1/transfers '{"amount":25}' content-type=application/json

The key of a program signs for itself. A person's opens a session, whose own keys sign (§12):

    python3 client.py key.json login http://127.0.0.1:8470 > session.json     # a secret, too
    python3 client.py session.json GET http://127.0.0.1:8470/v1/me

It signs one request, and prints the body of the answer only when that is the server's own answer to this very request.
The clock of this machine must be right within W (5 s): a client for daily use corrects it by Countersign-Time (§7). The
authority in the URL must be one of the server's own, as on the card.
"""
import base64, hashlib, hmac, http.client, json, re, secrets, sys, time, urllib.parse

W = 5
UNSIGNED = (400, 405, 408, 414, 421, 431, 502, 503, 504)  # may be said before a key is known: not proven, not forged
PARAMETER = r';([a-z]+)=("[^"\\]*"|[0-9]+)'
COMPONENT = r'"([^"\\]*)"(;req|;bs)?'
INPUT = re.compile(rf"([a-z*][a-z0-9_.*-]*)=(\(((?:{COMPONENT} ?)*)\)((?:{PARAMETER})+))")


class Interference(Exception):
    """The answer is not believed; whether the request was carried out is unknown."""


def b64(octets):
    return ":" + base64.b64encode(octets).decode() + ":"


def digest(body):
    return "sha-256=" + b64(hashlib.sha256(body).digest())


def mac(key, lines, params):
    base = "".join(f"{name}: {value}\n" for name, value in lines) + '"@signature-params": ' + params
    return b64(hmac.new(bytes.fromhex(key), base.encode(), hashlib.sha256).digest())


def sign(key, method, authority, target, fields, body, nonce=None, created=None):
    """Gives the fields to send, and what must be remembered until the answer comes."""
    path, _, query = target.partition("?")
    fields = {name.lower(): value for name, value in fields.items()}
    covered = {"@method": method, "@authority": authority, "@path": path, "@query": "?" + query}
    covered |= {name: fields[name] for name in ["content-type"] if name in fields}
    covered |= {"content-digest": digest(body)} | fields
    nonce = base64.urlsafe_b64encode(nonce or secrets.token_bytes(32)).decode().rstrip("=")
    params = "(" + " ".join(f'"{name}"' for name in covered) + f');created={created or int(time.time())};nonce="{nonce}"'
    params += f';alg="hmac-sha256";keyid="{key["keyid"]}";tag="countersign-req-1"'
    signature = mac(key["c2s"], [(f'"{name}"', value) for name, value in covered.items()], params)
    fields |= {"content-digest": digest(body), "signature-input": "cs=" + params, "signature": "cs=" + signature}
    return fields, {"covered": covered, "nonce": nonce, "signature": signature, "head": method == "HEAD"}


def verify(key, sent, status, received, body):
    """Gives the fields of the answer that its signature covers; `received` is a list of (name, value)."""
    values = lambda name: [value.strip(" \t") for other, value in received if other.lower() == name]
    found = INPUT.fullmatch(", ".join(values("signature-input")))
    parameters = re.findall(PARAMETER, found[6]) if found else []
    said = {name: value.strip('"') for name, value in parameters}
    if said.get("tag") != "countersign-res-1":
        raise Interference("unverified-error" if status in UNSIGNED else "missing-signature")
    theirs = (said.get("nonce"), said.get("keyid"), values("countersign-request"))
    if theirs != (sent["nonce"], key["keyid"], [sent["signature"]]):
        raise Interference("wrong-request")
    components = re.findall(COMPONENT, found[3])
    own = [name for name, flag in components if flag != ";req"]
    of_request = sorted(name for name, flag in components if flag == ";req")
    required = {"@status", "content-digest", "countersign-time", "countersign-request"}
    if (len(parameters) != len(said) or said.keys() | {"alg"} != {"created", "nonce", "alg", "keyid", "tag"}
            or said.get("alg") not in (None, "hmac-sha256") or of_request != sorted(sent["covered"])
            or len(own) != len(set(own)) or not required <= set(own)):
        raise Interference("bad-mac")
    lines = []
    for name, flag in components:
        one = [sent["covered"][name]] if flag == ";req" else [str(status)] if name == "@status" else values(name)
        if not one or not all(re.fullmatch(r"[\t -~]*", value) or flag == ";bs" for value in one):
            raise Interference("bad-mac")
        one = [b64(value.encode("latin-1")) for value in one] if flag == ";bs" else one
        lines.append((f'"{name}"{flag}', ", ".join(one)))
    expected = found[1] + "=" + mac(key["s2c"], lines, found[2])
    if not hmac.compare_digest(", ".join(values("signature")).encode(), expected.encode()):
        raise Interference("bad-mac")
    if values("content-digest") != [digest(body)] or body and (sent["head"] or status in (204, 304)):
        raise Interference("digest")
    return [(name, value) for name, value in received if name.lower() in own]


def call(key, method, url, fields={}, body=b""):
    """Sends one signed request; gives status, covered fields and body of an answer that is proven."""
    to = urllib.parse.urlsplit(url)
    connect, port = {"http": (http.client.HTTPConnection, 80), "https": (http.client.HTTPSConnection, 443)}[to.scheme]
    target = url.partition(to.netloc)[2] or "/"
    fields, sent = sign(key, method, to.netloc.lower().removesuffix(f":{port}"), target, fields, body)
    connection, start = connect(to.netloc, timeout=60), time.time()
    try:
        connection.request(method, target, body or None, {"host": sent["covered"]["@authority"]} | fields)
        answer = connection.getresponse()
        status, received, content = answer.status, answer.getheaders(), answer.read()
    except http.client.IncompleteRead:
        raise Interference("truncated")
    finally:
        connection.close()
    covered = verify(key, sent, status, received, content)
    said = {name.lower(): value for name, value in covered}
    is_problem = content and said.get("content-type") == "application/problem+json"
    code = json.loads(content).get("type", "").removeprefix("urn:countersign:") if is_problem else ""
    if code == "replayed":
        raise Interference("replayed")
    on_time = start - W <= int(said["countersign-time"]) / 1000 <= time.time() + W
    if not on_time and code not in ("clock-skew", "unauthorized", "unavailable"):
        raise Interference("stale")
    return status, covered, content


def derive(root, name, context):
    """D(root, name, context) of §2: HKDF-SHA-256 (RFC 5869) for 32 octets, in hex as everything of a key."""
    extracted = hmac.new(b"countersign/1", bytes.fromhex(root), hashlib.sha256).digest()
    info = b"countersign/1 " + name.encode() + b"\0" + len(context).to_bytes(4, "big") + context.encode()
    return hmac.new(extracted, info + b"\1", hashlib.sha256).hexdigest()


def session_of(root, ref):
    """What a session signs with. `root` is its own, not the key's: a login by password brings it as `session_key`."""
    keyid = "s." + ref
    return {"keyid": keyid, "root": root, "c2s": derive(root, "c2s mac", keyid), "s2c": derive(root, "s2c mac", keyid)}


def login(key, server, device=""):
    """Opens a session with a person's key, and gives what to sign with from then on."""
    body = json.dumps({"device": device} if device else {}).encode()
    status, _, content = call(key, "POST", server + "/api/auth/login", {"content-type": "application/json"}, body)
    if status != 200:
        raise PermissionError(f"no session: {content.decode()}")
    ref = json.loads(content)["session"]["ref"]
    return session_of(derive(key["root"], "session root", ref), ref)


if __name__ == "__main__":
    file, method, url, body, *fields = sys.argv[1:] + [""] * (4 == len(sys.argv))
    with open(file) as file:
        key = json.load(file)
    if method == "login":
        sys.exit(print(json.dumps(login(key, url, body))))
    status, _, content = call(key, method, url, dict(f.split("=", 1) for f in fields), body.encode())
    sys.stdout.buffer.write(content)
    sys.exit(0 if status < 400 else 22)
