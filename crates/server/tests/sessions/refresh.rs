//! Refreshing, by the user in bad luck, by the user in a hurry, and by the thief.

use core::time::Duration;

use countersign_core::account::Role;
use countersign_core::event::EventKind;
use countersign_core::time::Timestamp;
use countersign_server::service::refresh::{Refresh, refresh as exchange};
use countersign_server::service::whence::Whence;
use serde_json::json;

use crate::scene::{Held, Signer, add, code, count, guard, json, login, login_with_key, post, refresh, send, told_of};
use crate::whole::{Whole, now};

#[tokio::test]
async fn a_refresh_gives_the_next_tokens_of_the_same_session() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let first = login(&guard, "alice").await;
    let answer = first.refreshed(&guard).await;
    assert_eq!((answer.status, answer.field("cache-control")), (200, Some("no-store")));
    let second = Held::of(&json(&answer));
    assert_eq!(second.reference, first.reference);
    assert!(second.answer.get("session_key").is_none());
    assert_ne!((&second.access, &second.refresh), (&first.access, &first.refresh));
    assert_eq!((first.whoami(&guard).await, second.whoami(&guard).await), (200, 200), "until it expires");
    assert_eq!(second.answer["session"]["created_ms"], first.answer["session"]["created_ms"]);
}

/// The answer was lost on the way: asking again gives the same token.
#[tokio::test]
async fn a_lost_answer_is_given_again() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let first = login(&guard, "alice").await;
    let (lost, again) =
        (Held::of(&json(&first.refreshed(&guard).await)), Held::of(&json(&first.refreshed(&guard).await)));
    assert_eq!(again.refresh, lost.refresh);
    assert_eq!(again.whoami(&guard).await, 200);
    assert_eq!(again.refreshed(&guard).await.status, 200);
}

/// Row E03 of the attack corpus, and the patient thief: whichever of the two comes second, the session ends.
#[tokio::test]
async fn a_token_that_was_replaced_and_whose_successor_is_in_use_ends_the_session() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let stolen = login(&guard, "alice").await;
    let other = login(&guard, "alice").await;
    let current = Held::of(&json(&stolen.refreshed(&guard).await));
    let current = Held::of(&json(&current.refreshed(&guard).await));
    let answer = refresh(&guard, &stolen.refresh).await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "refresh-reused"));
    assert_eq!(current.whoami(&guard).await, 401, "and the access token with it");
    let answer = current.refreshed(&guard).await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "token-revoked"));
    assert_eq!(count(&guard, EventKind::RefreshReuse).await, 1);
    assert!(told_of(&guard, stolen.reference).await.iter().any(|told| told.kind == EventKind::RefreshReuse));
    assert_eq!((other.whoami(&guard).await, other.refreshed(&guard).await.status), (200, 200), "its family only");
}

#[tokio::test]
async fn a_second_tab_is_told_that_another_was_quicker_and_nothing_ends() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let first = login(&guard, "alice").await;
    let second = Held::of(&json(&first.refreshed(&guard).await));
    assert_eq!(second.whoami(&guard).await, 200, "the successor is in use");
    let answer = first.refreshed(&guard).await;
    assert_eq!((answer.status, code(&answer).as_str()), (409, "conflict"));
    assert_eq!((second.whoami(&guard).await, second.refreshed(&guard).await.status), (200, 200));
}

/// Two answers to one token, and the thief has the other one: it is in use whichever of its access tokens is.
#[tokio::test]
async fn a_successor_is_in_use_by_any_access_token_that_came_with_it() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let first = login(&guard, "alice").await;
    let (lost, again) =
        (Held::of(&json(&first.refreshed(&guard).await)), Held::of(&json(&first.refreshed(&guard).await)));
    assert_eq!(lost.refresh, again.refresh);
    assert_eq!(lost.whoami(&guard).await, 200);
    assert_eq!(code(&first.refreshed(&guard).await), "conflict");
}

#[tokio::test]
async fn the_token_before_from_another_client_is_a_thief() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let first = login(&guard, "alice").await;
    let second = Held::of(&json(&first.refreshed(&guard).await));
    let body = json!({ "refresh_token": first.refresh }).to_string();
    let fields = [("content-type", "application/json"), ("user-agent", "another")];
    let answer = send(&guard, "POST", "/api/auth/refresh", &fields, body.as_bytes()).await;
    assert_eq!(code(&answer), "refresh-reused");
    assert_eq!(second.whoami(&guard).await, 401);
}

/// At these times after the login, by the service that the address calls.
async fn at(guard: &Whole, token: &str, time: Timestamp) -> Refresh {
    let whence = Whence::new("127.0.0.1".parse().unwrap(), None);
    exchange(&guard.app, &token.parse().unwrap(), None, &whence, time).await.unwrap()
}

#[tokio::test]
async fn an_answer_is_given_again_for_30_s_and_then_the_session_ends() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    for (millis, is_again) in [(30_000, true), (30_001, false)] {
        let held = login(&guard, "alice").await;
        let start = now();
        assert!(matches!(at(&guard, &held.refresh, start).await, Refresh::Granted(_)));
        let later = start.saturating_add(Duration::from_millis(millis));
        match at(&guard, &held.refresh, later).await {
            Refresh::Granted(_) => assert!(is_again, "{millis}"),
            Refresh::Reused => assert!(!is_again, "{millis}"),
            other => panic!("{other:?}"),
        }
    }
}

/// Whoever verifies an access token elsewhere knows of no session that is over.
#[tokio::test]
async fn an_access_token_expires_with_its_session_and_in_its_last_second_none_is_issued() {
    for format in ["jwt", "opaque"] {
        let toml = format!("session_days = 1\nsession_idle_days = 1\ntoken_format = \"{format}\"");
        let guard = guard(&toml).await;
        add(&guard, "alice", "user").await;
        let held = login(&guard, "alice").await;
        let over = guard.app.accounts.sessions.find(held.reference).unwrap().unwrap().expires();
        let last_second = Timestamp::from_secs(over.as_secs());
        let moment_before = last_second.saturating_sub(Duration::from_millis(1));
        let Refresh::Granted(grant) = at(&guard, &held.refresh, moment_before).await else { panic!("{format}") };
        assert_eq!((grant.access_token.expires, grant.expires_in), (last_second, 1), "{format}");
        assert!(matches!(at(&guard, &grant.refresh_token, last_second).await, Refresh::Invalid), "{format}");
    }
}

/// Row E05 of the attack corpus: nobody can end a session by guessing.
#[tokio::test]
async fn a_forged_token_is_refused_and_ends_nothing() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    let (family, tag) = held.refresh.rsplit_once(".0.").unwrap();
    let other = if tag.starts_with('A') { "B" } else { "A" };
    for forged in [
        format!("{family}.0.{other}{}", &tag[1..]),
        format!("{family}.1.{tag}"),
        format!("{family}.4294967295.{tag}"),
        format!("{family}.00.{tag}"),
        format!("csr_AQEBAQEBAQEBAQEBAQEBAQ.0.{tag}"),
        format!("{} ", held.refresh),
        held.access.clone(),
        String::new(),
        "csr_".to_owned(),
    ] {
        let answer = refresh(&guard, &forged).await;
        assert_eq!((answer.status, code(&answer).as_str()), (401, "token-invalid"), "{forged}");
        assert_eq!(answer.field("www-authenticate"), Some(r#"Bearer error="invalid_token""#));
    }
    assert_eq!((held.whoami(&guard).await, held.refreshed(&guard).await.status), (200, 200));
    assert_eq!(count(&guard, EventKind::RefreshReuse).await, 0);
    // The other way round: a refresh token is no access token (row D10).
    let bearer = format!("Bearer {}", held.refresh);
    assert_eq!(send(&guard, "GET", "/api/auth/whoami", &[("authorization", &bearer)], b"").await.status, 401);
    for body in [json!({}), json!({ "refresh_token": 1 }), json!({ "refresh_token": "a", "grant_type": "b" })] {
        assert_eq!(post(&guard, "/api/auth/refresh", &body).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_session_with_a_key_is_refreshed_by_its_signature_only_and_nothing_else_ends_it() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login_with_key(&guard, "alice").await;
    let (session, other) = (held.signer(&guard), login_with_key(&guard, "alice").await.signer(&guard));
    let answer = refresh(&guard, &held.refresh).await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "unauthorized"), "unsigned");
    assert_eq!(code(&other.refresh(&guard, &held.refresh).await), "unauthorized", "signed by another session");
    let mut token = held.refresh.clone();
    for _ in 0..3 {
        let answer = session.refresh(&guard, &token).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        token = Held::of(&json(&answer)).refresh;
    }
    // Whoever found an old one cannot end the session by it.
    assert_eq!(code(&refresh(&guard, &held.refresh).await), "unauthorized");
    assert_eq!(session.call(&guard, "GET", "/api/auth/whoami", b"").await.status, 200);
    assert_eq!(count(&guard, EventKind::RefreshReuse).await, 0);
    // But the key itself showing it means that two hold the key's store.
    assert_eq!(code(&session.refresh(&guard, &held.refresh).await), "refresh-reused");
    assert_eq!(code(&session.call(&guard, "GET", "/api/auth/whoami", b"").await), "token-revoked");
}

#[tokio::test]
async fn the_session_of_a_key_is_refreshed_by_the_derived_key() {
    let guard = guard("").await;
    let alice = Signer::enrolled(&guard, "alice", Role::User).await;
    let (held, session) = alice.session(&guard).await;
    let answer = session.refresh(&guard, &held.refresh).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // An answer that was lost is given again from wherever, as long as the successor is unused.
    assert_eq!(json(&session.refresh(&guard, &held.refresh).await)["refresh_token"], json(&answer)["refresh_token"]);
}

/// Row E01 of the attack corpus.
#[tokio::test(flavor = "multi_thread")]
async fn of_64_refreshes_at_once_all_get_the_same_successor_and_nobody_is_logged_out() {
    let guard = std::sync::Arc::new(guard("").await);
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (guard, token) = (guard.clone(), held.refresh.clone());
            tokio::spawn(async move { refresh(&guard, &token).await })
        })
        .collect();
    let mut successors = Vec::new();
    for task in tasks {
        let answer = task.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        successors.push(Held::of(&json(&answer)));
    }
    assert!(successors.iter().all(|held| held.refresh == successors[0].refresh));
    assert_eq!(successors[0].whoami(&guard).await, 200);
    assert_eq!(successors[0].refreshed(&guard).await.status, 200);
    assert_eq!(count(&guard, EventKind::RefreshReuse).await, 0);
}

/// Row E06 of the attack corpus: no token is good that was got by a refresh while the session was being ended.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_beats_the_refreshes_that_are_under_way() {
    let guard = std::sync::Arc::new(guard("").await);
    add(&guard, "alice", "user").await;
    for _ in 0..10 {
        let held = login(&guard, "alice").await;
        let (racing, token) = (guard.clone(), held.refresh.clone());
        let refreshing = tokio::spawn(async move {
            let mut got = Vec::new();
            let mut token = token;
            loop {
                let answer = refresh(&racing, &token).await;
                if answer.status != 200 {
                    return got;
                }
                let held = Held::of(&json(&answer));
                token.clone_from(&held.refresh);
                got.push(held);
            }
        });
        assert_eq!(held.bring(&guard, "POST", "/api/auth/revoke").await.status, 204);
        for held in refreshing.await.unwrap() {
            assert_eq!((held.whoami(&guard).await, held.refreshed(&guard).await.status), (401, 401));
        }
    }
}

/// Row E11 of the attack corpus: neither age comes back by setting a clock back.
#[tokio::test]
async fn a_session_expires_by_idleness_and_by_age_and_stays_so_when_the_clock_is_set_back() {
    let guard = guard("session_idle_days = 2\nsession_days = 3\n").await;
    add(&guard, "alice", "user").await;
    let day = Duration::from_secs(86_400);
    let idle = login(&guard, "alice").await;
    let start = now();
    let granted = |refresh: &Refresh| matches!(refresh, Refresh::Granted(_));
    let (almost, after) = (start.saturating_add(2 * day - Duration::from_secs(60)), start.saturating_add(2 * day));
    let Refresh::Granted(next) = at(&guard, &idle.refresh, almost).await else { panic!("not idle yet") };
    let old = login(&guard, "alice").await;
    assert!(!granted(&at(&guard, &old.refresh, after.saturating_add(Duration::from_secs(60))).await), "idle");
    assert!(granted(&at(&guard, &next.refresh_token, after).await), "refreshed in time");
    let overage = start.saturating_add(3 * day);
    assert!(!granted(&at(&guard, &next.refresh_token, overage).await), "too old");
    for held in [&idle, &old] {
        assert!(!granted(&at(&guard, &held.refresh, now()).await), "the clock was set back");
    }
}
