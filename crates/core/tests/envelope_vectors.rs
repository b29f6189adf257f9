//! `vectors/countersign.json` and `vectors/envelope.json`: envelopes, good ones and those of somebody in the middle.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod vectors;

use countersign_core::encoding::{b64u, unb64u};
use countersign_core::envelope::{Addressee, AnswerEnvelope, Envelope, EnvelopeParams, SignedEnvelope, sign_envelope};
use countersign_core::secret::{KeyPair, Root};
use countersign_core::signature::Authentication;
use countersign_core::time::{Freshness, Timestamp};
use serde_json::Value;
use vectors::{countersign, json, secret};

const KEYID: &str = "k7f3a9c2d4e5b6a1c";
const ADDRESSEE: Addressee<'_> = Addressee { audience: "api.example.com", username: "alice" };

fn keys() -> KeyPair {
    Root::new(secret(&countersign()["keys"]["root"])).envelope_pair(KEYID)
}

fn signed() -> SignedEnvelope {
    let request = &countersign()["envelope_request"]["json"];
    let params = EnvelopeParams {
        audience: "api.example.com",
        keyid: KEYID,
        nonce: core::array::from_fn(|place| 0x80 + place as u8),
        timestamp: Timestamp::from_millis(request["timestamp"].as_u64().unwrap()),
        action: &"transfer.create".parse().unwrap(),
        username: "alice",
        packet: br#"{"amount":25,"to":"bob"}"#,
    };
    sign_envelope(&keys().c2s, &params).unwrap()
}

#[test]
fn the_request_of_the_vectors_is_made_again() {
    let request = &countersign()["envelope_request"];
    let mac = keys().c2s.mac(&[&countersign_core::encoding::unhex(request["mac_input"].as_str().unwrap()).unwrap()]);
    assert_eq!(b64u(&mac), request["json"]["mac"]);
    assert_eq!(json(signed().json()), request["json"]);
}

#[test]
fn the_answer_of_the_vectors_is_made_again() {
    let vectors = countersign();
    let response = &vectors["envelope_response"]["json"];
    let envelope = Envelope::read(vectors["envelope_request"]["json"].to_string().as_bytes()).unwrap();
    let packet = unb64u(response["packet"].as_str().unwrap()).unwrap();
    let now = Timestamp::from_millis(response["timestamp"].as_u64().unwrap());
    assert_eq!(json(&envelope.answer(&keys().s2c, 200, &packet, now)), *response);
}

fn cases(kind: &str) -> Vec<(String, String, String)> {
    let all = json(include_str!("../../../vectors/envelope.json"));
    let text = |case: &Value, name: &str| case[name].as_str().unwrap().to_owned();
    let rows = all[kind].as_array().unwrap().iter();
    rows.map(|case| (text(case, "name"), text(case, "message"), text(case, "found"))).collect()
}

#[test]
fn every_request_is_found_to_be_what_the_vectors_say() {
    let now = Timestamp::from_millis(json(include_str!("../../../vectors/envelope.json"))["now"].as_u64().unwrap());
    for (name, message, expected) in cases("requests") {
        let found = match Envelope::read(message.as_bytes()) {
            Err(_) => "unreadable",
            Ok(envelope) => match envelope.authenticate(&keys().c2s, ADDRESSEE, Freshness::DEFAULT, now) {
                Authentication::Authentic(_) => "authentic",
                Authentication::FutureDated(_) => "future-dated",
                Authentication::Stale => "stale",
                Authentication::BadSignature => "bad-signature",
            },
        };
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn every_answer_is_found_to_be_what_the_vectors_say() {
    for (name, message, expected) in cases("answers") {
        let found = match AnswerEnvelope::read(message.as_bytes()) {
            Err(_) => "unreadable",
            Ok(answer) => match signed().verify_answer(&keys().s2c, answer) {
                Ok(verified) => {
                    assert_eq!((verified.status, &*verified.packet), (200, &br#"{"id":"tr_81"}"#[..]));
                    "verified"
                }
                Err(class) => class.as_str(),
            },
        };
        assert_eq!(found, expected, "{name}");
    }
}
