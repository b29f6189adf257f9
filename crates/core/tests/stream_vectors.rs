//! `vectors/countersign.json`: streams, read and made again octet for octet, and those that must be refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod vectors;

use countersign_core::encoding::{hex, unhex};
use countersign_core::secret::MacKey;
use countersign_core::signature::{
    Authentication, PathForm, Received, SignatureParams, SignedRequest, StreamHead, sign_request,
};
use countersign_core::stream::{BrokenStream, FrameReader, FrameSigner};
use countersign_core::time::{Freshness, Timestamp};
use serde_json::Value;
use vectors::{Message, countersign, mac_key};

const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

fn received(case: &Value) -> Received {
    Message::of_lines(case).with_head(|head| Received::read(head, PathForm::Canonical)).unwrap()
}

/// The octets of each frame, and the data in it.
fn frames(case: &Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let octets = |value: &Value| unhex(value.as_str().unwrap()).unwrap();
    case["frames"].as_array().unwrap().iter().map(|frame| (octets(&frame["frame"]), octets(&frame["data"]))).collect()
}

/// What a reader releases of `body`, and how it ends.
fn read(key: &MacKey, message: [u8; 32], mut body: &[u8]) -> (Vec<Vec<u8>>, Result<(), BrokenStream>) {
    let mut reader = FrameReader::new(key.clone(), message);
    let mut released = Vec::new();
    loop {
        match reader.next(&mut body) {
            Ok(Some(data)) => released.push(data),
            Ok(None) => return (released, reader.end()),
            Err(broken) => return (released, Err(broken)),
        }
    }
}

fn agrees(key: &MacKey, message: [u8; 32], case: &Value) {
    let frames = frames(case);
    let body: Vec<u8> = frames.iter().flat_map(|(octets, _)| octets.clone()).collect();
    let data: Vec<_> = frames.iter().map(|(_, data)| data.clone()).collect();
    assert_eq!(read(key, message, &body), (data.clone(), Ok(())));
    let mut signer = FrameSigner::new(key.clone(), message);
    let (last, others) = data.split_last().unwrap();
    let mut made: Vec<u8> = others.iter().flat_map(|data| signer.sign(data)).collect();
    made.extend(signer.finish(last));
    assert_eq!(hex(&made), hex(&body));
}

#[test]
fn the_streams_of_the_vectors_are_read_and_made_again_octet_for_octet() {
    let vectors = countersign();
    let (c2s, s2c) = (mac_key(&vectors["keys"]["c2s_stream"]), mac_key(&vectors["keys"]["s2c_stream"]));
    agrees(&c2s, received(&vectors["request"]).mac(), &vectors["stream"]);
    agrees(&c2s, received(&vectors["stream_upload"]).mac(), &vectors["stream_upload"]);
    let download = Message::of_lines(&vectors["stream_download"]);
    let fields = download.fields();
    let head = StreamHead { status: download.status(), fields: &fields };
    let verified = upload(&vectors).verify_stream_answer(&mac_key(&vectors["keys"]["s2c"]), &head).unwrap();
    assert_eq!(verified.server_time().as_millis(), 1_763_780_000_183);
    agrees(&s2c, verified.mac(), &vectors["stream_download"]);
}

/// The request of the vector, as its sender made it.
fn upload(vectors: &Value) -> SignedRequest {
    let case = &vectors["stream_upload"];
    let nonce = core::array::from_fn(|place| 0x80 + place as u8);
    let params = SignatureParams { keyid: "k7f3a9c2d4e5b6a1c", nonce, created_secs: NOW.as_secs(), expires_secs: None };
    let message = Message::of_lines(case).without(&["signature", "signature-input"]);
    message.with_head(|head| sign_request(&mac_key(&vectors["keys"]["c2s"]), &params, head)).unwrap()
}

#[test]
fn the_heads_of_streams_are_authentic_and_made_again_octet_for_octet() {
    let vectors = countersign();
    let case = &vectors["stream_upload"];
    let received = received(case);
    assert_eq!(received.signature_base().as_str(), case["signature_base"]);
    let c2s = mac_key(&vectors["keys"]["c2s"]);
    assert!(matches!(received.authenticate(&c2s, Freshness::DEFAULT, NOW), Authentication::Authentic(_)));
    assert!(received.is_stream() && received.accepts_stream());
    assert!(!received.content_digest().check().matches(), "no body can be taken for it in one piece");
    assert_eq!(upload(&vectors).signature(), format!("cs=:{}:", case["signature"].as_str().unwrap()));

    let answer = Message::of_lines(&vectors["stream_download"]);
    let added = ["signature", "signature-input", "countersign-stream", "countersign-time", "countersign-request"];
    let before = answer.clone().without(&added);
    let head = StreamHead { status: 200, fields: &before.fields() };
    let now = Timestamp::from_millis(1_763_780_000_183);
    let made = received.sign_stream_answer(&mac_key(&vectors["keys"]["s2c"]), &head, now);
    assert_eq!(made.signature_input, answer.field("signature-input"));
    assert_eq!(made.signature, answer.field("signature"));
}

#[test]
fn the_broken_streams_of_the_vectors_are_refused_where_they_break() {
    let vectors = countersign();
    let key = mac_key(&vectors["keys"]["c2s_stream"]);
    let message = received(&vectors["stream_upload"]).mac();
    let good: Vec<_> = frames(&vectors["stream_upload"]).into_iter().map(|(_, data)| data).collect();
    for case in vectors["stream_broken"]["cases"].as_array().unwrap() {
        let (released, end) = read(&key, message, &unhex(case["body"].as_str().unwrap()).unwrap());
        let why = match case["why"].as_str().unwrap() {
            "bad-mark" => BrokenStream::BadMark,
            "bad-tag" => BrokenStream::BadTag,
            "too-long" => BrokenStream::TooLong,
            "trailing" => BrokenStream::Trailing,
            "truncated" => BrokenStream::Truncated,
            other => panic!("{other}"),
        };
        assert_eq!(end, Err(why), "{}", case["what"]);
        assert_eq!(released, good[..case["released"].as_u64().unwrap() as usize], "{}", case["what"]);
    }
}
