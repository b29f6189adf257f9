//! `vectors/countersign.json`: keys, requests and answers, verified and made again octet for octet.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod vectors;

use countersign_core::secret::{MacKey, Root};
use countersign_core::signature::{
    AnswerHead, Authentication, PathForm, Received, ReceivedAnswer, SignatureParams, SignedRequest, sign_request,
};
use countersign_core::time::{Freshness, Timestamp};
use serde_json::Value;
use vectors::{Message, countersign, mac_key, secret};

const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

fn nonce() -> [u8; 32] {
    core::array::from_fn(|place| 0x80 + place as u8)
}

fn received(case: &Value) -> Received {
    Message::of_lines(case).with_head(|head| Received::read(head, PathForm::Canonical)).unwrap()
}

fn signed(case: &Value, c2s: &MacKey, keyid: &str, expires_secs: Option<u64>) -> SignedRequest {
    let params = SignatureParams { keyid, nonce: nonce(), created_secs: NOW.as_secs(), expires_secs };
    let message = Message::of_lines(case).without(&["signature", "signature-input"]);
    message.with_head(|head| sign_request(c2s, &params, head)).unwrap()
}

#[test]
fn the_keys_of_the_vectors_come_from_their_root() {
    let keys = &countersign()["keys"];
    let root = Root::new(secret(&keys["root"]));
    let pair = root.key_pair(keys["keyid"].as_str().unwrap());
    assert_eq!(pair.c2s.mac(&[b"x"]), mac_key(&keys["c2s"]).mac(&[b"x"]));
    assert_eq!(pair.s2c.mac(&[b"x"]), mac_key(&keys["s2c"]).mac(&[b"x"]));
}

#[test]
fn the_requests_of_the_vectors_are_authentic() {
    let vectors = countersign();
    let c2s = mac_key(&vectors["keys"]["c2s"]);
    for name in ["request", "request_get"] {
        let received = received(&vectors[name]);
        assert_eq!(received.signature_base().as_str(), vectors[name]["signature_base"], "{name}");
        assert_eq!(received.keyid(), "k7f3a9c2d4e5b6a1c");
        let Authentication::Authentic(authentic) = received.authenticate(&c2s, Freshness::DEFAULT, NOW) else {
            panic!("{name} is not authentic");
        };
        assert_eq!(authentic.nonce(), nonce());
        assert_eq!(authentic.created(), NOW);
        let mut body = received.content_digest().check();
        body.update(vectors[name]["body"].as_str().unwrap_or_default().as_bytes());
        assert!(body.matches(), "{name}");
    }
}

#[test]
fn the_requests_of_the_vectors_are_made_again_octet_for_octet() {
    let vectors = countersign();
    let c2s = mac_key(&vectors["keys"]["c2s"]);
    for (name, expires) in [("request", Some(1_763_780_005)), ("request_get", None)] {
        let signed = signed(&vectors[name], &c2s, "k7f3a9c2d4e5b6a1c", expires);
        let message = Message::of_lines(&vectors[name]);
        assert_eq!(signed.signature_input(), message.field("signature-input"), "{name}");
        assert_eq!(signed.signature(), message.field("signature"), "{name}");
    }
}

/// The answers, each with the key that signed it and the request that it answers.
fn answers(vectors: &Value) -> Vec<(&'static str, MacKey, Message)> {
    let request = Message::of_lines(&vectors["request"]);
    let input = request.field("signature-input").to_owned();
    let spoilt = |input: &str| {
        let request = request.clone().without(&["signature", "signature-input"]);
        let zeros = "cs=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:";
        request.with("signature-input", input).with("signature", zeros)
    };
    let s2c = mac_key(&vectors["keys"]["s2c"]);
    let unknown = &vectors["error_unauthorized_unknown_key"];
    vec![
        ("response_ok", s2c.clone(), request.clone()),
        ("error_replayed", s2c.clone(), request.clone()),
        ("error_clock_skew", s2c.clone(), request.clone()),
        ("error_unauthorized_bad_mac", s2c, spoilt(&input)),
        (
            "error_unauthorized_unknown_key",
            mac_key(&unknown["s2c"]),
            spoilt(&input.replace("k7f3a9c2d4e5b6a1c", "knosuchkey0000000")),
        ),
    ]
}

#[test]
fn the_answers_of_the_vectors_are_made_again_octet_for_octet() {
    let vectors = countersign();
    for (name, s2c, request) in answers(&vectors) {
        let received = request.with_head(|head| Received::read(head, PathForm::Canonical)).unwrap();
        let expected = Message::of_lines(&vectors[name]);
        let added = ["signature", "signature-input", "content-digest", "countersign-time", "countersign-request"];
        let before = expected.clone().without(&added);
        let content_digest = expected.field("content-digest");
        let head = AnswerHead { status: expected.status(), fields: &before.fields(), content_digest };
        let now = Timestamp::from_millis(expected.field("countersign-time").parse().unwrap());
        let fields = received.sign_answer(&s2c, &head, now);
        assert_eq!(fields.countersign_time, expected.field("countersign-time"), "{name}");
        assert_eq!(fields.countersign_request, expected.field("countersign-request"), "{name}");
        assert_eq!(fields.signature_input, expected.field("signature-input"), "{name}");
        assert_eq!(fields.signature, expected.field("signature"), "{name}");
    }
}

#[test]
fn the_answers_of_the_vectors_are_believed_by_whoever_sent_the_request() {
    let vectors = countersign();
    let c2s = mac_key(&vectors["keys"]["c2s"]);
    let s2c = mac_key(&vectors["keys"]["s2c"]);
    let request = signed(&vectors["request"], &c2s, "k7f3a9c2d4e5b6a1c", Some(1_763_780_005));
    for name in ["response_ok", "error_replayed", "error_clock_skew"] {
        let message = Message::of_lines(&vectors[name]);
        let fields = message.fields();
        let answer = ReceivedAnswer { status: message.status(), fields: &fields, body: &message.body, bodyless: false };
        let verified = request.verify_answer(&s2c, &answer).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(verified.server_time().as_millis().to_string(), message.field("countersign-time"), "{name}");
        assert!(verified.covers("content-type") && !verified.covers("content-length"), "{name}");
    }
}

#[test]
fn the_decoy_of_the_vectors_signs_for_a_key_that_does_not_exist() {
    let vectors = countersign();
    let case = &vectors["error_unauthorized_unknown_key"];
    let keyid = case["keyid"].as_str().unwrap();
    let decoy = Root::decoy(&mac_key(&case["decoy_secret"]), keyid);
    assert_eq!(decoy.key_pair(keyid).s2c.mac(&[b"x"]), mac_key(&case["s2c"]).mac(&[b"x"]));
}
