//! How many sessions a user may have, however many try at once.

use std::sync::Arc;

use countersign_core::event::EventKind;
use serde_json::json;

use crate::scene::{Held, PASSWORD, add, code, count, guard, json, login, post, refresh};
use crate::whole::Whole;

/// So many logins at the same time; those that were let in.
async fn rush(guard: &Arc<Whole>, logins: usize) -> Vec<Held> {
    let tasks: Vec<_> = (0..logins)
        .map(|_| {
            let guard = guard.clone();
            let wanted = json!({ "username": "alice", "password": PASSWORD });
            tokio::spawn(async move { post(&guard, "/api/auth/login", &wanted).await })
        })
        .collect();
    let mut held = Vec::new();
    for task in tasks {
        let answer = task.await.unwrap();
        match answer.status {
            200 => held.push(Held::of(&json(&answer))),
            409 => assert!(json(&answer)["detail"].as_str().unwrap().contains("as many sessions as may be")),
            _ => panic!("{answer:?}"),
        }
    }
    held
}

async fn alive(guard: &Whole, held: &[Held]) -> usize {
    let mut alive = 0;
    for held in held {
        alive += usize::from(held.whoami(guard).await == 200);
    }
    alive
}

#[tokio::test(flavor = "multi_thread")]
async fn of_50_logins_at_once_no_more_are_let_in_than_may_be() {
    let guard = Arc::new(guard("max_sessions = 3\n[password]\nwaiting = 100\n").await);
    add(&guard, "alice", "user").await;
    let held = rush(&guard, 50).await;
    assert_eq!((held.len(), alive(&guard, &held).await), (3, 3));
    assert_eq!(count(&guard, EventKind::SessionOpened).await, 3);
    let refused = post(&guard, "/api/auth/login", &json!({ "username": "alice", "password": PASSWORD })).await;
    assert_eq!((refused.status, code(&refused).as_str()), (409, "conflict"));
    assert_eq!(held[0].bring(&guard, "POST", "/api/auth/revoke").await.status, 204);
    login(&guard, "alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_50_logins_at_once_the_last_ones_go_on_where_they_evict_others() {
    for on_limit in ["evict_oldest", "evict_idle"] {
        let toml = format!("max_sessions = 3\non_limit = \"{on_limit}\"\n[password]\nwaiting = 100\n");
        let guard = Arc::new(guard(&toml).await);
        add(&guard, "alice", "user").await;
        add(&guard, "bob", "user").await;
        let bob = login(&guard, "bob").await;
        let held = rush(&guard, 50).await;
        assert_eq!((held.len(), alive(&guard, &held).await), (50, 3), "{on_limit}");
        assert_eq!(bob.whoami(&guard).await, 200, "another user's limit is another one");
    }
}

#[tokio::test]
async fn the_session_that_was_opened_first_makes_room() {
    let guard = guard("max_sessions = 2\non_limit = \"evict_oldest\"\n").await;
    add(&guard, "alice", "user").await;
    let first = login(&guard, "alice").await;
    tokio::time::sleep(core::time::Duration::from_millis(5)).await;
    let second = login(&guard, "alice").await;
    tokio::time::sleep(core::time::Duration::from_millis(5)).await;
    let third = login(&guard, "alice").await;
    let statuses = [first.whoami(&guard).await, second.whoami(&guard).await, third.whoami(&guard).await];
    assert_eq!(statuses, [401, 200, 200]);
    assert_eq!(first.refreshed(&guard).await.status, 401);
    assert_eq!(code(&first.bring(&guard, "GET", "/api/auth/whoami").await), "token-revoked");
}

/// Each costs a look-up, and anybody can send them.
#[tokio::test]
async fn whoever_brings_many_refresh_tokens_that_are_none_has_to_wait_and_takes_nothing_from_others() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    let unknown = format!("csr_AQEBAQEBAQEBAQEBAQEBAQ.1.{}", "A".repeat(43));
    for (number, token) in (0..30).zip([unknown.as_str(), "csr_"].into_iter().cycle()) {
        let answer = refresh(&guard, token).await;
        assert_eq!((answer.status, code(&answer).as_str()), (401, "token-invalid"), "{number}");
    }
    for token in [unknown.as_str(), "csr_"] {
        let answer = refresh(&guard, token).await;
        assert_eq!((answer.status, code(&answer).as_str()), (429, "throttled"));
        assert_eq!(answer.field("retry-after"), Some("60"));
    }
    assert_eq!(held.refreshed(&guard).await.status, 200);
}
