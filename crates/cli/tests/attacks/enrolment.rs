//! Enrolment where it is a matter of time or of numbers; step by step it stands in table C.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use countersign_core::encoding::hex;
use countersign_core::enrolment::pending::PENDING_LIFE;
use countersign_core::secret::{MacKey, Secret32};
use countersign_server::edge;
use countersign_server::service::control::{InviteKind, ListKeys, ListUsers, RotateGroup};
use countersign_server::service::enrol::{Enrolment, enrol};

use crate::support::guard::Running;
use crate::support::knock::{Knocker, post};
use crate::support::signing::Key;
use crate::support::wire::{Answer, Wire, ask};

const SHARED: [u8; 32] = [0x5e; 32];

/// Sends all of them at once, each on a connection of its own; the answers, in order.
async fn at_once(guard: &Running, requests: Vec<Vec<u8>>) -> Vec<Answer> {
    let mut wires = Vec::new();
    for (request, last) in requests.iter().zip(10_u8..) {
        let mut wire = Wire::connect_from(last, guard.address).await;
        wire.send(&request[..request.len() - 1]).await;
        wires.push(wire);
    }
    let racing = wires.into_iter().zip(requests).map(|(mut wire, request)| {
        tokio::spawn(async move {
            wire.send(&request[request.len() - 1..]).await;
            wire.answer().await.unwrap()
        })
    });
    futures_util::future::join_all(racing).await.into_iter().map(Result::unwrap).collect()
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_name_at_once_exactly_one_has_it() {
    const MANY: usize = 12;
    let toml = format!("danger_seed_mode = true\nseed_shared_key = \"{}\"", hex(&SHARED));
    let guard = Running::start(&toml).await;
    let card = guard.card(InviteKind::Group).await;
    let mut keys: Vec<Key> = Vec::new();
    for last in (100..).take(MANY) {
        keys.push(Knocker::new(&card, "alice").from(last).knock(guard.address).await.unwrap());
    }
    let confirmations: Vec<_> =
        keys.iter().map(|key| guard.draft("GET", "/api/auth/whoami", key).without_body().sign(key)).collect();
    let answers = at_once(&guard, confirmations.iter().map(|sent| sent.octets()).collect()).await;
    assert_eq!(count(&answers, 200), 1);
    for ((answer, sent), key) in answers.iter().zip(&confirmations).zip(&keys) {
        sent.assert_answered(&key.keys.s2c, answer);
        assert!(answer.status == 200 || answer.code() == "conflict", "{answer}");
        // The losers' keys are void for good.
        let again = guard.draft("GET", "/api/auth/whoami", key).without_body().sign(key);
        assert_eq!(ask(guard.address, &again.octets()).await.status == 200, answer.status == 200);
    }
    let registrations = (0..MANY).map(|_| registration(&guard, "bob")).collect();
    let answers = at_once(&guard, registrations).await;
    assert_eq!(count(&answers, 200), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.code() == "conflict"));
    let users: Vec<_> = guard.operate(ListUsers { after: None }).await.into_iter().map(|row| row.username).collect();
    assert_eq!(users, ["alice", "bob"]);
    assert_eq!(guard.operate(ListKeys { username: None, after: None }).await.len(), 2);
}

/// A registration in seed mode.
fn registration(guard: &Running, name: &str) -> Vec<u8> {
    let nonce = edge::random::<32>();
    let mac = MacKey::new(&Secret32::new(SHARED)).mac(&[name.as_bytes(), &nonce]);
    let body = serde_json::json!({ "username": name, "nonce": hex(&nonce), "mac": hex(&mac) }).to_string();
    post(&guard.authority(), "application/json", body.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_registration_many_times_at_once_makes_one_user() {
    let toml = format!("danger_seed_mode = true\nseed_shared_key = \"{}\"", hex(&SHARED));
    let guard = Running::start(&toml).await;
    let answers = at_once(&guard, vec![registration(&guard, "alice"); 12]).await;
    assert_eq!(count(&answers, 200), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.code() == "unauthorized"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_many_use_at_once_lets_one_in() {
    let guard = Running::start("").await;
    let card = guard.card(InviteKind::Ticket).await;
    let racing = (0..8_u8).map(|number| {
        let (mut knocker, address) = (Knocker::new(&card, &format!("user{number}")).from(100 + number), guard.address);
        let authority = guard.authority();
        tokio::spawn(async move {
            let key = knocker.knock(address).await.ok()?;
            let whoami = crate::support::signing::Draft::new("GET", "/api/auth/whoami", &authority, &key.keyid);
            Some(ask(address, &whoami.without_body().sign(&key).octets()).await.status)
        })
    });
    let outcomes = futures_util::future::join_all(racing).await;
    let outcomes: Vec<_> = outcomes.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|status| **status == 200).count(), 1, "{outcomes:?}");
    assert_eq!(guard.operate(ListUsers { after: None }).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_confirmed_in_time_is_nobodys() {
    let guard = Running::start("").await;
    let card = guard.card(InviteKind::Ticket).await;
    for (age, status) in [(PENDING_LIFE + Duration::from_secs(1), 401), (Duration::from_secs(30), 200)] {
        let mut knocker = Knocker::new(&card, "alice");
        // It came so long ago.
        let then = edge::now().wall.saturating_sub(age);
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let Enrolment::Answer(answer) = enrol(&guard.app, knocker.message(), from, then).await.unwrap() else {
            panic!("refused")
        };
        let key = knocker.read(&answer).unwrap();
        let sent = guard.draft("GET", "/api/auth/whoami", &key).without_body().sign(&key);
        assert_eq!(ask(guard.address, &sent.octets()).await.status, status, "{age:?}");
    }
    assert_eq!(guard.operate(ListUsers { after: None }).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_no_card_cannot_tell_a_taken_name_from_a_free_one() {
    let toml = format!("danger_seed_mode = true\nseed_shared_key = \"{}\"", hex(&SHARED));
    let guard = Running::start(&toml).await;
    let card = guard.card(InviteKind::Group).await;
    guard.service("alice").await;
    guard.operate(RotateGroup {}).await;
    let mut told = Vec::new();
    for name in ["alice", "bobby", "alice", "carol"] {
        told.push(but_for_the_date(&Knocker::new(&card, name).send(guard.address).await));
        let registration = String::from_utf8(registration(&guard, name)).unwrap();
        let (before, after) = registration.split_once("\"mac\":\"").unwrap();
        let forged = format!("{before}\"mac\":\"{}{}", "0".repeat(64), &after[64..]);
        told.push(but_for_the_date(&ask(guard.address, forged.as_bytes()).await));
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:#?}");
    assert_eq!(told[0].split(' ').nth(1), Some("401"));
}

fn but_for_the_date(answer: &Answer) -> String {
    let text = answer.to_string();
    let lines = text.split("\r\n").filter(|line| !line.starts_with("date:"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_a_rule_is_told_so_and_costs_no_handshake() {
    let guard = Running::start("[limits]\nbody_seconds = 1").await;
    let head = format!(
        "POST /api/auth/enrol HTTP/1.1\r\nHost: {}\r\nContent-Type: application/octet-stream\r\n",
        guard.authority()
    );
    for (rest, code) in [
        ("Transfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed-request"),
        ("Content-Length: 200\r\n\r\nbegin", "request-timeout"),
        ("Content-Length: 5000\r\n\r\n", "too-large"),
    ] {
        // Chunks are framing, of which HTTP/2 has its own.
        if crate::TRANSPORT.has_octets() || !rest.starts_with("Transfer-Encoding") {
            let answer = ask(guard.address, format!("{head}{rest}").as_bytes()).await;
            assert_eq!(answer.code(), code);
        }
    }
}
