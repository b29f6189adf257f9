//! Keys that take the place of others (protocol §10), from the side of those who should not get one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod whole;

use std::time::Duration;

use countersign_core::account::{KeyOrigin, KeyState};
use countersign_core::enrolment::{ClientHandshake, EnrolError, EnrolRefusal, Introduction};
use countersign_core::event::EventKind;
use countersign_core::secret::Secret32;
use countersign_core::succession::{OVERLAP, OVERLAP_ONCE_USED};
use countersign_core::time::Timestamp;
use countersign_core::verdict::Verdict;
use countersign_server::service::rotate::end_keys;
use serde_json::{Value, json};
use tokio::time::timeout;
use whole::{Answer, Person, Whole, now};

/// A first message of this key, distinct for each number.
fn message(whole: &Whole, person: &Person, number: u8) -> (ClientHandshake, Vec<u8>) {
    let server_key = whole.app.accounts.secrets.static_keys.newest().unwrap();
    let introduction = Introduction { username: "", device: "new", c_rand: Secret32::new([number; 32]), now: now() };
    let key = (&person.keyid, &person.root);
    let server = (&server_key, person.authority.as_str());
    ClientHandshake::rotate(key, server, &introduction, &Secret32::new([number; 32])).unwrap()
}

async fn post(whole: &Whole, person: &Person, body: &[u8]) -> Answer {
    let octets = [("content-type", "application/octet-stream")];
    let request = person.request("POST", "/api/auth/keys", &octets, body);
    let answer = whole.call(&request).await;
    assert!(answer.status == 401 || request.is_answered_by(&answer));
    answer
}

/// A successor that waits for its first request.
async fn waiting(whole: &Whole, person: &Person, number: u8) -> Person {
    let (client, body) = message(whole, person, number);
    let answer = post(whole, person, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let enrolled = client.finish(&answer.body).unwrap();
    let keys = enrolled.root.key_pair(enrolled.keyid.as_str());
    let envelope_keys = enrolled.root.envelope_pair(enrolled.keyid.as_str());
    Person {
        authority: person.authority.clone(),
        keyid: enrolled.keyid,
        session: None,
        root: enrolled.root,
        keys,
        envelope_keys,
    }
}

async fn whoami(whole: &Whole, person: &Person) -> u16 {
    whole.call(&person.get("/api/auth/whoami")).await.status
}

async fn successor(whole: &Whole, person: &Person, number: u8) -> Person {
    let fresh = waiting(whole, person, number).await;
    assert_eq!(whoami(whole, &fresh).await, 200);
    fresh
}

async fn end(whole: &Whole, signer: &Person, target: &str) -> Answer {
    whole.call(&signer.request("DELETE", &format!("/api/auth/keys/{target}"), &[], b"")).await
}

async fn state(whole: &Whole, person: &Person) -> KeyState {
    whole.app.accounts.stores.keys.find(&person.keyid).await.unwrap().unwrap().state
}

async fn kinds(whole: &Whole) -> Vec<EventKind> {
    let events = whole.app.accounts.stores.events.list(0, 1_000).await.unwrap();
    events.into_iter().map(|recorded| recorded.event.kind).collect()
}

fn until(end: KeyState) -> Duration {
    let KeyState::Ending { at } = end else { panic!("{end:?}") };
    at.since(now())
}

#[tokio::test]
async fn both_keys_hold_for_a_day_and_for_five_minutes_once_the_new_one_is_used() {
    let whole = Whole::start(None, "").await;
    let old = whole.confirmed("alice").await;
    let new = successor(&whole, &old, 1).await;
    let left = until(state(&whole, &old).await);
    assert!(left > OVERLAP - Duration::from_secs(60) && left <= OVERLAP, "its confirmation is no use: {left:?}");
    assert_eq!(whoami(&whole, &old).await, 200);
    assert_eq!(whoami(&whole, &new).await, 200);
    let hastened = state(&whole, &old).await;
    assert!(until(hastened) <= OVERLAP_ONCE_USED, "{hastened:?}");
    assert_eq!((whoami(&whole, &new).await, whoami(&whole, &old).await), (200, 200));
    assert_eq!(state(&whole, &old).await, hastened, "the first use counts");
    let kinds = kinds(&whole).await;
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::KeyRotated).count(), 1);
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::KeyEnding).count(), 1);
}

#[tokio::test]
async fn a_key_past_its_end_is_refused_whether_anybody_has_swept_or_not() {
    let whole = Whole::start(None, "").await;
    let old = whole.confirmed("alice").await;
    successor(&whole, &old, 1).await;
    let KeyState::Ending { at } = state(&whole, &old).await else { panic!("it ends") };
    let holder = whole.app.accounts.keyring.find(old.keyid.as_str()).unwrap().unwrap();
    assert!(matches!(holder.verdict(at), Verdict::Admit(_)));
    let late = Timestamp::from_millis(at.as_millis() + 1);
    assert!(matches!(holder.verdict(late), Verdict::Refuse(_)), "nothing was swept");
    let ended = whole.app.accounts.keyring.ended(&old.keyid);
    tokio::pin!(ended);
    end_keys(&whole.app, at).await.unwrap();
    assert!(futures_util::poll!(&mut ended).is_pending(), "at its end it still signs");
    end_keys(&whole.app, late).await.unwrap();
    timeout(Duration::from_secs(10), ended).await.expect("what goes on under it ends");
    assert_eq!(state(&whole, &old).await, KeyState::Revoked { at });
    assert_eq!(whoami(&whole, &old).await, 401);
    assert!(kinds(&whole).await.contains(&EventKind::KeyEnded));
}

#[tokio::test]
async fn a_replaced_key_has_no_second_successor() {
    let whole = Whole::start(None, "").await;
    let old = whole.confirmed("alice").await;
    successor(&whole, &old, 1).await;
    let (client, body) = message(&whole, &old, 2);
    let answer = post(&whole, &old, &body).await;
    let refused = client.finish(&answer.body).unwrap_err();
    assert_eq!(refused, EnrolError::Refused(EnrolRefusal::Conflict));
}

#[tokio::test]
async fn of_two_rotations_before_either_is_confirmed_the_newer_one_counts() {
    let whole = Whole::start(None, "").await;
    let old = whole.confirmed("alice").await;
    let (first, second) = (waiting(&whole, &old, 1).await, waiting(&whole, &old, 2).await);
    assert_eq!(whoami(&whole, &first).await, 401);
    assert_eq!(whoami(&whole, &second).await, 200);
    let keys = whole.app.accounts.stores.keys.list(None, 9).await.unwrap();
    assert_eq!(keys.len(), 2);
}

#[tokio::test]
async fn a_lost_answer_is_given_again_and_an_old_message_is_not_taken_anew() {
    let whole = Whole::start(None, "").await;
    let old = whole.confirmed("alice").await;
    let (client, body) = message(&whole, &old, 1);
    let (first, again) = (post(&whole, &old, &body).await, post(&whole, &old, &body).await);
    assert_eq!(first.body, again.body);
    let enrolled = client.finish(&first.body).unwrap();
    let keys = enrolled.root.key_pair(enrolled.keyid.as_str());
    let envelope_keys = enrolled.root.envelope_pair(enrolled.keyid.as_str());
    let new = Person {
        authority: old.authority.clone(),
        keyid: enrolled.keyid,
        session: None,
        root: enrolled.root,
        keys,
        envelope_keys,
    };
    assert_eq!(whoami(&whole, &new).await, 200);
    assert_ne!(post(&whole, &old, &body).await.body, first.body);
    assert_eq!(end(&whole, &old, new.keyid.as_str()).await.status, 204);
    assert_eq!(post(&whole, &old, &body).await.status, 422, "the place is free, and the message is old");
}

#[tokio::test]
async fn the_message_of_one_key_gives_nothing_to_whoever_presents_it_under_another() {
    let whole = Whole::start(None, "").await;
    let (alice, mallory) = (whole.confirmed("alice").await, whole.confirmed("mallory").await);
    let (_, body) = message(&whole, &alice, 1);
    assert_eq!(post(&whole, &mallory, &body).await.status, 422);
    assert_eq!(post(&whole, &alice, &body).await.status, 200);
    assert_eq!(post(&whole, &mallory, &body).await.status, 422, "nor the answer that alice was given");
}

#[tokio::test]
async fn a_key_that_was_taken_back_gets_no_successor_and_a_waiting_one_no_place() {
    let whole = Whole::start(None, "").await;
    let old = whole.confirmed("alice").await;
    let new = waiting(&whole, &old, 1).await;
    whole.operate("revoke-key", json!({ "keyid": old.keyid.as_str() })).await;
    let (_, body) = message(&whole, &old, 2);
    assert_eq!(post(&whole, &old, &body).await.status, 401);
    assert_eq!(whoami(&whole, &new).await, 409);
    assert_eq!(whole.app.accounts.stores.keys.find(&new.keyid).await.unwrap(), None);
    let other = whole.confirmed("bob").await;
    let new = waiting(&whole, &other, 3).await;
    whole.operate("disable-user", json!({ "username": "bob" })).await;
    assert_eq!(whoami(&whole, &new).await, 409);
}

#[tokio::test]
async fn not_me_ends_a_stolen_successor_with_all_that_was_made_of_it() {
    let whole = Whole::start(None, "").await;
    let old = whole.confirmed("alice").await;
    let stolen = successor(&whole, &old, 1).await;
    let further = successor(&whole, &stolen, 2).await;
    let waits = waiting(&whole, &further, 3).await;
    assert_eq!(end(&whole, &old, stolen.keyid.as_str()).await.status, 204);
    for thiefs in [&stolen, &further] {
        assert_eq!(whoami(&whole, thiefs).await, 401);
        let (_, body) = message(&whole, thiefs, 4);
        assert_eq!(post(&whole, thiefs, &body).await.status, 401);
    }
    assert_eq!(whoami(&whole, &waits).await, 409);
    assert_eq!(state(&whole, &old).await, KeyState::Active);
    let mine = successor(&whole, &old, 5).await;
    assert_eq!(whoami(&whole, &mine).await, 200);
}

#[tokio::test]
async fn whoever_rotated_a_stolen_key_cannot_silence_the_one_it_was_stolen_from() {
    let whole = Whole::start(None, "").await;
    let old = whole.confirmed("alice").await;
    let thiefs = successor(&whole, &old, 1).await;
    let answer = end(&whole, &thiefs, old.keyid.as_str()).await;
    assert_eq!((answer.status, answer.text().contains("conflict")), (409, true));
    assert_eq!(whoami(&whole, &old).await, 200);
}

#[tokio::test]
async fn another_users_key_is_like_none() {
    let whole = Whole::start(None, "").await;
    let (alice, bob) = (whole.confirmed("alice").await, whole.confirmed("bob").await);
    let mut bodies = Vec::new();
    for target in [bob.keyid.as_str(), "k7f3a9c2d4e5b6a1c", "x"] {
        let answer = end(&whole, &alice, target).await;
        assert_eq!(answer.status, 404, "{target}");
        bodies.push(answer.body);
    }
    assert!(bodies.windows(2).all(|two| two[0] == two[1]));
    assert_eq!(whoami(&whole, &bob).await, 200);
    let listed: Value = serde_json::from_slice(&whole.call(&alice.get("/api/auth/keys")).await.body).unwrap();
    let listed = listed["keys"].as_array().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["keyid"], &listed[0]["this"]), (&json!(alice.keyid.as_str()), &json!(true)));
}

#[tokio::test]
async fn ones_own_keys_are_listed_with_what_became_of_them() {
    let whole = Whole::start(None, "").await;
    let old = whole.confirmed("alice").await;
    let new = successor(&whole, &old, 1).await;
    let listed: Value = serde_json::from_slice(&whole.call(&new.get("/api/auth/keys")).await.body).unwrap();
    let row = |person: &Person| {
        let rows = listed["keys"].as_array().unwrap();
        rows.iter().find(|row| row["keyid"] == person.keyid.as_str()).unwrap().clone()
    };
    assert_eq!(row(&old)["state"], "ending");
    assert_eq!(row(&old)["successor"], new.keyid.as_str());
    assert!(row(&old)["ends_at_ms"].as_u64().unwrap() > now().as_millis());
    assert_eq!((&row(&new)["origin"], &row(&new)["device"]), (&json!("rotation"), &json!("new")));
    assert_eq!(row(&new)["predecessor"], old.keyid.as_str());
    assert_eq!(row(&new)["ends_at_ms"], Value::Null);
}

#[tokio::test]
async fn a_key_of_the_seed_mode_cannot_hide_by_a_rotation() {
    let whole = Whole::start(None, "").await;
    let alice = whole.enrolled("alice");
    let mut kept = whole.confirmation_of(&alice);
    kept.key.origin = KeyOrigin::SeedMode;
    let event = countersign_core::event::Event {
        at: now(),
        kind: EventKind::Enrolled,
        user: None,
        key: None,
        session: None,
        actor: String::new(),
        detail: String::new(),
    };
    whole.app.accounts.stores.enrolments.confirm(&kept, &event).await.unwrap();
    whole.app.accounts.reload_keys(kept.user.id).await.unwrap();
    let (_, body) = message(&whole, &alice, 1);
    assert_eq!(post(&whole, &alice, &body).await.status, 403);
}

#[tokio::test]
async fn what_is_no_message_is_refused_as_such() {
    let whole = Whole::start(None, "").await;
    let alice = whole.confirmed("alice").await;
    assert_eq!(post(&whole, &alice, b"").await.status, 400);
    assert_eq!(post(&whole, &alice, &[7; 4_097]).await.status, 413);
    assert_eq!(post(&whole, &alice, &[7; 100]).await.status, 422);
    assert_eq!(whole.call(&alice.post("/api/auth/keys", &[7; 100])).await.status, 415);
    let (_, body) = message(&whole, &alice, 1);
    for place in [0, 40, body.len() - 1] {
        let mut changed = body.clone();
        changed[place] ^= 1;
        assert_eq!(post(&whole, &alice, &changed).await.status, 422, "octet {place}");
    }
    for (method, target) in
        [("PUT", "/api/auth/keys"), ("GET", "/api/auth/keys/x"), ("GET", "/api/auth/recovery-codes")]
    {
        assert_eq!(whole.call(&alice.request(method, target, &[], b"")).await.status, 405, "{method} {target}");
    }
}
