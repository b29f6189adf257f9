//! The requirements that started all this, each by its name.

use std::net::Ipv4Addr;

use countersign_core::event::EventKind;
use countersign_core::session::KEEP_REVOCATIONS;

use crate::scene::{Held, add, code, count, guard, json, login, told_of};
use crate::whole::{Whole, now};
use crate::wire::{ELSEWHERE, authorized};

const REVOKED: &str = r#"Bearer error="invalid_token", error_description="Token has been revoked""#;

async fn assert_revoked(guard: &Whole, held: &Held) {
    let answer = held.bring(guard, "GET", "/api/auth/whoami").await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "token-revoked"));
    assert_eq!(answer.field("www-authenticate"), Some(REVOKED));
}

#[tokio::test]
async fn logout_revokes_token() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let (held, other) = (login(&guard, "alice").await, login(&guard, "alice").await);
    assert_eq!(held.whoami(&guard).await, 200);
    assert_eq!(held.bring(&guard, "POST", "/api/auth/revoke").await.status, 204);
    assert_revoked(&guard, &held).await;
    assert_eq!(held.refreshed(&guard).await.status, 401, "nor can it be refreshed");
    assert_eq!(other.whoami(&guard).await, 200, "another session of the same user goes on");
}

#[tokio::test]
async fn admin_can_revoke_users_token() {
    let guard = guard("").await;
    let alice = add(&guard, "alice", "user").await;
    add(&guard, "chief", "admin").await;
    let (first, second, admin) =
        (login(&guard, "alice").await, login(&guard, "alice").await, login(&guard, "chief").await);
    let target = format!("/api/auth/revoke-user/{alice}");
    assert_eq!(first.bring(&guard, "POST", &target).await.status, 403, "no user can");
    assert_eq!(second.whoami(&guard).await, 200);
    assert_eq!(admin.bring(&guard, "POST", &target).await.status, 204);
    assert_revoked(&guard, &first).await;
    assert_revoked(&guard, &second).await;
    assert_eq!(admin.whoami(&guard).await, 200);
    assert_eq!(login(&guard, "alice").await.whoami(&guard).await, 200, "and they may log in again");
}

#[tokio::test]
async fn revoked_token_returns_token_has_been_revoked_error() {
    for toml in ["token_format = \"jwt\"", "token_format = \"opaque\""] {
        let guard = guard(toml).await;
        add(&guard, "alice", "user").await;
        let held = login(&guard, "alice").await;
        held.bring(&guard, "POST", "/api/auth/revoke").await;
        assert_revoked(&guard, &held).await;
        let answer = held.bring(&guard, "GET", "/api/auth/whoami").await;
        assert!(json(&answer)["detail"].as_str().unwrap().starts_with("Token has been revoked"), "{toml}");
    }
}

#[tokio::test]
async fn ip_mismatch_logs_warning_but_allows_access() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    let line = format!("Bearer {}", held.access);
    for _ in 0..3 {
        assert_eq!(authorized(&guard, ELSEWHERE, "/api/auth/whoami", &[&line]).await.status, 200);
        assert_eq!(authorized(&guard, Ipv4Addr::LOCALHOST, "/api/auth/whoami", &[&line]).await.status, 200);
    }
    assert_eq!(count(&guard, EventKind::NetworkChange).await, 1, "once for each session and network");
    authorized(&guard, Ipv4Addr::new(127, 0, 0, 3), "/api/auth/whoami", &[&line]).await;
    assert_eq!(count(&guard, EventKind::NetworkChange).await, 2);
    let told = told_of(&guard, held.reference).await;
    assert_eq!(told.iter().filter(|told| told.kind == EventKind::NetworkChange).count(), 2, "{told:?}");
}

/// An entry is needed for as long as a token could be shown that it hits, and no longer.
#[tokio::test]
async fn expired_tokens_are_cleaned_from_blacklist() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let (held, other) = (login(&guard, "alice").await, login(&guard, "alice").await);
    held.bring(&guard, "POST", "/api/auth/revoke").await;
    let ended = now();
    let (sessions, stores) = (&guard.app.accounts.sessions, &guard.app.accounts.stores);
    let log = async || stores.revocations.after(0, 10).await.unwrap().len();
    let forget = async |at| {
        (0..64).for_each(|_| sessions.sweep(at).unwrap());
        stores.revocations.forget(at).await.unwrap();
        stores.sessions.forget_expired(at, 10).await.unwrap();
        (sessions.find(held.reference).unwrap().is_some(), log().await)
    };
    assert_eq!(forget(ended).await, (true, 1));
    let last = ended.saturating_add(KEEP_REVOCATIONS);
    assert_eq!(forget(last.saturating_sub(std::time::Duration::from_secs(60))).await, (true, 1));
    assert_eq!(forget(last.saturating_add(std::time::Duration::from_secs(1))).await, (false, 0));
    assert!(stores.sessions.find(held.reference).await.unwrap().is_none());
    assert!(sessions.find(other.reference).unwrap().is_some(), "what is open is not forgotten");
}

#[tokio::test]
async fn blacklist_survives_server_restart() {
    let guard = guard("public_url = \"http://127.0.0.1:8470\"").await;
    let alice = add(&guard, "alice", "user").await;
    add(&guard, "chief", "admin").await;
    let (held, other) = (login(&guard, "alice").await, login(&guard, "alice").await);
    held.bring(&guard, "POST", "/api/auth/revoke").await;
    let guard = guard.restarted().await;
    assert_revoked(&guard, &held).await;
    assert_eq!(other.whoami(&guard).await, 200, "and so does what was not revoked");
    let admin = login(&guard, "chief").await;
    assert_eq!(admin.bring(&guard, "POST", &format!("/api/auth/revoke-user/{alice}")).await.status, 204);
    let guard = guard.restarted().await;
    assert_revoked(&guard, &other).await;
}
