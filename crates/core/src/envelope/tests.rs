//! What holds of an envelope, against somebody between the two who can change, keep and repeat whatever is sent.

use core::time::Duration;

use super::*;
use crate::encoding::{b64u, unb64u};
use crate::secret::{KeyPair, Root, Secret32};
use crate::signature::{Authentication, Interference};
use crate::time::{Freshness, Timestamp};

const KEYID: &str = "k7f3a9c2d4e5b6a1c";
const NOW: Timestamp = Timestamp::from_millis(1_763_780_000_000);
const OURS: Addressee<'_> = Addressee { audience: "api.example.com", username: "alice" };

fn root() -> Root {
    Root::new(Secret32::new([7; 32]))
}

fn keys() -> KeyPair {
    root().envelope_pair(KEYID)
}

fn params(action: &Action) -> EnvelopeParams<'_> {
    let Addressee { audience, username } = OURS;
    let nonce = core::array::from_fn(|place| place as u8);
    EnvelopeParams { audience, keyid: KEYID, nonce, timestamp: NOW, action, username, packet: b"{\"amount\":25}" }
}

fn signed() -> SignedEnvelope {
    sign_envelope(&keys().c2s, &params(&"transfer.create".parse().unwrap())).unwrap()
}

fn found(json: &str, at: Timestamp) -> &'static str {
    match Envelope::read(json.as_bytes()).unwrap().authenticate(&keys().c2s, OURS, Freshness::DEFAULT, at) {
        Authentication::Authentic(_) => "authentic",
        Authentication::FutureDated(_) => "future-dated",
        Authentication::Stale => "stale",
        Authentication::BadSignature => "bad signature",
    }
}

/// The envelope with one text replaced by another.
fn changed(from: &str, to: &str) -> String {
    let json = signed().json().to_owned();
    assert!(json.contains(from), "{from}");
    json.replacen(from, to, 1)
}

#[test]
fn an_envelope_proves_its_holder_and_tells_what_it_holds() {
    let sent = signed();
    let envelope = Envelope::read(sent.json().as_bytes()).unwrap();
    assert_eq!((envelope.keyid(), envelope.audience(), envelope.username()), (KEYID, OURS.audience, OURS.username));
    assert_eq!((envelope.action().as_str(), envelope.packet()), ("transfer.create", &b"{\"amount\":25}"[..]));
    let found = envelope.authenticate(&keys().c2s, OURS, Freshness::DEFAULT, NOW);
    let Authentication::Authentic(authentic) = found else { panic!("{found:?}") };
    assert_eq!((authentic.keyid(), authentic.nonce(), authentic.created()), (KEYID, &sent.nonce()[..], NOW));
}

#[test]
fn no_field_can_be_changed() {
    for (from, to) in [
        ("\"aud\":\"api.", "\"aud\":\"bpi."),
        ("\"nonce\":\"AAEC", "\"nonce\":\"BAEC"),
        ("\"timestamp\":1763780000000", "\"timestamp\":1763780000001"),
        ("transfer.create", "transfer.delete"),
        ("\"username\":\"alice", "\"username\":\"alicf"),
        ("\"packet\":\"", "\"packet\":\"AAAA"),
        (&b64u(b"{\"amount\":25}"), &b64u(b"{\"amount\":26}")),
        (&b64u(b"{\"amount\":25}"), ""),
        ("\"mac\":\"", "\"mac\":\"AAAA\",\"x\":\""),
    ] {
        match Envelope::read(changed(from, to).as_bytes()) {
            Ok(_) => assert_eq!(found(&changed(from, to), NOW), "bad signature", "{from} → {to}"),
            Err(_) => assert!(to.contains("AAAA"), "{from} → {to}"),
        }
    }
    assert_eq!(found(&changed("transfer", "transfer"), NOW), "authentic");
}

#[test]
fn action_and_username_cannot_trade_letters() {
    let mallory = "alice".parse().unwrap();
    for (action, username) in [("transfer.createa", "lice"), ("transfer.creat", "ealice")] {
        let json = changed("transfer.create", action).replace("\"alice\"", &format!("\"{username}\""));
        let envelope = Envelope::read(json.as_bytes()).unwrap();
        let addressee = Addressee { username, ..OURS };
        let found = envelope.authenticate(&keys().c2s, addressee, Freshness::DEFAULT, NOW);
        assert!(matches!(found, Authentication::BadSignature), "{action} {username}");
    }
    let other =
        sign_envelope(&keys().c2s, &EnvelopeParams { username: "transfer.create", ..params(&mallory) }).unwrap();
    assert_ne!(other.json(), signed().json());
}

#[test]
fn an_envelope_for_another_server_or_from_another_user_is_no_better_than_one_with_a_wrong_mac() {
    let sent = signed();
    let envelope = Envelope::read(sent.json().as_bytes()).unwrap();
    for addressee in [
        Addressee { audience: "bank.example.com", ..OURS },
        Addressee { audience: "API.example.com", ..OURS },
        Addressee { audience: "", ..OURS },
        Addressee { username: "bob", ..OURS },
        Addressee { username: "", ..OURS },
        Addressee { username: "Alice", ..OURS },
    ] {
        let found = envelope.authenticate(&keys().c2s, addressee, Freshness::DEFAULT, NOW);
        assert!(matches!(found, Authentication::BadSignature), "{addressee:?}");
        let late = envelope.authenticate(&keys().c2s, addressee, Freshness::DEFAULT, Timestamp::MAX);
        assert!(matches!(late, Authentication::BadSignature), "whatever the time: {addressee:?}");
    }
}

#[test]
fn the_window_is_kept_to_the_millisecond_and_judged_after_the_mac() {
    let json = signed().json().to_owned();
    let at = |offset: i64| Timestamp::from_millis(NOW.as_millis().saturating_add_signed(offset));
    for (offset, expected) in
        [(5_000, "authentic"), (5_001, "stale"), (-5_000, "authentic"), (-5_001, "future-dated"), (999_999, "stale")]
    {
        assert_eq!(found(&json, at(offset)), expected, "{offset}");
        let forged = changed("create", "delete");
        assert_eq!(found(&forged, at(offset)), "bad signature", "{offset}");
    }
}

#[test]
fn keys_of_requests_and_of_answers_do_not_verify_envelopes() {
    let sent = signed();
    let envelope = Envelope::read(sent.json().as_bytes()).unwrap();
    let KeyPair { s2c, .. } = keys();
    let of_requests = root().key_pair(KEYID);
    let of_streams = root().stream_pair(KEYID);
    for (name, key) in [("s2c", &s2c), ("c2s mac", &of_requests.c2s), ("c2s stream", &of_streams.c2s)] {
        let found = envelope.authenticate(key, OURS, Freshness::DEFAULT, NOW);
        assert!(matches!(found, Authentication::BadSignature), "{name}");
    }
}

#[test]
fn what_is_not_exactly_an_envelope_is_not_read() {
    let good = signed().json().to_owned();
    let nonce = b64u(signed().nonce());
    let long = "x".repeat(257);
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"v\":1", "\"v\":1.0"),
        ("\"v\":1", "\"v\":\"1\""),
        ("\"v\":1,", ""),
        ("\"v\":1", "\"v\":1,\"v\":1"),
        ("\"v\":1", "\"v\":1,\"x\":1"),
        ("1763780000000", "\"1763780000000\""),
        ("1763780000000", "1763780000000.0"),
        ("1763780000000", "1.76378e12"),
        ("1763780000000", "01763780000000"),
        ("1763780000000", "-1763780000000"),
        ("1763780000000", "9007199254740992"),
        ("1763780000000", "18446744073709551615"),
        ("1763780000000", "99999999999999999999999"),
        ("api.example.com", ""),
        (KEYID, ""),
        ("\"alice\"", "\"\""),
        ("api.example.com", "api example.com"),
        ("api.example.com", "api\\u0000example.com"),
        ("api.example.com", &long),
        (KEYID, &long),
        (KEYID, "k\\\"x"),
        ("transfer.create", ""),
        ("transfer.create", "transfer create"),
        ("transfer.create", &long[..129]),
        ("\"alice\"", "null"),
        ("\"alice\"", "\"\\ud800\""),
        ("\"alice\"", &format!("\"{long}\"")),
        (&nonce, &b64u(&[1; 15])),
        (&nonce, &b64u(&[1; 65])),
        (&nonce, &format!("{nonce}=")),
        ("eyJhbW91bnQiOjI1fQ", "eyJhbW91bnQiOjI1fQ=="),
        ("eyJhbW91bnQiOjI1fQ", "eyJhbW91bnQiOjI1fR"),
        ("eyJhbW91bnQiOjI1fQ", "eyJhbW91bnQiOjI1fQ\\n"),
        ("eyJhbW91bnQiOjI1fQ", "eyJh+/91bnQiOjI1fQ"),
        ("\"mac\":\"", "\"mac\":\"AAAA"),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(Envelope::read(good.replacen(from, to, 1).as_bytes()).is_err(), "{from} → {to}");
    }
    assert!(Envelope::read(format!("{good}{good}").as_bytes()).is_err());
    assert!(Envelope::read(format!("[{good}]").as_bytes()).is_err());
    assert!(Envelope::read(&good.as_bytes()[..good.len() - 1]).is_err());
    assert!(Envelope::read(b"\xff").is_err());
}

#[test]
fn the_largest_number_and_the_longest_names_are_read() {
    let action = "x".repeat(128).parse().unwrap();
    let name = "é".repeat(128);
    let timestamp = Timestamp::from_millis((1 << 53) - 1);
    let params = EnvelopeParams { timestamp, username: &name, packet: b"", ..params(&action) };
    let sent = sign_envelope(&keys().c2s, &params).unwrap();
    let envelope = Envelope::read(sent.json().as_bytes()).unwrap();
    let addressee = Addressee { username: &name, ..OURS };
    let found = envelope.authenticate(&keys().c2s, addressee, Freshness::DEFAULT, NOW);
    assert!(matches!(found, Authentication::FutureDated(_)), "{found:?}");
    let late = Timestamp::from_millis(1 << 53);
    assert!(sign_envelope(&keys().c2s, &EnvelopeParams { timestamp: late, ..params }).is_err());
    assert!(sign_envelope(&keys().c2s, &EnvelopeParams { username: &"x".repeat(257), ..params }).is_err());
    assert!(sign_envelope(&keys().c2s, &EnvelopeParams { audience: "a\"b", ..params }).is_err());
    assert!(sign_envelope(&keys().c2s, &EnvelopeParams { keyid: "k é", ..params }).is_err());
}

/// What the server says to [`signed`].
fn answer(status: u16, packet: &[u8]) -> String {
    let sent = signed();
    Envelope::read(sent.json().as_bytes()).unwrap().answer(&keys().s2c, status, packet, NOW)
}

fn believed(sent: &SignedEnvelope, answer: &str) -> Result<VerifiedPacket, Interference> {
    sent.verify_answer(&keys().s2c, AnswerEnvelope::read(answer.as_bytes()).map_err(|_| Interference::BadMac)?)
}

#[test]
fn an_answer_is_believed_by_whoever_sent_the_envelope() {
    let verified = believed(&signed(), &answer(201, b"{}")).unwrap();
    assert_eq!(verified, VerifiedPacket { status: 201, packet: b"{}".to_vec(), server_time: NOW });
}

#[test]
fn no_part_of_an_answer_can_be_changed() {
    let good = answer(200, b"{\"id\":1}");
    for (from, to) in [
        ("\"status\":200", "\"status\":201"),
        ("\"timestamp\":1763780000000", "\"timestamp\":1763780000001"),
        ("eyJpZCI6MX0", "eyJpZCI6Mn0"),
        ("eyJpZCI6MX0", ""),
    ] {
        assert!(good.contains(from), "{from}");
        assert_eq!(believed(&signed(), &good.replacen(from, to, 1)), Err(Interference::BadMac), "{from} → {to}");
    }
    let nonce = b64u(signed().nonce());
    let other = good.replacen(&nonce, &b64u(&[1; 32]), 1);
    assert_eq!(believed(&signed(), &other), Err(Interference::WrongRequest));
    let other = good.replacen(KEYID, "k7f3a9c2d4e5b6a1d", 1);
    assert_eq!(believed(&signed(), &other), Err(Interference::WrongRequest));
}

#[test]
fn the_answer_to_one_envelope_is_none_to_another_with_the_same_nonce() {
    let action = "transfer.delete".parse().unwrap();
    let other = sign_envelope(&keys().c2s, &params(&action)).unwrap();
    assert_eq!(believed(&other, &answer(200, b"{}")), Err(Interference::BadMac), "bound to the MAC of the request");
}

#[test]
fn the_refusal_of_a_spoilt_copy_is_no_answer_to_the_original() {
    let sent = signed();
    let spoilt =
        changed("\"mac\":\"", "\"mac\":\"").replace(&sent.json()[sent.json().len() - 20..], "AAAAAAAAAAAAAAAAAA\"}");
    let spoilt = Envelope::read(spoilt.as_bytes()).unwrap();
    let refusal = spoilt.answer(&keys().s2c, 401, b"{}", NOW);
    assert_eq!(believed(&sent, &refusal), Err(Interference::BadMac));
}

#[test]
fn a_request_cannot_come_back_as_an_answer_nor_an_answer_as_a_request() {
    let sent = signed();
    assert!(AnswerEnvelope::read(sent.json().as_bytes()).is_err());
    assert!(Envelope::read(answer(200, b"{}").as_bytes()).is_err());
    // In the form of an answer, with the MAC of the request.
    let mac = sent.json().rsplit('"').nth(1).unwrap();
    let reflected = answer(200, b"{\"amount\":25}");
    let own = reflected.rsplit('"').nth(1).unwrap();
    assert_eq!(believed(&sent, &reflected.replace(own, mac)), Err(Interference::BadMac));
    assert_eq!(unb64u(mac).map(|mac| mac.len()), Some(32));
}

#[test]
fn an_answer_is_timely_between_sending_and_receiving_with_the_window_on_either_side() {
    let verified = believed(&signed(), &answer(200, b"")).unwrap();
    let at = |offset: i64| Timestamp::from_millis(NOW.as_millis().saturating_add_signed(offset));
    let timely = |sent: i64, received: i64| verified.is_timely(at(sent), at(received), Freshness::DEFAULT);
    assert!(timely(5_000, 6_000) && timely(-6_000, -5_000));
    assert!(!timely(5_001, 6_000) && !timely(-6_000, -5_001));
    assert!(!verified.is_timely(at(0), at(0).saturating_sub(Duration::from_secs(6)), Freshness::DEFAULT));
}

#[test]
fn what_is_not_exactly_an_answer_is_not_read() {
    let good = answer(200, b"{}");
    for (from, to) in [
        ("\"status\":200", "\"status\":199"),
        ("\"status\":200", "\"status\":600"),
        ("\"status\":200", "\"status\":65736"),
        ("\"status\":200", "\"status\":200.0"),
        ("\"status\":200", "\"status\":200,\"status\":200"),
        ("\"status\":200", "\"status\":200,\"action\":\"x\""),
        ("\"v\":1,", ""),
        ("\"v\":1", "\"v\":0"),
    ] {
        assert!(AnswerEnvelope::read(good.replacen(from, to, 1).as_bytes()).is_err(), "{from} → {to}");
    }
}
