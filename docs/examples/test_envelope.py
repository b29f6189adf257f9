"""The example of envelopes against the vectors: python3 docs/examples/test_envelope.py"""
import json, pathlib, unittest

import envelope

ROOT = pathlib.Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "vectors/countersign.json").read_text())
KEY = envelope.keys(bytes.fromhex(VECTORS["keys"]["root"]), VECTORS["keys"]["keyid"])
REQUEST, RESPONSE = VECTORS["envelope_request"]["json"], VECTORS["envelope_response"]["json"]
NOW = REQUEST["timestamp"]


def sent():
    packet = envelope.unb64u(REQUEST["packet"])
    return envelope.sign(KEY, REQUEST["aud"], REQUEST["username"], REQUEST["action"], packet, bytes(range(0x80, 0xA0)), NOW)


class Envelopes(unittest.TestCase):
    def test_the_keys_are_those_of_the_vectors(self):
        for name in ("c2s_env", "s2c_env"):
            self.assertEqual(KEY[name].hex(), VECTORS["keys"][name])

    def test_a_request_is_signed_as_the_vector_says(self):
        self.assertEqual(json.loads(sent()[0]), REQUEST)

    def test_the_answer_of_the_vector_is_believed(self):
        status, packet, at = envelope.verify(KEY, sent()[1], json.dumps(RESPONSE), NOW)
        self.assertEqual((status, packet, at), (200, b'{"id":"tr_81"}', RESPONSE["timestamp"]))

    def test_a_changed_answer_is_not(self):
        for name, value in [("status", 201), ("timestamp", NOW + 1), ("packet", ""), ("mac", RESPONSE["mac"][::-1]),
                            ("nonce", envelope.b64u(bytes(32))), ("kid", "k7f3a9c2d4e5b6a1d"), ("v", 2), ("v", True),
                            ("status", "200"), ("status", 1 << 16), ("packet", "eyJpZCI6InRyXzgxIn1"), ("extra", 1)]:
            with self.assertRaises(envelope.Interference, msg=name):
                envelope.verify(KEY, sent()[1], json.dumps(RESPONSE | {name: value}), NOW)
        twice = json.dumps(RESPONSE).replace('"status": 200', '"status": 500, "status": 200')
        with self.assertRaises(envelope.Interference):
            envelope.verify(KEY, sent()[1], twice, NOW)

    def test_the_answer_to_another_request_and_the_request_itself_are_not(self):
        other = envelope.sign(KEY, "api.example.com", "alice", "transfer.delete", b"", sent()[1]["nonce"], NOW)[1]
        for remembered, message in [(other, json.dumps(RESPONSE)), (sent()[1], sent()[0])]:
            with self.assertRaises(envelope.Interference):
                envelope.verify(KEY, remembered, message, NOW)

    def test_the_edge_of_the_window_is_inside(self):
        late = RESPONSE["timestamp"] - 5000
        self.assertTrue(envelope.verify(KEY, sent()[1], json.dumps(RESPONSE), late))
        with self.assertRaises(envelope.Interference):
            envelope.verify(KEY, sent()[1], json.dumps(RESPONSE), late - 1)


if __name__ == "__main__":
    unittest.main()
