//! Keys that are taken back or confirmed while requests of theirs are under way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod whole;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use countersign_core::enrolment::seed_mode::SeedRegistration;
use countersign_core::enrolment::{Card, ClientHandshake, Introduction};
use countersign_core::event::{Event, EventKind};
use countersign_core::secret::Secret32;
use countersign_core::verdict::{Refusal, Verdict};
use countersign_server::service::Undecided;
use countersign_server::service::claim::Claim;
use countersign_server::service::enrol::{Enrolment, enrol};
use countersign_server::service::seed_enrol::{SeedEnrolment, seed_enrol};
use countersign_server::service::verify_request::verify_request;
use futures_util::poll;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{sleep, timeout};
use whole::{Answer, Signed, Whole, now, reading};

const FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn judge(whole: &Whole, request: &Signed) -> Result<Verdict, Undecided> {
    let claim = Claim::of(&whole.app, request.received.keyid(), now())?;
    verify_request(&whole.app, &claim, &request.received, FROM, reading()).await
}

/// Else whoever kept a stolen key could fill the guard with nonces, and be told by the second answer that the first one's
/// MAC had been good.
#[tokio::test]
async fn nothing_is_remembered_of_a_key_that_was_taken_back() {
    let whole = Whole::start(None, "").await;
    let alice = whole.confirmed("alice").await;
    whole.operate("revoke-key", json!({ "keyid": alice.keyid.as_str() })).await;
    let before = whole.app.replay.usage().unwrap().nonces;
    let request = alice.get("/transfers");
    for _ in 0..2 {
        assert_eq!(judge(&whole, &request).await.unwrap(), Verdict::Refuse(Refusal::RevokedKey));
    }
    assert_eq!(whole.app.replay.usage().unwrap().nonces, before);
}

#[tokio::test]
async fn a_request_whose_body_is_still_coming_when_its_key_is_taken_back_does_not_run() {
    for (operation, by_key) in [("revoke-key", true), ("disable-user", false), ("delete-user", false)] {
        let (api, heads) = whole::api(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let whole = Whole::start(Some(api), "").await;
        let alice = whole.confirmed("alice").await;
        let request = alice.post("/transfers", b"everything");
        let (first, rest) = request.octets.split_at(request.octets.len() - 5);
        let mut stream = whole.connect().await;
        stream.write_all(first).await.unwrap();
        while whole.app.replay.usage().unwrap().nonces < 2 {
            tokio::task::yield_now().await;
        }
        let arguments = if by_key { json!({ "keyid": alice.keyid.as_str() }) } else { json!({ "username": "alice" }) };
        whole.operate(operation, arguments).await;
        stream.write_all(rest).await.unwrap();
        let answer = Answer::read(&mut stream).await;
        assert_eq!(answer.status, 401, "{operation}");
        assert!(request.is_answered_by(&answer), "{operation}: and the refusal is signed");
        assert!(heads.lock().unwrap().is_empty(), "{operation}: the API was called");
    }
}

#[tokio::test]
async fn a_first_request_that_waited_for_another_is_refused_when_the_key_was_revoked_in_between() {
    let whole = Whole::start(None, "").await;
    let alice = whole.enrolled("alice");
    let (first, second) = (alice.get("/"), alice.get("/"));
    let claim = Claim::of(&whole.app, second.received.keyid(), now()).unwrap();
    assert!(matches!(judge(&whole, &first).await, Ok(Verdict::Admit(_))));
    whole.operate("revoke-key", json!({ "keyid": alice.keyid.as_str() })).await;
    let verdict = verify_request(&whole.app, &claim, &second.received, FROM, reading()).await.unwrap();
    assert_eq!(verdict, Verdict::Refuse(Refusal::RevokedKey), "its claim was made while the key was pending");
}

#[tokio::test]
async fn a_first_request_that_waited_for_another_is_refused_when_the_program_became_a_person_in_between() {
    let whole = Whole::start(None, "").await;
    let alice = whole.enrolled("alice");
    let (first, second, third) = (alice.get("/"), alice.get("/"), alice.get("/api/auth/whoami"));
    let claim = || Claim::of(&whole.app, alice.keyid.as_str(), now()).unwrap();
    let (second_claim, third_claim) = (claim(), claim());
    assert!(matches!(judge(&whole, &first).await, Ok(Verdict::Admit(_))));
    whole.operate("set-role", json!({ "username": "alice", "role": "user" })).await;
    let verdict = verify_request(&whole.app, &second_claim, &second.received, FROM, reading()).await.unwrap();
    assert_eq!(verdict, Verdict::Refuse(Refusal::SessionRequired), "its claim was made while the key was pending");
    let verdict = verify_request(&whole.app, &third_claim, &third.received, FROM, reading()).await.unwrap();
    assert!(matches!(verdict, Verdict::Admit(_)), "this is what it may still ask");
}

#[tokio::test]
async fn a_request_whose_body_is_still_coming_when_its_program_becomes_a_person_does_not_run() {
    let (api, heads) = whole::api(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let whole = Whole::start(Some(api), "").await;
    let alice = whole.confirmed("alice").await;
    let request = alice.post("/transfers", b"everything");
    let (first, rest) = request.octets.split_at(request.octets.len() - 5);
    let mut stream = whole.connect().await;
    stream.write_all(first).await.unwrap();
    while whole.app.replay.usage().unwrap().nonces < 2 {
        tokio::task::yield_now().await;
    }
    whole.operate("set-role", json!({ "username": "alice", "role": "user" })).await;
    stream.write_all(rest).await.unwrap();
    let answer = Answer::read(&mut stream).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("session-required"), "{}", answer.text());
    assert!(request.is_answered_by(&answer), "and the refusal is signed");
    assert!(heads.lock().unwrap().is_empty(), "the API was called");
}

#[tokio::test]
async fn a_client_that_goes_away_while_its_key_is_confirmed_has_a_key_all_the_same() {
    let whole = Whole::start(None, "").await;
    let alice = whole.enrolled("alice");
    let request = alice.get("/");
    {
        let judged = judge(&whole, &request);
        tokio::pin!(judged);
        assert!(poll!(&mut judged).is_pending(), "the store has not answered yet");
    }
    let known = async {
        while whole.app.accounts.keyring.find(alice.keyid.as_str()).unwrap().is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), known).await.expect("the keyring learns what the store has kept");
    assert!(matches!(judge(&whole, &alice.get("/")).await, Ok(Verdict::Admit(_))));
}

#[tokio::test]
async fn a_key_that_the_store_has_kept_by_a_try_that_got_no_answer_is_confirmed_by_the_next() {
    let whole = Whole::start(None, "").await;
    let alice = whole.enrolled("alice");
    let kept = whole.confirmation_of(&alice);
    let event = Event {
        at: now(),
        kind: EventKind::Enrolled,
        user: Some(kept.user.id),
        key: Some(kept.key.id.clone()),
        session: None,
        actor: FROM.to_string(),
        detail: String::new(),
    };
    whole.app.accounts.stores.enrolments.confirm(&kept, &event).await.unwrap();
    let Verdict::Admit(principal) = judge(&whole, &alice.get("/")).await.unwrap() else { panic!("its own name") };
    assert_eq!(principal.user, kept.user.id);
    let other = whole.enrolled("alice");
    assert_eq!(judge(&whole, &other.get("/")).await.unwrap(), Verdict::Refuse(Refusal::NameTaken));
}

#[tokio::test]
async fn no_account_is_made_in_seed_mode_beside_a_change_by_an_operator() {
    let key = "5a".repeat(32);
    let whole = Whole::start(None, &format!("danger_seed_mode = true\nseed_shared_key = \"{key}\"")).await;
    let shared = Secret32::new([0x5a; 32]);
    let (registration, _) = SeedRegistration::new(&shared, "alice", [7; 32]);
    let operator = whole.app.accounts.changing.lock().await;
    let registering = seed_enrol(&whole.app, &registration, &shared, FROM, now());
    tokio::pin!(registering);
    // Long enough for what does not wait; what waits is not shown to be late by this, only not to be early.
    assert!(timeout(Duration::from_millis(200), &mut registering).await.is_err());
    assert!(whole.app.accounts.stores.users.list(None, 10).await.unwrap().is_empty());
    drop(operator);
    assert!(matches!(registering.await.unwrap(), SeedEnrolment::Enrolled { .. }));
}

#[tokio::test]
async fn an_enrolment_under_way_when_the_group_key_is_rotated_yields_no_key() {
    let whole = Whole::start(None, "").await;
    let invite = whole.operate("invite", json!({ "kind": "group", "role": "user" })).await;
    let card: Card = invite["card"].as_str().unwrap().parse().unwrap();
    let introduction = Introduction { username: "mallory", device: "", c_rand: Secret32::new([1; 32]), now: now() };
    let (_, message) = ClientHandshake::start(&card, &introduction, &Secret32::new([2; 32])).unwrap();
    let enrolling = enrol(&whole.app, &message, FROM, now());
    tokio::pin!(enrolling);
    assert!(poll!(&mut enrolling).is_pending(), "the card is being proven");
    whole.operate("rotate-group", json!({})).await;
    assert_eq!(enrolling.await.unwrap(), Enrolment::DoesNotOpen);
    assert!(whole.app.accounts.pending.lock().unwrap().is_empty());
}
