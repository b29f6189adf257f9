//! What says that a body is a stream, from the side of whoever adds it, takes it away or was not asked for it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod vectors;

use countersign_core::encoding::b64;
use countersign_core::signature::{
    Field, Interference, ReceivedAnswer, SignatureParams, SignedRequest, StreamHead, Unreadable, VerifiedAnswer,
    sha256_digest_field, sign_request,
};
use countersign_core::time::Timestamp;
use vectors::{LIST, Message, PARAMS, key, transfer};

const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

/// A request whose body will be a stream.
fn upload() -> Message {
    transfer().without(&["content-digest", "content-length"]).with("countersign-stream", "1")
}

/// List and parameters that cover these besides.
fn covering(content: &str) -> String {
    format!("{}{PARAMS}", LIST.replace("\"content-digest\"", content))
}

#[test]
fn a_request_covers_countersign_stream_in_the_place_of_a_digest_and_is_a_stream() {
    let request = upload().signed(&key(1), &covering("\"countersign-stream\""));
    assert_eq!(request.authentication(&key(1), NOW), "authentic");
    let received = request.read().unwrap();
    assert!(received.is_stream() && !received.accepts_stream());
    assert_ne!(received.mac(), [0; 32]);
    let whole = transfer().signed(&key(1), &covering("\"content-digest\"")).read().unwrap();
    assert!(!whole.is_stream());
}

#[test]
fn a_request_that_covers_a_digest_and_a_stream_is_malformed() {
    let both = upload().with("content-digest", &sha256_digest_field(b""));
    let input = covering("\"content-digest\" \"countersign-stream\"");
    let rule = "a request covers content-digest or countersign-stream";
    assert_eq!(both.unsealed(&format!("cs={input}")).read().unwrap_err(), Unreadable::Malformed(rule));
}

#[test]
fn countersign_stream_has_one_value() {
    for value in ["0", "2", "?1", "1, 1", "01", "true", ""] {
        let other = upload().set("countersign-stream", value);
        let read = other.unsealed(&format!("cs={}", covering("\"countersign-stream\""))).read();
        assert_eq!(read.unwrap_err(), Unreadable::Malformed("countersign-stream is 1"), "{value:?}");
    }
}

#[test]
fn a_field_that_somebody_has_added_turns_no_body_into_a_stream_and_no_stream_into_a_body() {
    let signed = transfer().signed(&key(1), &covering("\"content-digest\""));
    let added = signed.with("countersign-stream", "1").with("countersign-accept-stream", "1");
    assert_eq!(added.authentication(&key(1), NOW), "authentic");
    assert!(!added.read().unwrap().is_stream() && !added.read().unwrap().accepts_stream());

    let stream = upload().signed(&key(1), &covering("\"countersign-stream\""));
    let added = stream.with("content-digest", &sha256_digest_field(b"x"));
    assert_eq!(added.authentication(&key(1), NOW), "authentic");
    let received = added.read().unwrap();
    assert!(received.is_stream());
    let mut body = received.content_digest().check();
    body.update(b"x");
    assert!(!body.matches(), "a digest that nobody has signed vouches for nothing");
}

#[test]
fn a_stream_whose_field_was_taken_away_is_malformed_and_one_that_covers_neither_is_badly_signed() {
    let stream = upload().signed(&key(1), &covering("\"countersign-stream\""));
    let stripped = stream.clone().without(&["countersign-stream"]);
    assert_eq!(stripped.read().unwrap_err(), Unreadable::Malformed("a covered field is absent"));
    let swapped = stripped.with("content-digest", &sha256_digest_field(b""));
    assert_eq!(swapped.read().unwrap_err(), Unreadable::Malformed("a covered field is absent"));
    let neither = upload().signed(&key(1), &covering("\"accept\""));
    assert_eq!(neither.authentication(&key(1), NOW), "bad signature");
}

#[test]
fn only_a_covered_countersign_accept_stream_of_1_asks_for_a_stream() {
    let asking = |value| {
        let request = transfer().with("countersign-accept-stream", value);
        request.signed(&key(1), &covering("\"content-digest\" \"countersign-accept-stream\"")).read().unwrap()
    };
    assert!(asking("1").accepts_stream() && !asking("1").is_stream());
    assert!(!asking("2").accepts_stream());
    assert!(!asking("?0").accepts_stream());
}

/// A request that asks for a stream, or does not, and the head of a streamed answer to it.
fn asked(asks: bool) -> (SignedRequest, Message) {
    let request = if asks { transfer().with("countersign-accept-stream", "1") } else { transfer() };
    let params = SignatureParams { keyid: "k", nonce: [1; 32], created_secs: NOW.as_secs(), expires_secs: None };
    let signed = request.with_head(|head| sign_request(&key(1), &params, head)).unwrap();
    let sent = request.with("signature-input", signed.signature_input()).with("signature", &signed.signature());
    let fields = [Field { name: "content-type", value: b"text/plain" }];
    let head = StreamHead { status: 200, fields: &fields };
    let added = sent.read().unwrap().sign_stream_answer(&key(2), &head, NOW);
    let answer = Message {
        start_line: "HTTP/1.1 200".into(),
        fields: vec![("content-type".into(), "text/plain".into())],
        body: Vec::new(),
    };
    let answer = answer
        .with("countersign-stream", "1")
        .with("countersign-time", &added.countersign_time)
        .with("countersign-request", &added.countersign_request)
        .with("signature-input", &added.signature_input)
        .with("signature", &added.signature);
    (signed, answer)
}

fn as_stream(request: &SignedRequest, answer: &Message) -> Result<VerifiedAnswer, Interference> {
    request.verify_stream_answer(&key(2), &StreamHead { status: answer.status(), fields: &answer.fields() })
}

fn as_whole(request: &SignedRequest, answer: &Message) -> Result<VerifiedAnswer, Interference> {
    let received =
        ReceivedAnswer { status: answer.status(), fields: &answer.fields(), body: &answer.body, bodyless: false };
    request.verify_answer(&key(2), &received)
}

#[test]
fn a_streamed_answer_is_believed_by_whoever_asked_for_one_and_by_nobody_else() {
    let (request, answer) = asked(true);
    let verified = as_stream(&request, &answer).unwrap();
    assert!(verified.covers("content-type"));
    assert!(answer.field("signature").contains(&b64(&verified.mac())));
    let (request, answer) = asked(false);
    assert_eq!(as_stream(&request, &answer).unwrap_err(), Interference::BadMac);
}

#[test]
fn an_answer_cannot_be_made_a_stream_nor_a_stream_an_answer() {
    let (request, answer) = asked(true);
    assert_eq!(as_whole(&request, &answer).unwrap_err(), Interference::BadMac);
    let digest = sha256_digest_field(b"");
    for changed in [
        answer.clone().without(&["countersign-stream"]),
        answer.clone().without(&["countersign-stream"]).with("content-digest", &digest),
        answer.clone().set("countersign-stream", "2"),
        answer.clone().with("countersign-stream", "1"),
        answer.clone().set("content-type", "text/html"),
        Message { start_line: "HTTP/1.1 201".into(), ..answer.clone() },
    ] {
        assert_eq!(as_stream(&request, &changed).unwrap_err(), Interference::BadMac, "{:?}", changed.fields);
        assert_eq!(as_whole(&request, &changed).unwrap_err(), Interference::BadMac, "{:?}", changed.fields);
    }
    assert!(as_stream(&request, &answer.clone().with("content-digest", &digest)).is_ok(), "it is not covered");
}

#[test]
fn an_answer_that_covers_a_digest_and_a_stream_is_believed_as_neither() {
    let (request, answer) = asked(true);
    let input =
        answer.field("signature-input").replace("\"countersign-stream\"", "\"countersign-stream\" \"content-digest\"");
    let digest = sha256_digest_field(b"");
    let both = answer.with("content-digest", &digest);
    let own = [("@status", "200".to_owned())].into_iter().chain(
        ["content-type", "countersign-stream", "content-digest", "countersign-time", "countersign-request"]
            .map(|name| (name, both.field(name).to_owned())),
    );
    let lines: Vec<_> = own.map(|(name, value)| format!("\"{name}\": {value}\n")).collect();
    let of_request = of_request(&transfer().with("countersign-accept-stream", "1"), &input);
    let params = input.strip_prefix("cs=").unwrap();
    let base = format!("{}{of_request}\"@signature-params\": {params}", lines.concat());
    let mac = key(2).mac(&[base.as_bytes()]);
    let both = both.clone().set("signature-input", &input).set("signature", &format!("cs=:{}:", b64(&mac)));
    assert_eq!(as_stream(&request, &both).unwrap_err(), Interference::BadMac);
    assert_eq!(as_whole(&request, &both).unwrap_err(), Interference::BadMac);
    // The same by hand without the digest holds: it is what both are refused for.
    let input = input.replace(" \"content-digest\" \"countersign-time", " \"countersign-time");
    let lines: String = lines.iter().filter(|line| !line.contains("content-digest")).cloned().collect();
    let base = format!("{lines}{of_request}\"@signature-params\": {}", input.strip_prefix("cs=").unwrap());
    let mac = key(2).mac(&[base.as_bytes()]);
    let one = both.set("signature-input", &input).set("signature", &format!("cs=:{}:", b64(&mac)));
    assert!(as_stream(&request, &one).is_ok());
}

/// The lines of the request in the base of its answer.
fn of_request(request: &Message, input: &str) -> String {
    let names = input.split(['(', ')']).nth(1).unwrap().split(' ').filter_map(|name| name.strip_suffix(";req"));
    let names: Vec<_> = names.map(|name| name.trim_matches('"')).collect();
    let value = |name: &str| match name {
        "@method" => "POST".to_owned(),
        "@authority" => "api.example.com".to_owned(),
        "@path" => "/v1/transfers".to_owned(),
        "@query" => "?dry=0".to_owned(),
        name => request.field(name).to_owned(),
    };
    names.iter().map(|name| format!("\"{name}\";req: {}\n", value(name))).collect()
}
