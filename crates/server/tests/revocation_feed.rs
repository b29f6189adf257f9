//! What was taken back reaches whoever follows, all of it, in order, and once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod signed_in;
mod whole;

use std::collections::HashSet;

use countersign_core::account::Role;
use countersign_core::session::{EndReason, Proof, Scope};
use futures_util::future::join_all;
use serde_json::{Value, json};
use signed_in::{ended, logged_in, person};
use whole::{Person, Whole, now};

async fn polled(whole: &Whole, program: &Person, after: u64) -> Value {
    let poll = program.get(&format!("/api/auth/revocations?after={after}"));
    let answer = whole.call(&poll).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(poll.is_answered_by(&answer), "signed");
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    serde_json::from_str(answer.text()).unwrap()
}

#[tokio::test]
async fn each_kind_of_revocation_is_told_as_verifiers_need_it() {
    let whole = Whole::start(None, "").await;
    let program = whole.confirmed("orders").await;
    let begin = polled(&whole, &program, 0).await["next"].as_u64().unwrap();
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let login = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    ended(&whole, Scope::Session(login.session), EndReason::Revoked).await;
    ended(&whole, Scope::User(alice.id), EndReason::UserRevoked).await;
    let asked = countersign_server::service::control::Asked { actor: "test".to_owned(), session: None, at: now() };
    countersign_server::service::end_sessions::end_everything(&whole.app.accounts, &asked).await.unwrap();
    let mut page = polled(&whole, &program, begin).await;
    let last = begin + 3;
    assert_eq!((&page["head"], &page["next"]), (&json!({ "epoch": 1, "sequence": last }), &json!(last)));
    assert_eq!(page["more"], false);
    for entry in page["revocations"].as_array_mut().unwrap() {
        assert!(entry["at_ms"].take().as_u64().unwrap() <= now().as_millis());
    }
    let expected = json!([
        { "sequence": begin + 1, "epoch": 0, "at_ms": null, "kind": "session", "session": login.session.to_string() },
        { "sequence": begin + 2, "epoch": 0, "at_ms": null, "kind": "user", "user_id": alice.id.to_string(), "generation": 1 },
        { "sequence": last, "epoch": 1, "at_ms": null, "kind": "everybody" },
    ]);
    assert_eq!(page["revocations"], expected);
    let nothing = polled(&whole, &program, last).await;
    assert_eq!((&nothing["revocations"], &nothing["next"]), (&json!([]), &json!(last)), "answered all the same");
}

#[tokio::test]
async fn a_thousand_revocations_all_arrive_in_order_and_none_twice() {
    const SESSIONS: usize = 1_000;
    let whole = Whole::start(None, "").await;
    let program = whole.confirmed("orders").await;
    let mut sessions = Vec::new();
    for number in 0..10 {
        let user = person(&whole, &format!("user{number}"), Role::User, &[]).await;
        for _ in 0..SESSIONS / 10 {
            sessions.push(logged_in(&whole, &user, Proof::Bearer, now()).await.session);
        }
    }
    let mut next = polled(&whole, &program, 0).await["next"].as_u64().unwrap();
    let ending = async {
        for some in sessions.chunks(50) {
            join_all(some.iter().map(|session| ended(&whole, Scope::Session(*session), EndReason::Revoked))).await;
        }
    };
    let following = async {
        let (mut seen, mut last) = (Vec::new(), 0);
        while seen.len() < SESSIONS {
            let page = polled(&whole, &program, next).await;
            for entry in page["revocations"].as_array().unwrap() {
                let sequence = entry["sequence"].as_u64().unwrap();
                assert!(sequence > last, "in order");
                last = sequence;
                seen.push(entry["session"].as_str().unwrap().to_owned());
            }
            next = page["next"].as_u64().unwrap();
        }
        seen
    };
    let ((), seen) = tokio::join!(ending, following);
    let told: HashSet<_> = seen.iter().cloned().collect();
    assert_eq!((seen.len(), told.len()), (SESSIONS, SESSIONS), "none twice");
    assert_eq!(told, sessions.iter().map(ToString::to_string).collect());
}

#[tokio::test]
async fn a_page_is_bounded_and_says_that_there_is_more() {
    let whole = Whole::start(None, "").await;
    let program = whole.confirmed("orders").await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    for _ in 0..600 {
        logged_in(&whole, &alice, Proof::Bearer, now()).await;
    }
    ended(&whole, Scope::User(alice.id), EndReason::UserRevoked).await;
    let mut told = HashSet::new();
    let (mut next, mut pages) = (0, 0);
    loop {
        let page = polled(&whole, &program, next).await;
        let entries = page["revocations"].as_array().unwrap();
        assert!(entries.len() <= 512);
        assert!(entries.iter().all(|entry| told.insert(entry["sequence"].as_u64().unwrap())));
        next = page["next"].as_u64().unwrap();
        pages += 1;
        if page["more"] == false {
            assert_eq!(page["next"], page["head"]["sequence"]);
            break;
        }
        assert_eq!(entries.len(), 512);
    }
    assert!(pages == if told.len() < 512 { 1 } else { 2 }, "{} entries on {pages} pages", told.len());
}

#[tokio::test]
async fn a_poll_that_waits_is_answered_by_what_happens_and_by_the_end_of_the_guard() {
    let whole = Whole::start(None, "").await;
    let program = whole.confirmed("orders").await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let login = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    let next = polled(&whole, &program, 0).await["next"].as_u64().unwrap();
    // A poll on which nothing happens is answered, and the session that ends is told to one that waits or to the next.
    let waiting = async {
        let mut after = next;
        loop {
            let page = polled(&whole, &program, after).await;
            after = page["next"].as_u64().unwrap();
            if page["revocations"] != json!([]) {
                return page;
            }
        }
    };
    let ending = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        ended(&whole, Scope::Session(login.session), EndReason::Revoked).await;
    };
    let (page, ()) = tokio::join!(waiting, ending);
    assert_eq!(page["revocations"][0]["session"], login.session.to_string());
    let poll = program.get(&format!("/api/auth/revocations?after={}", page["next"]));
    let stopping = async {
        let prover = countersign_core::verdict::Prover::Key(program.keyid.clone());
        while std::iter::from_fn(|| whole.app.polls.begin(&prover)).take(8).collect::<Vec<_>>().len() == 8 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        whole.stop();
    };
    let (answer, ()) = tokio::join!(whole.call(&poll), stopping);
    assert!(answer.status == 200 && poll.is_answered_by(&answer), "{}", answer.status);
}

#[tokio::test]
async fn a_cursor_of_a_log_that_was_lost_is_told_so_at_once() {
    let whole = Whole::start(None, "").await;
    let program = whole.confirmed("orders").await;
    let page = polled(&whole, &program, 1_000_000).await;
    assert_eq!((&page["revocations"], &page["next"]), (&json!([]), &page["head"]["sequence"]));
}

#[tokio::test]
async fn only_programs_follow_and_only_by_their_signature() {
    let whole = Whole::start(None, "").await;
    let program = whole.confirmed("orders").await;
    for target in ["", "?after=01", "?after=1&after=2", "?after=-1", "?after=0&limit=1", "?before=1"] {
        let poll = program.get(&format!("/api/auth/revocations{target}"));
        let answer = whole.call(&poll).await;
        assert!(answer.status == 400 && poll.is_answered_by(&answer), "{target}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        let answer = whole.call(&program.request(method, "/api/auth/revocations?after=0", &[], b"")).await;
        assert_eq!((answer.status, answer.field("allow")), (405, Some("GET")), "{method}");
    }
    let unsigned = {
        let mut poll = program.get("/api/auth/revocations?after=0");
        let text = String::from_utf8(poll.octets).unwrap();
        poll.octets = text.replace("\r\nsignature", "\r\nno-signature").into_bytes();
        whole.call(&poll).await
    };
    assert_eq!(unsigned.status, 401);
    whole.operate("set-role", json!({ "username": "orders", "role": "admin" })).await;
    assert_eq!(whole.call(&program.get("/api/auth/revocations?after=0")).await.status, 403);
}

#[tokio::test]
async fn the_polls_of_one_key_that_wait_are_counted() {
    let whole = Whole::start(None, "").await;
    let program = whole.confirmed("orders").await;
    let next = polled(&whole, &program, 0).await["next"].as_u64().unwrap();
    let prover = countersign_core::verdict::Prover::Key(program.keyid.clone());
    let others: Vec<_> = (0..8).map(|_| whole.app.polls.begin(&prover).unwrap()).collect();
    let poll = program.get(&format!("/api/auth/revocations?after={next}"));
    let answer = whole.call(&poll).await;
    assert_eq!((answer.status, answer.field("retry-after")), (429, Some("1")));
    assert!(poll.is_answered_by(&answer));
    drop(others);
    polled(&whole, &program, next).await;
}
