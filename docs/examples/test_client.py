"""The example client against the vectors and over a socket: python3 docs/examples/test_client.py"""
import http.server, json, pathlib, threading, time, unittest

import client

VECTORS = json.loads((pathlib.Path(__file__).parents[2] / "vectors/countersign.json").read_text())
KEY = {name: VECTORS["keys"][name] for name in ("keyid", "c2s", "s2c")}
NONCE = bytes(range(0x80, 0xA0))
ANSWERS = ["response_ok", "error_replayed", "error_clock_skew"]


def fields_of(vector):
    return [tuple(line.split(": ", 1)) for line in vector["http"][1:]]


def the_request():
    """What the sender of the vector `request` remembers."""
    vector = VECTORS["request"]
    lines = [line.split(": ", 1) for line in vector["signature_base"].split("\n")][:-1]
    covered = {name.strip('"'): value for name, value in lines}
    nonce = client.base64.urlsafe_b64encode(NONCE).decode().rstrip("=")
    return {"covered": covered, "nonce": nonce, "signature": f":{vector['signature']}:", "head": False}


def verify(vector, status=None, fields=None, body=None, sent=None, key=KEY):
    said = int(vector["http"][0].split()[1])
    fields = fields_of(vector) if fields is None else fields
    body = vector["body"].encode() if body is None else body
    return client.verify(key, sent or the_request(), status or said, fields, body)


class Requests(unittest.TestCase):
    def test_a_request_without_a_body_is_signed_as_the_vector_says(self):
        fields, sent = client.sign(KEY, "GET", "api.example.com", "/v1/me", {}, b"", NONCE, 1763780000)
        self.assertEqual(fields, {k.lower(): v for k, v in fields_of(VECTORS["request_get"]) if k != "Host"})
        self.assertEqual(sent["signature"], f":{VECTORS['request_get']['signature']}:")

    def test_a_request_with_fields_covers_what_the_vector_covers(self):
        vector = VECTORS["request"]
        given = {k: v for k, v in fields_of(vector) if k in ("Content-Type", "Idempotency-Key", "User-Agent")}
        _, sent = client.sign(KEY, "POST", "api.example.com", "/v1/transfers?dry=0", given, vector["body"].encode())
        self.assertEqual(list(sent["covered"].items()), list(the_request()["covered"].items()))


class Sessions(unittest.TestCase):
    def test_the_keys_of_a_session_are_those_of_the_vector(self):
        keys = VECTORS["keys"]
        self.assertEqual([client.derive(keys["root"], name + " mac", keys["keyid"]) for name in ("c2s", "s2c")],
                         [keys["c2s"], keys["s2c"]])
        root = client.derive(keys["root"], "session root", keys["session"]["ref"])
        self.assertEqual(root, keys["session"]["session_root"])
        session = client.session_of(root, keys["session"]["ref"])
        self.assertEqual({name: session[name] for name in ("keyid", "c2s", "s2c")},
                         {name: keys["session"][name] for name in ("keyid", "c2s", "s2c")})


class Answers(unittest.TestCase):
    def refused(self, reason, *arguments, **changed):
        with self.assertRaises(client.Interference) as raised:
            verify(*arguments, **changed)
        self.assertIn(str(raised.exception), reason.split("|"))

    def test_the_servers_own_answers_are_believed(self):
        for name in ANSWERS:
            covered = verify(VECTORS[name])
            self.assertIn(("Countersign-Time", dict(fields_of(VECTORS[name]))["Countersign-Time"]), covered)
            self.assertNotIn("Content-Length", dict(covered))

    def test_a_refusal_of_a_spoilt_copy_is_no_answer_to_the_original(self):
        self.refused("wrong-request", VECTORS["error_unauthorized_bad_mac"])
        spoilt = the_request() | {"signature": ":" + "A" * 43 + "=:"}
        self.assertTrue(verify(VECTORS["error_unauthorized_bad_mac"], sent=spoilt))

    def test_another_status_body_key_or_request_is_found(self):
        vector = VECTORS["response_ok"]
        self.refused("bad-mac", vector, status=201)
        self.refused("digest", vector, body=b"{}")
        self.refused("bad-mac", vector, key=KEY | {"s2c": KEY["c2s"]})
        self.refused("wrong-request", vector, sent=the_request() | {"nonce": "A" * 43})
        for name in the_request()["covered"]:
            sent = the_request()
            sent["covered"][name] += "x"
            self.refused("bad-mac", vector, sent=sent)
            del sent["covered"][name]
            self.refused("bad-mac", vector, sent=sent)

    def test_every_changed_octet_of_a_covered_field_is_found(self):
        for answer in ANSWERS:
            fields = fields_of(VECTORS[answer])
            for place, (name, value) in enumerate(fields):
                if name == "Content-Length":
                    continue
                for at in range(len(value)):
                    other = value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1:]
                    changed = fields[:place] + [(name, other)] + fields[place + 1:]
                    self.refused("bad-mac|wrong-request|missing-signature", VECTORS[answer], fields=changed)
                self.refused("bad-mac|wrong-request|missing-signature", VECTORS[answer], fields=fields[:place] + fields[place + 1:])

    def test_an_answer_that_covers_too_little_is_refused_although_its_mac_is_right(self):
        vector = VECTORS["response_ok"]
        *lines, (_, params) = [line.split(": ", 1) for line in vector["signature_base"].split("\n")]
        tail = params.partition(")")[2]
        optional = ['"content-type"', '"cache-control"']
        for left_out in [None] + [name for name, _ in lines]:
            kept = [(name, value) for name, value in lines if name != left_out]
            said = "(" + " ".join(name for name, _ in kept) + ")" + tail
            fields = [(k, v) for k, v in fields_of(vector) if not k.startswith("Signature")]
            fields += [("Signature-Input", "cs=" + said), ("Signature", "cs=" + client.mac(KEY["s2c"], kept, said))]
            if left_out is None or left_out in optional:
                self.assertNotIn(left_out, [f'"{name.lower()}"' for name, _ in verify(vector, fields=fields)])
            else:
                self.refused("bad-mac", vector, fields=fields)

    def test_a_covered_field_that_is_absent_or_folded_is_refused_although_the_mac_would_hold(self):
        vector = VECTORS["response_ok"]
        *lines, (_, params) = [line.split(": ", 1) for line in vector["signature_base"].split("\n")]
        for value, sent in [("", []), ("a\r\n b", [("X-Note", "a\r\n b")]), ("a", [("X-Note", "a")])]:
            covered = lines + [('"x-note"', value)]
            said = "(" + " ".join(name for name, _ in covered) + ")" + params.partition(")")[2]
            fields = [(k, v) for k, v in fields_of(vector) if not k.startswith("Signature")] + sent
            fields += [("Signature-Input", "cs=" + said), ("Signature", "cs=" + client.mac(KEY["s2c"], covered, said))]
            if value == "a":
                self.assertIn(("X-Note", "a"), verify(vector, fields=fields))
            else:
                self.refused("bad-mac", vector, fields=fields)

    def test_a_field_that_was_added_is_not_shown(self):
        added = fields_of(VECTORS["response_ok"]) + [("Set-Cookie", "evil=1")]
        self.assertNotIn("Set-Cookie", dict(verify(VECTORS["response_ok"], fields=added)))

    def test_a_request_does_not_pass_for_an_answer(self):
        self.refused("missing-signature", VECTORS["response_ok"], fields=fields_of(VECTORS["request"]))

    def test_an_unsigned_error_is_told_from_a_stripped_signature(self):
        self.refused("unverified-error", VECTORS["response_ok"], status=400, fields=[])
        self.refused("missing-signature", VECTORS["response_ok"], status=200, fields=[])


class Server(http.server.BaseHTTPRequestHandler):
    """Answers like the guard: signed, for the request that came."""
    protocol_version = "HTTP/1.1"
    offset, body, kind, status = 0, b'{"a":1}', "application/json", 200

    def do_POST(self):
        got = {name.lower(): value for name, value in self.headers.items()}
        self.rfile.read(int(got.get("content-length", 0)))
        path, _, query = self.path.partition("?")
        params = got["signature-input"].removeprefix("cs=")
        derived = {"@method": self.command, "@authority": got["host"], "@path": path, "@query": "?" + query}
        names = [name for name, _ in client.re.findall(client.COMPONENT, params.partition(")")[0])]
        lines = [(f'"{name}"', (derived | got)[name]) for name in names]
        assert got["signature"] == "cs=" + client.mac(KEY["c2s"], lines, params), "the server computes another MAC"
        own = {"content-type": self.kind, "content-digest": client.digest(self.body),
               "countersign-time": str(int((time.time() + self.offset) * 1000)),
               "countersign-request": got["signature"].removeprefix("cs=")}
        answer = [('"@status"', str(self.status))] + [(f'"{name}"', value) for name, value in own.items()]
        answer += [(name + ";req", value) for name, value in lines]
        nonce = client.re.search(r'nonce="[^"]*"', params)[0]
        said = f'({" ".join(name for name, _ in answer)});created={int(time.time())};{nonce};alg="hmac-sha256"'
        said += f';keyid="{KEY["keyid"]}";tag="countersign-res-1"'
        self.send_response(self.status)
        own |= {"signature-input": "cs=" + said, "signature": "cs=" + client.mac(KEY["s2c"], answer, said)}
        for name, value in (own | {"content-length": str(len(self.body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST

    def log_message(self, *_):
        pass


class Calls(unittest.TestCase):
    def call(self, **server):
        handler = type("Handler", (Server,), server)
        with http.server.HTTPServer(("127.0.0.1", 0), handler) as listening:
            threading.Thread(target=listening.handle_request, daemon=True).start()
            url = f"http://127.0.0.1:{listening.server_port}/v1/transfers?dry=0"
            return client.call(KEY, "POST", url, {"Content-Type": "application/json"}, b"{}")

    def test_a_call_over_a_socket_is_signed_and_its_answer_verified(self):
        status, covered, body = self.call()
        self.assertEqual((status, body), (200, b'{"a":1}'))
        self.assertIn("countersign-time", dict(covered))

    def test_an_answer_from_another_time_is_stale_unless_it_says_that_the_clocks_differ(self):
        with self.assertRaisesRegex(client.Interference, "stale"):
            self.call(offset=60)
        skew = {"kind": "application/problem+json", "status": 401}
        self.assertEqual(self.call(offset=60, body=b'{"type":"urn:countersign:clock-skew"}', **skew)[0], 401)
        with self.assertRaisesRegex(client.Interference, "replayed"):
            self.call(body=b'{"type":"urn:countersign:replayed"}', **skew)


if __name__ == "__main__":
    unittest.main()
