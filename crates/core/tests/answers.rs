//! Answers from the side of whoever stands between: nothing but the server's own answer to this very request is believed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod vectors;

use countersign_core::encoding::b64;
use countersign_core::secret::MacKey;
use countersign_core::signature::{
    AnswerHead, Field, Interference, ReceivedAnswer, SignatureParams, SignedRequest, Unreadable, Unsignable,
    VerifiedAnswer, sha256_digest_field, sign_request,
};
use countersign_core::time::{Freshness, Timestamp};
use vectors::{Message, key, transfer};

const NOW: Timestamp = Timestamp::from_millis(1_763_780_000_183);

fn signed_as(message: &Message, nonce: u8) -> SignedRequest {
    let params = SignatureParams {
        keyid: "k7f3a9c2d4e5b6a1c",
        nonce: [nonce; 32],
        created_secs: 1_763_780_000,
        expires_secs: None,
    };
    message.with_head(|head| sign_request(&key(1), &params, head)).unwrap()
}

/// The request as the server receives it.
fn sent(message: &Message, signed: &SignedRequest) -> Message {
    message.clone().with("signature-input", signed.signature_input()).with("signature", &signed.signature())
}

/// The server's answer to what it received.
fn answer(received: &Message, status: u16, fields: &[(&str, &str)], body: &str) -> Message {
    let fields: Vec<_> = fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
    let content_digest = sha256_digest_field(body.as_bytes());
    let head = AnswerHead { status, fields: &fields, content_digest: &content_digest };
    let added = received.read().unwrap().sign_answer(&key(2), &head, NOW);
    let own = |field: &Field<'_>| (field.name.to_owned(), String::from_utf8(field.value.to_vec()).unwrap());
    Message { start_line: format!("HTTP/1.1 {status}"), fields: fields.iter().map(own).collect(), body: body.into() }
        .with("content-length", &body.len().to_string())
        .with("content-digest", &content_digest)
        .with("countersign-time", &added.countersign_time)
        .with("countersign-request", &added.countersign_request)
        .with("signature-input", &added.signature_input)
        .with("signature", &added.signature)
}

const FIELDS: [(&str, &str); 6] = [
    ("content-type", "application/json"),
    ("cache-control", "no-store"),
    ("set-cookie", "a=1; Expires=Wed, 09 Jun 2021 10:18:14 GMT"),
    ("set-cookie", "b=2"),
    ("vary", "origin"),
    ("date", "Sat, 22 Nov 2025 02:53:20 GMT"),
];

fn verified(request: &SignedRequest, answer: &Message) -> Result<VerifiedAnswer, Interference> {
    verified_by(&key(2), request, answer, false)
}

fn verified_by(
    s2c: &MacKey,
    request: &SignedRequest,
    answer: &Message,
    bodyless: bool,
) -> Result<VerifiedAnswer, Interference> {
    let received = ReceivedAnswer { status: answer.status(), fields: &answer.fields(), body: &answer.body, bodyless };
    request.verify_answer(s2c, &received)
}

fn good() -> (SignedRequest, Message) {
    let request = signed_as(&transfer(), 1);
    let answer = answer(&sent(&transfer(), &request), 200, &FIELDS, "{\"state\":\"done\"}");
    (request, answer)
}

#[test]
fn the_servers_own_answer_is_believed_and_shows_what_it_covers() {
    let (request, answer) = good();
    let verified = verified(&request, &answer.with("x-added", "by somebody")).unwrap();
    assert_eq!(verified.server_time(), NOW);
    for name in ["content-type", "cache-control", "set-cookie", "vary", "content-digest", "countersign-time"] {
        assert!(verified.covers(name), "{name}");
    }
    for name in ["x-added", "date", "content-length", "signature", "@status", "@method", "idempotency-key"] {
        assert!(!verified.covers(name), "{name}");
    }
}

#[test]
fn an_answer_is_signed_whatever_values_the_api_has_put_into_it() {
    let request = signed_as(&transfer(), 1);
    let odd =
        [("content-disposition", "attachment; filename=caf\u{e9}"), ("x", "a\tb"), ("server", "a"), ("server", "b")];
    let answer = answer(&sent(&transfer(), &request), 200, &odd, "");
    assert!(answer.field("signature-input").contains("\"content-disposition\";bs \"x\" \"server\";bs"));
    let verified = verified(&request, &answer).unwrap();
    assert!(verified.covers("content-disposition") && verified.covers("server"));
}

#[test]
fn whoever_changes_an_answer_is_seen() {
    let (request, answer) = good();
    let input = answer.field("signature-input").to_owned();
    let swap = |from: &str, to: &str| {
        assert!(input.contains(from), "{from}");
        answer.clone().set("signature-input", &input.replacen(from, to, 1))
    };
    let bad_mac = Interference::BadMac;
    for (name, changed, expected) in [
        ("no signature", answer.clone().without(&["signature", "signature-input"]), Interference::MissingSignature),
        ("no signature octets", answer.clone().without(&["signature"]), bad_mac),
        ("no signature input", answer.clone().without(&["signature-input"]), Interference::MissingSignature),
        ("another status", Message { start_line: "HTTP/1.1 403".into(), ..answer.clone() }, bad_mac),
        ("another type", answer.clone().set("content-type", "text/html"), bad_mac),
        ("another cookie", answer.clone().set("set-cookie", "a=2"), bad_mac),
        (
            "a cookie less",
            {
                let mut answer = answer.clone();
                answer.fields.remove(3);
                answer
            },
            bad_mac,
        ),
        ("joined cookies", answer.clone().without(&["set-cookie"]).with("set-cookie", "a=1, b=2"), bad_mac),
        ("a field less", answer.clone().without(&["vary"]), bad_mac),
        ("a field twice", answer.clone().with("vary", "accept"), bad_mac),
        ("another time", answer.clone().set("countersign-time", "1763780000184"), bad_mac),
        ("another time in the parameters", swap("created=1763780000", "created=1763780001"), bad_mac),
        ("another body", Message { body: b"{\"state\":\"lost\"}".to_vec(), ..answer.clone() }, Interference::Digest),
        ("a longer body", Message { body: b"{\"state\":\"done\"} ".to_vec(), ..answer.clone() }, Interference::Digest),
        ("a shorter body", Message { body: b"{\"state\":".to_vec(), ..answer.clone() }, Interference::Truncated),
        ("another digest", answer.clone().set("content-digest", &sha256_digest_field(b"x")), bad_mac),
        ("another tag", swap("countersign-res-1", "countersign-req-1"), Interference::MissingSignature),
        ("another key", swap("k7f3a9c2d4e5b6a1c", "k7f3a9c2d4e5b6a1d"), Interference::WrongRequest),
        ("another nonce", swap("nonce=\"AQ", "nonce=\"AA"), Interference::WrongRequest),
        ("another order", swap("\"@status\" \"content-type\"", "\"content-type\" \"@status\""), bad_mac),
        ("an unknown parameter", swap(";alg", ";x=1;alg"), bad_mac),
        ("an expiry", swap(";alg", ";expires=1763780005;alg"), bad_mac),
        ("a second signature of ours", swap("cs=", &format!("{}, cs=", input.replacen("cs", "x", 1))), bad_mac),
        ("octets of another length", answer.clone().set("signature", "cs=:AAAA:"), bad_mac),
    ] {
        assert_eq!(verified(&request, &changed).unwrap_err(), expected, "{name}");
    }
    assert_eq!(verified_by(&key(1), &request, &answer, false).unwrap_err(), bad_mac, "one key per direction");
}

/// A man in the middle who held the key still could not make an answer that covers less.
#[test]
fn an_answer_that_covers_less_is_not_believed_even_when_its_mac_is_right() {
    let (request, answer) = good();
    let input = answer.field("signature-input").to_owned();
    let names: Vec<&str> = input[4..input.find(')').unwrap()].split(' ').collect();
    let required = |name: &&&str| {
        name.ends_with(";req")
            || !["\"content-type\"", "\"cache-control\"", "\"set-cookie\";bs", "\"vary\""].contains(name)
    };
    assert_eq!(names.iter().filter(required).count(), 4 + 8);
    for name in &names {
        let shorter = input.replacen(&format!("{name} "), "", 1).replacen(&format!(" {name})"), ")", 1);
        let params = shorter.strip_prefix("cs=").unwrap().to_owned();
        let changed = resealed(&request, answer.clone().set("signature-input", &shorter), &params);
        let expected = if required(&name) { Err(Interference::BadMac) } else { Ok(()) };
        assert_eq!(verified(&request, &changed).map(drop), expected, "{name}");
    }
    for (from, to) in [
        ("\"vary\"", "\"vary\" \"vary\""),
        ("\"@method\";req", "\"@method\";req \"@method\";req"),
        ("\"@method\";req", "\"@method\";req \"accept\";req"),
        ("\"set-cookie\";bs", "\"set-cookie\""),
        ("\"vary\"", "\"vary\" \"vary\";bs"),
        ("\"vary\"", "\"vary\" \"absent\""),
        ("\"@status\"", "\"@status\";bs"),
        ("\"@status\"", "\"@status\" \"@method\""),
        (";alg", ";expires=1763780005;alg"),
    ] {
        let longer = input.replacen(from, to, 1);
        let changed = resealed(&request, answer.clone().set("signature-input", &longer), &longer[3..]);
        assert_eq!(verified(&request, &changed).unwrap_err(), Interference::BadMac, "{to}");
    }
}

/// The answer with the MAC that belongs to its list, made by hand.
fn resealed(request: &SignedRequest, answer: Message, params: &str) -> Message {
    let request_lines: Vec<(String, String)> = lines_of(&sent(&transfer(), request));
    let mut base = String::new();
    for identifier in params[1..params.find(')').unwrap()].split(' ').filter(|identifier| !identifier.is_empty()) {
        let name = identifier.split('"').nth(1).unwrap();
        let values: Vec<&str> =
            answer.fields.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect();
        let value = if identifier.ends_with(";req") {
            request_lines
                .iter()
                .find(|(own, _)| *own == format!("\"{name}\""))
                .map_or(String::new(), |(_, v)| v.clone())
        } else if identifier.ends_with(";bs") {
            let sequences: Vec<_> = values.iter().map(|value| format!(":{}:", b64(value.as_bytes()))).collect();
            sequences.join(", ")
        } else if name == "@status" {
            answer.status().to_string()
        } else {
            values.join(", ")
        };
        base += &format!("{identifier}: {value}\n");
    }
    base += &format!("\"@signature-params\": {params}");
    answer.set("signature", &format!("cs=:{}:", b64(&key(2).mac(&[base.as_bytes()]))))
}

fn lines_of(request: &Message) -> Vec<(String, String)> {
    let received = request.read().unwrap();
    received.signature_base().lines().map(|(identifier, value)| (identifier.into(), value.into())).collect()
}

#[test]
fn the_answers_to_two_requests_cannot_be_swapped() {
    let first = signed_as(&transfer(), 1);
    let second = signed_as(&transfer(), 2);
    let to_first = answer(&sent(&transfer(), &first), 200, &FIELDS, "1");
    let to_second = answer(&sent(&transfer(), &second), 200, &FIELDS, "2");
    assert!(verified(&first, &to_first).is_ok() && verified(&second, &to_second).is_ok());
    assert_eq!(verified(&first, &to_second).unwrap_err(), Interference::WrongRequest);
    assert_eq!(verified(&second, &to_first).unwrap_err(), Interference::WrongRequest);
}

/// The seed has one key for both directions and no label for either.
#[test]
fn a_request_does_not_pass_for_an_answer_nor_an_answer_for_a_request() {
    let (request, answer) = good();
    let echoed = Message { start_line: "HTTP/1.1 200".into(), ..sent(&transfer(), &request) };
    for s2c in [key(1), key(2)] {
        assert_eq!(verified_by(&s2c, &request, &echoed, false).unwrap_err(), Interference::MissingSignature);
    }
    let reflected = Message { start_line: "POST /v1/transfers?dry=0 HTTP/1.1".into(), ..answer };
    let reflected = reflected.with("host", "api.example.com").with("idempotency-key", "\"0f3c9a52\"");
    assert!(
        matches!(reflected.read(), Err(Unreadable::Malformed(_))),
        "its tag and its components are those of answers"
    );
}

/// Somebody spoils the MAC on the way, collects the genuine refusal of the spoilt copy, and lets the original act.
#[test]
fn the_genuine_refusal_of_a_spoilt_copy_is_not_believed_for_the_original() {
    let request = signed_as(&transfer(), 1);
    let spoilt = sent(&transfer(), &request).set("signature", "cs=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:");
    let refusal = answer(&spoilt, 401, &FIELDS, "{}");
    assert_eq!(verified(&request, &refusal).unwrap_err(), Interference::WrongRequest);
    let own = sent(&transfer(), &request).field("signature")[3..].to_owned();
    let relabelled = refusal.set("countersign-request", &own);
    assert_eq!(verified(&request, &relabelled).unwrap_err(), Interference::BadMac);
}

#[test]
fn an_answer_over_another_copy_of_the_request_is_not_believed() {
    let request = signed_as(&transfer(), 1);
    for altered in [
        Message { start_line: "POST /v1/transfers?dry=1 HTTP/1.1".into(), ..transfer() },
        Message { start_line: "GET /v1/transfers?dry=0 HTTP/1.1".into(), ..transfer() },
        transfer().set("idempotency-key", "\"other\""),
        transfer().set("host", "api.example.net"),
    ] {
        let answer = answer(&sent(&altered, &request), 401, &FIELDS, "{}");
        assert_eq!(verified(&request, &answer).unwrap_err(), Interference::BadMac);
    }
}

#[test]
fn an_answer_without_a_body_has_the_digest_of_the_empty_string() {
    let request = signed_as(&transfer(), 1);
    let head = answer(&sent(&transfer(), &request), 200, &FIELDS, "").set("content-length", "17");
    assert!(
        verified_by(&key(2), &request, &head, true).is_ok(),
        "Content-Length is that of the body which is not there"
    );
    let (request, with_body) = good();
    assert_eq!(verified_by(&key(2), &request, &with_body, true).unwrap_err(), Interference::Digest);
    let dropped = Message { body: Vec::new(), ..with_body };
    assert_eq!(verified_by(&key(2), &request, &dropped, true).unwrap_err(), Interference::Digest);
}

#[test]
fn an_answer_is_timely_between_sending_and_receiving_with_the_window_on_either_side() {
    let (request, answer) = good();
    let verified = verified(&request, &answer).unwrap();
    let at = |offset: i64| Timestamp::from_millis(NOW.as_millis().saturating_add_signed(offset));
    for (sent, received, timely) in [
        (-100, 100, true),
        (5_000, 5_100, true),
        (5_001, 5_100, false),
        (-9_000, -5_000, true),
        (-9_000, -5_001, false),
    ] {
        assert_eq!(verified.is_timely(at(sent), at(received), Freshness::DEFAULT), timely, "{sent} {received}");
    }
}

#[test]
fn what_a_verifier_would_refuse_is_not_signed() {
    let params = SignatureParams { keyid: "k", nonce: [1; 32], created_secs: 1_763_780_000, expires_secs: None };
    let sign = |message: Message, params: SignatureParams<'_>| {
        message.with_head(|head| sign_request(&key(1), &params, head)).map(drop)
    };
    let plain = "a covered value has a control, a line break or an octet beyond ASCII";
    for (message, params, rule) in [
        (
            transfer().without(&["content-digest"]),
            params,
            "content-digest is required, or countersign-stream in its place",
        ),
        (
            transfer().set("content-digest", "sha-512=:AAAA:"),
            params,
            "a digest has another length than its hash, or is not canonical base64",
        ),
        (transfer().set("idempotency-key", "caf\u{e9}"), params, plain),
        (transfer().set("idempotency-key", "a\r\nb: c"), params, plain),
        (transfer().with("content-type", "a"), params, "a field that has one value is there twice"),
        (Message { start_line: "GET x HTTP/1.1".into(), ..transfer() }, params, "a path begins with a slash"),
        (transfer(), SignatureParams { created_secs: 5, ..params }, "created and expires are 10 to 13 digits"),
        (transfer(), SignatureParams { expires_secs: Some(1_763_779_999), ..params }, "expires lies before created"),
        (transfer(), SignatureParams { keyid: "caf\u{e9}", ..params }, "a string is malformed"),
    ] {
        assert_eq!(sign(message, params), Err(Unsignable(rule)));
    }
    let quoted = SignatureParams { keyid: r#"a"b\c"#, ..params };
    let signed = transfer().with_head(|head| sign_request(&key(1), &quoted, head)).unwrap();
    assert_eq!(signed.keyid(), r#"a"b\c"#);
}

#[test]
fn every_end_to_end_field_is_covered_but_those_on_which_nothing_depends() {
    let message = ["user-agent", "cookie", "authorization", "range", "if-match", "expect", "upgrade", "x-a", "x-a"]
        .into_iter()
        .fold(transfer(), |message, name| message.with(name, "a"));
    let bystanders = ["accept-encoding", "date", "sec-fetch-mode", "connection", "te", "transfer-encoding"];
    let message = bystanders.into_iter().fold(message, |message, name| message.with(name, "a"));
    let signed = signed_as(&message.with("signature", "x=:AA==:").with("signature-input", "x=()"), 1);
    let list = signed.signature_input().split(')').next().unwrap().to_owned();
    assert_eq!(
        list,
        "cs=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-type\" \"content-digest\" \"idempotency-key\" \
         \"x-added\" \"user-agent\" \"cookie\" \"authorization\" \"range\" \"if-match\" \"expect\" \"upgrade\" \"x-a\""
    );
}
