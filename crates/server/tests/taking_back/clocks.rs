//! A wall clock that jumps for a moment: nothing of what was good before is void once it is right again.

use std::time::Duration;

use countersign_core::event::EventKind;
use countersign_core::replay::Reading;
use countersign_server::service::control::{Asked, dispatch};
use countersign_server::worker::{event_log, token_keys};
use serde_json::json;

use crate::scene::{PASSWORD, add, code, count, guard, login, post};
use crate::whole::{now, reading};

const DAY: Duration = Duration::from_secs(86_400);

/// The wall clock alone is far ahead.
fn jumped() -> Reading {
    Reading { wall: now().saturating_add(DAY * 500), ..reading() }
}

#[tokio::test]
async fn an_operator_who_looks_while_the_clock_is_wrong_ends_no_session() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    let asked = Asked { actor: "test".to_owned(), session: None, at: jumped().wall };
    for (operation, arguments) in [
        ("list-sessions", json!({ "username": "alice" })),
        ("show-session", json!({ "reference": held.reference.to_string() })),
        ("show-user", json!({ "username": "alice" })),
    ] {
        let question = json!({ "operation": operation, "arguments": arguments });
        dispatch(&guard.app.accounts, &asked, question).await.unwrap();
        assert_eq!(held.whoami(&guard).await, 200, "{operation}");
    }
}

/// These are not signed, so that no request of theirs was judged by the accept clock before they act.
#[tokio::test]
async fn where_there_is_no_accept_clock_nobody_logs_in_and_nobody_refreshes() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    guard.app.replay.stop([0; 12]).await.unwrap();
    let refreshed = held.refreshed(&guard).await;
    assert_eq!((refreshed.status, code(&refreshed).as_str()), (503, "unavailable"));
    let wanted = json!({ "username": "alice", "password": PASSWORD });
    let login = post(&guard, "/api/auth/login", &wanted).await;
    assert_eq!((login.status, code(&login).as_str()), (503, "unavailable"));
    assert_eq!(count(&guard, EventKind::SessionOpened).await, 1);
}

#[tokio::test]
async fn a_clock_that_has_jumped_rotates_no_token_key_and_removes_no_event() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    let key = guard.app.accounts.secrets.token_keys.held().signing().id().to_string();
    token_keys::tend(&guard.app, jumped()).await.unwrap();
    assert_eq!(guard.app.accounts.secrets.token_keys.held().signing().id().to_string(), key);
    event_log::tend(&guard.app, jumped(), true, &mut None).await.unwrap();
    assert_eq!(count(&guard, EventKind::SessionOpened).await, 1);
    assert_eq!(count(&guard, EventKind::LogPruned).await, 0);
    assert_eq!(held.whoami(&guard).await, 200);
}
