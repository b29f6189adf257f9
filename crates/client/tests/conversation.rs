//! The conversation by hand-made clocks: what an attacker can do to an answer, and what becomes of it.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake_guard;

use core::time::Duration;

use bytes::Bytes;
use countersign_client::conversation::{CannotSign, Conversation, Incoming, Outcome, Outgoing, Reading, Receipt};
use countersign_client::{Interference, Verified};
use countersign_core::enrolment::Answers;
use countersign_core::problem::Problem;
use countersign_core::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use fake_guard::{Heard, Reply, Signer};

const NOON: u64 = 1_763_780_000_000;
const AUTHORITY: &str = "api.example.com";

fn at(millis: u64) -> Reading {
    Reading { wall: Timestamp::from_millis(NOON + millis), monotonic: Duration::from_millis(millis) }
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOON.saturating_add_signed(millis))
}

fn conversation() -> Conversation {
    Conversation::new(Signer::new(7).credentials(AUTHORITY), 0)
}

/// One request under way: what the guard would hear, and the receipt.
struct Sent {
    heard: Heard,
    receipt: Receipt,
}

fn send_as(conversation: &Conversation, method: &Method, nonce: u8, now: Reading) -> Sent {
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let body = br#"{"amount":25,"to":"bob"}"#;
    let outgoing = Outgoing { method, path: "/v1/transfers", query: Some("dry=0"), headers: &headers, body };
    let signed = conversation.sign(&outgoing, [nonce; 32], now).unwrap();
    let octets = |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.as_bytes().to_vec());
    let mut fields = vec![("host".to_owned(), AUTHORITY.as_bytes().to_vec())];
    fields.extend(headers.iter().chain(&signed.headers).map(octets));
    let heard =
        Heard { method: method.to_string(), target: "/v1/transfers?dry=0".to_owned(), fields, body: body.to_vec() };
    Sent { heard, receipt: signed.receipt }
}

fn send(conversation: &Conversation, nonce: u8, now: Reading) -> Sent {
    send_as(conversation, &Method::POST, nonce, now)
}

fn receive(conversation: &Conversation, sent: &Sent, reply: &Reply, now: Reading) -> Outcome {
    let mut headers = HeaderMap::new();
    for (name, value) in &reply.fields {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let status = StatusCode::from_u16(reply.status).unwrap();
    let body = Bytes::copy_from_slice(&reply.body);
    conversation.receive(&sent.receipt, &Incoming { status, headers: &headers, body: Some(&body) }, now)
}

fn verified(outcome: Outcome) -> Verified {
    match outcome {
        Outcome::Verified(verified) => verified,
        other => panic!("not verified: {other:?}"),
    }
}

fn interference(outcome: &Outcome) -> Interference {
    match outcome {
        Outcome::Interference(class) => *class,
        other => panic!("no interference: {other:?}"),
    }
}

/// What becomes of an honest answer after `tamper` had it.
fn after(tamper: impl FnOnce(&mut Reply)) -> Outcome {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let mut reply = Signer::new(7).sign(&sent.heard, Reply::json(r#"{"state":"done"}"#), time(100));
    tamper(&mut reply);
    receive(&conversation, &sent, &reply, at(200))
}

#[test]
fn what_is_signed_here_is_admitted_there_and_its_answer_believed() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    assert!(Signer::new(7).admits(&sent.heard, time(100)));
    let reply = Signer::new(7).sign(&sent.heard, Reply::json(r#"{"state":"done"}"#), time(100));
    let verified = verified(receive(&conversation, &sent, &reply, at(200)));
    assert_eq!((verified.status, &*verified.body), (StatusCode::OK, br#"{"state":"done"}"#.as_slice()));
    assert_eq!(verified.server_time, time(100));
    assert_eq!(verified.problem, None);
}

#[test]
fn the_caller_sees_covered_fields_only() {
    let outcome = after(|reply| {
        reply.fields.push(("set-cookie".to_owned(), "planted=1".to_owned()));
        reply.fields.push(("location".to_owned(), "http://evil.example/".to_owned()));
    });
    match outcome {
        Outcome::Verified(verified) => {
            assert!(verified.headers.get("set-cookie").is_none() && verified.headers.get("location").is_none());
            assert_eq!(verified.headers["content-type"], "application/json");
        }
        // Refusing an answer that somebody added to is as good.
        other => assert_eq!(interference(&other), Interference::BadMac),
    }
}

#[test]
fn a_stripped_signature_is_interference() {
    for names in [&["signature"][..], &["signature", "signature-input"], &["signature-input"]] {
        let outcome = after(|reply| *reply = reply.clone().without(names));
        assert_eq!(interference(&outcome), Interference::MissingSignature, "{names:?}");
    }
}

#[test]
fn a_changed_answer_is_interference() {
    type Change = fn(&mut Reply);
    let changes: [(&str, Change); 6] = [
        ("status", |reply| reply.status = 403),
        ("content type", |reply| reply.set("content-type", "text/html")),
        ("time", |reply| reply.set("countersign-time", "1763780000101")),
        ("cache", |reply| reply.set("cache-control", "public")),
        ("digest and body", |reply| {
            reply.body = b"{}".to_vec();
            reply.set("content-digest", &countersign_core::signature::sha256_digest_field(b"{}"));
        }),
        ("signature", |reply| reply.set("signature", "cs=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:")),
    ];
    for (what, change) in changes {
        assert_eq!(interference(&after(change)), Interference::BadMac, "{what}");
    }
}

/// What an answer is, with one bit of one of its octets changed.
fn with_a_bit_changed(reply: &Reply, place: usize) -> Option<Reply> {
    let mut changed = reply.clone();
    let values = changed.fields.iter().map(|field| field.1.len()).sum::<usize>();
    if let Some(octet) = place.checked_sub(values).map(|place| changed.body.get_mut(place)) {
        *octet? ^= 1;
        return Some(changed);
    }
    let mut rest = place;
    for (_, value) in &mut changed.fields {
        if rest < value.len() {
            let mut octets = value.clone().into_bytes();
            octets[rest] ^= 1;
            *value = String::from_utf8(octets).unwrap();
            return Some(changed);
        }
        rest -= value.len();
    }
    None
}

#[test]
fn no_bit_of_an_answer_can_be_changed() {
    let genuine = |sent: &Sent| {
        let reply = Reply::json(r#"{"state":"done"}"#).with("location", "/v1/transfers/81").with("set-cookie", "a=b");
        Signer::new(7).sign(&sent.heard, reply, time(100))
    };
    let mut places = 0;
    loop {
        let conversation = conversation();
        let sent = send(&conversation, 1, at(0));
        let Some(changed) = with_a_bit_changed(&genuine(&sent), places) else { break };
        let outcome = receive(&conversation, &sent, &changed, at(200));
        assert!(matches!(outcome, Outcome::Interference(_)), "{changed:?}: {outcome:?}");
        places += 1;
    }
    assert!(places > 500, "{places}");
}

#[test]
fn a_changed_body_is_interference() {
    let outcome = after(|reply| reply.body = br#"{"state":"DONE"}"#.to_vec());
    assert_eq!(interference(&outcome), Interference::Digest);
}

#[test]
fn a_forger_without_the_key_is_interference() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let forged = Signer::new(8).sign(&sent.heard, Reply::json("{}"), time(100));
    assert_eq!(interference(&receive(&conversation, &sent, &forged, at(200))), Interference::BadMac);
}

#[test]
fn an_answer_cut_short_is_interference() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let cut = Incoming { status: StatusCode::OK, headers: &HeaderMap::new(), body: None };
    assert_eq!(interference(&conversation.receive(&sent.receipt, &cut, at(200))), Interference::Truncated);
}

#[test]
fn swapped_answers_are_interference_for_both() {
    let conversation = conversation();
    let (pay, look) = (send(&conversation, 1, at(0)), send(&conversation, 2, at(0)));
    let to_pay = Signer::new(7).sign(&pay.heard, Reply::json("{}"), time(100));
    let to_look = Signer::new(7).sign(&look.heard, Reply::json("{}"), time(100));
    assert_eq!(interference(&receive(&conversation, &pay, &to_look, at(200))), Interference::WrongRequest);
    assert_eq!(interference(&receive(&conversation, &look, &to_pay, at(200))), Interference::WrongRequest);
}

#[test]
fn a_genuine_refusal_of_a_spoilt_copy_is_interference() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let mut spoilt = sent.heard.clone();
    let signature = spoilt.fields.iter_mut().find(|field| field.0 == "signature").unwrap();
    signature.1 = b"cs=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:".to_vec();
    let refusal = Signer::new(7).judge(&spoilt, Reply::json("{}"), time(100));
    assert_eq!(refusal.status, 401);
    assert_eq!(interference(&receive(&conversation, &sent, &refusal, at(200))), Interference::WrongRequest);
}

#[test]
fn our_own_request_sent_back_is_interference() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let text = |name: &str| sent.heard.field(name).unwrap().to_owned();
    let reflected = Reply::json(r#"{"amount":25,"to":"bob"}"#)
        .with("content-digest", &text("content-digest"))
        .with("signature-input", &text("signature-input"))
        .with("signature", &text("signature"));
    let class = interference(&receive(&conversation, &sent, &reflected, at(200)));
    assert!(matches!(class, Interference::MissingSignature | Interference::BadMac), "{class:?}");
}

#[test]
fn an_answer_counts_once() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let reply = Signer::new(7).sign(&sent.heard, Reply::json("{}"), time(100));
    verified(receive(&conversation, &sent, &reply, at(200)));
    assert_eq!(interference(&receive(&conversation, &sent, &reply, at(201))), Interference::Replayed);
}

#[test]
fn where_a_forged_answer_stood_no_other_counts() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let reply = Signer::new(7).sign(&sent.heard, Reply::json("{}"), time(100));
    receive(&conversation, &sent, &reply.clone().without(&["signature"]), at(200));
    assert_eq!(interference(&receive(&conversation, &sent, &reply, at(201))), Interference::Replayed);
}

#[test]
fn an_answer_after_its_deadline_is_stale() {
    let conversation = conversation();
    for (nonce, late) in [(1, false), (2, true)] {
        let sent = send(&conversation, nonce, at(0));
        let received = at(60_000 + u64::from(late));
        let reply = Signer::new(7).sign(&sent.heard, Reply::json("{}"), time(1_000));
        let outcome = receive(&conversation, &sent, &reply, received);
        assert_eq!(matches!(outcome, Outcome::Interference(Interference::Stale)), late, "{outcome:?}");
    }
}

#[test]
fn the_servers_time_lies_within_the_window_and_the_round_trip_or_the_answer_is_stale() {
    for (server, stale) in [(-5_000, false), (-5_001, true), (5_200, false), (5_201, true)] {
        let conversation = conversation();
        let sent = send(&conversation, 1, at(0));
        let reply = Signer::new(7).sign(&sent.heard, Reply::json("{}"), time(server));
        let outcome = receive(&conversation, &sent, &reply, at(200));
        assert_eq!(matches!(outcome, Outcome::Interference(Interference::Stale)), stale, "{server}: {outcome:?}");
    }
}

#[test]
fn a_verified_replayed_means_that_somebody_else_sent_it() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let reply = Signer::new(7).sign(&sent.heard, Reply::problem(&Problem::REPLAYED), time(100));
    assert_eq!(interference(&receive(&conversation, &sent, &reply, at(200))), Interference::Replayed);
}

#[test]
fn a_problem_counts_only_with_its_own_status_and_media_type() {
    for reply in [
        Reply::new(200, "application/problem+json", Problem::REPLAYED.json().as_bytes()),
        Reply::new(401, "application/json", Problem::REPLAYED.json().as_bytes()),
        Reply::new(401, "application/problem+json", br#"{"type":"urn:example:replayed"}"#),
    ] {
        let conversation = conversation();
        let sent = send(&conversation, 1, at(0));
        let reply = Signer::new(7).sign(&sent.heard, reply, time(100));
        assert_eq!(verified(receive(&conversation, &sent, &reply, at(200))).problem, None);
    }
}

#[test]
fn a_verified_refusal_is_an_answer() {
    let conversation = conversation();
    for (nonce, problem, unknown) in [
        (1, Problem::UNAUTHORIZED, false),
        (2, Problem::CONFLICT, false),
        (3, Problem::THROTTLED, true),
        (4, Problem::UNAVAILABLE, true),
        (5, Problem::GATEWAY_TIMEOUT, true),
    ] {
        let sent = send(&conversation, nonce, at(0));
        let reply = Signer::new(7).sign(&sent.heard, Reply::problem(&problem), time(100));
        let verified = verified(receive(&conversation, &sent, &reply, at(200)));
        assert_eq!(verified.problem, Some(&problem));
        assert_eq!(verified.outcome_is_unknown(), unknown, "{}", problem.code);
    }
}

#[test]
fn a_redirect_is_handed_to_the_caller() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let redirect = Reply { status: 302, ..Reply::new(302, "text/plain", b"") }.with("location", "/elsewhere");
    let reply = Signer::new(7).sign(&sent.heard, redirect, time(100));
    let verified = verified(receive(&conversation, &sent, &reply, at(200)));
    assert_eq!(verified.headers["location"], "/elsewhere");
}

#[test]
fn answers_without_a_body_verify_by_the_digest_of_nothing() {
    let conversation = conversation();
    for (nonce, method, status) in [(1, Method::HEAD, 200), (2, Method::GET, 204), (3, Method::GET, 304)] {
        let sent = send_as(&conversation, &method, nonce, at(0));
        let reply = Signer::new(7).sign(&sent.heard, Reply::new(status, "text/plain", b""), time(100));
        assert!(verified(receive(&conversation, &sent, &reply, at(200))).body.is_empty());
    }
}

#[test]
fn only_an_error_that_is_said_without_a_key_may_come_unsigned() {
    let conversation = conversation();
    for (nonce, status) in (0..).zip([400, 405, 408, 414, 421, 431, 502, 503, 504]) {
        let sent = send(&conversation, nonce, at(0));
        match receive(&conversation, &sent, &Reply::new(status, "text/html", b"<h1>no</h1>"), at(200)) {
            Outcome::Unverified(answer) => {
                assert_eq!(answer.status.as_u16(), status);
                assert!(!format!("{answer:?} {answer}").contains("<h1>"), "its body is withheld");
                assert_eq!(answer.unproven_body().as_ref(), b"<h1>no</h1>");
            }
            other => panic!("{status}: {other:?}"),
        }
    }
    for (nonce, status) in (100..).zip([200, 204, 301, 304, 401, 403, 404, 409, 410, 413, 422, 429, 500]) {
        let sent = send(&conversation, nonce, at(0));
        let outcome = receive(&conversation, &sent, &Reply::new(status, "text/html", b""), at(200));
        assert_eq!(interference(&outcome), Interference::MissingSignature, "{status}");
    }
}

#[test]
fn a_forged_signature_makes_no_error_unverified() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let forged = Signer::new(8).sign(&sent.heard, Reply::problem(&Problem::UNAVAILABLE), time(100));
    assert_eq!(interference(&receive(&conversation, &sent, &forged, at(200))), Interference::BadMac);
}

#[test]
fn a_server_that_signs_refusals_only_has_unverified_answers_and_never_silently_verified_ones() {
    let mut credentials = Signer::new(7).credentials(AUTHORITY);
    credentials.answers = Answers::RefusalsOnly;
    let conversation = Conversation::new(credentials, 0);
    let sent = send(&conversation, 1, at(0));
    assert!(matches!(receive(&conversation, &sent, &Reply::json("{}"), at(200)), Outcome::Unverified(_)));
    let sent = send(&conversation, 2, at(0));
    let forged = Signer::new(8).sign(&sent.heard, Reply::json("{}"), time(100));
    assert_eq!(interference(&receive(&conversation, &sent, &forged, at(200))), Interference::BadMac);
}

#[test]
fn a_wrong_clock_is_corrected_by_a_verified_clock_skew_for_the_next_request() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let reply = Signer::new(7).judge(&sent.heard, Reply::json("{}"), time(73_100));
    let first = verified(receive(&conversation, &sent, &reply, at(200)));
    assert_eq!(first.problem, Some(&Problem::CLOCK_SKEW));
    let change = first.clock_change.unwrap();
    assert_eq!((change.from_ms, change.to_ms, change.is_jump()), (0, 73_000, false));
    assert_eq!(conversation.offset_ms(), 73_000);
    let sent = send(&conversation, 2, at(300));
    assert!(Signer::new(7).admits(&sent.heard, time(73_400)));
}

#[test]
fn an_unproven_answer_never_moves_the_clock() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let forged = Signer::new(8).judge(&sent.heard, Reply::json("{}"), time(73_100));
    receive(&conversation, &sent, &forged, at(200));
    let sent = send(&conversation, 2, at(0));
    let unsigned = Reply::problem(&Problem::CLOCK_SKEW).with("countersign-time", "1763780073100");
    receive(&conversation, &sent, &unsigned, at(200));
    assert_eq!(conversation.offset_ms(), 0);
}

#[test]
fn a_slow_answer_does_not_move_the_clock() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let reply = Signer::new(7).judge(&sent.heard, Reply::json("{}"), time(73_100));
    let first = verified(receive(&conversation, &sent, &reply, at(2_501)));
    assert_eq!((first.problem, first.clock_change), (Some(&Problem::CLOCK_SKEW), None));
    assert_eq!(conversation.offset_ms(), 0);
}

#[test]
fn every_verified_answer_measures_the_clock_refusals_included() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let reply = Signer::new(7).sign(&sent.heard, Reply::problem(&Problem::UNAUTHORIZED), time(900_100));
    let refused = verified(receive(&conversation, &sent, &reply, at(200)));
    assert!(refused.clock_change.unwrap().is_jump());
    assert_eq!(conversation.offset_ms(), 900_000);
}

#[test]
fn a_guard_that_doubts_its_own_clock_is_not_called_interference() {
    let conversation = conversation();
    let sent = send(&conversation, 1, at(0));
    let reply = Signer::new(7).sign(&sent.heard, Reply::problem(&Problem::UNAVAILABLE), time(900_100));
    assert_eq!(verified(receive(&conversation, &sent, &reply, at(200))).problem, Some(&Problem::UNAVAILABLE));
}

#[test]
fn fields_that_belong_to_signing_or_to_the_connection_are_not_the_callers_to_set() {
    let conversation = conversation();
    for name in ["host", "signature", "signature-input", "content-digest", "content-length", "transfer-encoding", "te"]
    {
        let name: HeaderName = name.parse().unwrap();
        let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static("x"))]);
        let outgoing = Outgoing { method: &Method::GET, path: "/", query: None, headers: &headers, body: b"" };
        assert_eq!(conversation.sign(&outgoing, [1; 32], at(0)).unwrap_err(), CannotSign::Reserved(name));
    }
}

#[test]
fn a_path_with_more_than_one_reading_is_not_signed() {
    let conversation = conversation();
    let headers = HeaderMap::new();
    for path in
        ["/a//b", "/a/./b", "/a/../b", "/a/%2e%2e/b", "/a%2fb", "/a%2Fb", "/%61", "/a;x=1", "/a\\b", "/a%zz", "a", ""]
    {
        let outgoing = Outgoing { method: &Method::GET, path, query: None, headers: &headers, body: b"" };
        let refused = conversation.sign(&outgoing, [1; 32], at(0));
        assert!(matches!(refused, Err(CannotSign::Unsignable(_))), "{path}");
    }
}

#[test]
fn a_value_that_is_not_ascii_is_not_signed() {
    let conversation = conversation();
    let value = HeaderValue::from_bytes("grüße".as_bytes()).unwrap();
    let headers = HeaderMap::from_iter([(HeaderName::from_static("x-greeting"), value)]);
    let outgoing = Outgoing { method: &Method::GET, path: "/", query: None, headers: &headers, body: b"" };
    assert!(matches!(conversation.sign(&outgoing, [1; 32], at(0)), Err(CannotSign::Unsignable(_))));
}

#[test]
fn neither_a_conversation_nor_a_request_under_way_shows_its_key() {
    let conversation = conversation();
    send(&conversation, 1, at(0));
    let shown = format!("{conversation:?}");
    let root = Signer::new(7).root;
    for name in ["c2s mac", "s2c mac"] {
        let key = root.derive(name, b"k7f3a9c2d4e5b6a1c");
        assert!(!shown.contains(&countersign_core::encoding::hex(key.expose())));
        assert!(!shown.contains(&format!("{:?}", key.expose())));
    }
}
