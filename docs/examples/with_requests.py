"""PyPI's requests, signed and verified by requests-http-signature (docs/peers.md).

    session, verify = of_key(json.load(open("key.json")))           # countersign key show --danger-secret --json
    answer = verify(session.post("http://127.0.0.1:8470/v1/transfers", json={"amount": 25}))
"""
import base64, secrets, time

import requests
from http_message_signatures import HTTPSignatureComponentResolver
from requests_http_signature import HTTPSignatureAuth, InvalidSignature, algorithms

FREE = {"host", "content-length", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "accept", "accept-language",
        "accept-encoding", "date", "signature", "signature-input"}


class Lines(HTTPSignatureComponentResolver):
    """Gives the lines of a repeated field apart, which `;bs` needs and requests has joined."""

    def __init__(self, message):
        super().__init__(message)
        raw = getattr(getattr(message, "raw", None), "headers", None)
        for name in {name.lower() for name in raw or ()}:
            self.header_field_lines[name] = raw.getlist(name)


class Countersign(HTTPSignatureAuth):
    """Signs as docs/protocol.md, §4, says: four derived components, the digest, and every field that is not free."""

    component_resolver_class = Lines

    def __init__(self, key):
        super().__init__(signature_algorithm=algorithms.HMAC_SHA256, key=bytes.fromhex(key["c2s"]), key_id=key["keyid"],
                         label="cs", tag="countersign-req-1", use_nonce=True)

    def get_nonce(self, request):
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")

    def get_covered_component_ids(self, request):
        fields = [name.lower() for name in request.headers if name.lower() not in FREE | {"content-digest"}]
        return ["@method", "@authority", "@path", "@query", "content-digest", *fields]


def of_key(key):
    """A session that signs, and what has to be called with each of its answers before anything of it is used."""
    session = requests.Session()
    session.auth, session.trust_env = Countersign(key), False
    # A redirect would be followed under a signature that is not for it.
    unfollowed = {"allow_redirects": False, "stream": True}
    session.request = lambda *given, _request=session.request, **named: _request(*given, **named | unfollowed)
    resolver = type("Key", (), {"resolve_public_key": lambda self, keyid: bytes.fromhex(key["s2c"])})()

    def verify(answer):
        """Gives the answer if it is the server's own to this very request; raises InvalidSignature if not."""
        sent = answer.request.headers
        asked = sent["signature-input"].partition("(")[2].partition(")")[0].split()
        required = ["@status", "content-digest", "countersign-time", "countersign-request", *(f"{name};req" for name in asked)]
        result = Countersign.verify(answer, signature_algorithm=algorithms.HMAC_SHA256, key_resolver=resolver,
                                    expect_tag="countersign-res-1", require_components=required, max_age=None)
        # What the library leaves to its caller (protocol §5.2).
        of_request = sum(name.endswith(";req") for name in result.covered_components)
        if not (f';nonce="{result.nonce}";' in sent["signature-input"] + ";" and result.parameters["keyid"] == key["keyid"]
                and answer.headers["countersign-request"] == sent["signature"].partition("=")[2] and of_request == len(asked)
                and abs(time.time() - int(answer.headers["countersign-time"]) / 1000) < 60):
            raise InvalidSignature("this is the answer to another request, or from another time")
        return answer

    return session, verify
