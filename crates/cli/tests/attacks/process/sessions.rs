//! What was taken back stays so, whatever happens to the process in the next instant.

use std::time::Duration;

use countersign_core::id::SessionRef;
use serde_json::Value;

use crate::support::in_time;
use crate::support::process::{Place, Served};
use crate::support::signing::{Draft, Key};
use crate::support::wire::{Answer, ask};

/// Sends a request that is signed by this key, again and again until the guard knows what it has seen.
async fn call(served: &Served, key: &Key, (method, target): (&str, &str), body: &[u8]) -> Answer {
    loop {
        let draft = Draft::new(method, target, &served.address.to_string(), &key.keyid);
        let sent = draft.with("content-type", "application/json").with_body(body).sign(key);
        let answer = ask(served.address, &sent.octets()).await;
        sent.assert_answered(&key.keys.s2c, &answer);
        if answer.status != 503 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The key of a session that this person opens, and its refresh token.
async fn log_in(served: &Served, person: &Key) -> (Key, String) {
    let answer = call(served, person, ("POST", "/api/auth/login"), b"{}").await;
    assert_eq!(answer.status, 200, "{answer}");
    let granted: Value = serde_json::from_slice(&answer.body).unwrap();
    let session: SessionRef = granted["session"]["ref"].as_str().unwrap().parse().unwrap();
    let key = Key::new(&session.keyid(), person.root.session_root(session));
    (key, granted["refresh_token"].as_str().unwrap().to_owned())
}

async fn refresh(served: &Served, session: &Key, token: &str) -> Answer {
    let body = format!(r#"{{"refresh_token":"{token}"}}"#);
    call(served, session, ("POST", "/api/auth/refresh"), body.as_bytes()).await
}

async fn whoami(served: &Served, session: &Key) -> Answer {
    call(served, session, ("GET", "/api/auth/whoami"), b"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_ended_is_refused_after_a_kill_right_after_the_204() {
    for by in ["/api/auth/revoke", "/api/auth/sessions/revoke-others", "DELETE", "replayed refresh token"] {
        let place = Place::configured("window_seconds = 2");
        let served = place.serve();
        let alice = served.enrolled(&place.group_card(), "alice").await;
        let (ended, token) = log_in(&served, &alice).await;
        let (kept, next) = log_in(&served, &alice).await;
        let answer = match by {
            "/api/auth/revoke" => call(&served, &ended, ("POST", by), b"").await,
            "/api/auth/sessions/revoke-others" => call(&served, &kept, ("POST", by), b"").await,
            "DELETE" => {
                let target = format!("/api/auth/sessions/{}", ended.keyid.strip_prefix("s.").unwrap());
                call(&served, &kept, (by, &target), b"").await
            }
            _ => {
                let mut current = token.clone();
                for _ in 0..2 {
                    let granted: Value =
                        serde_json::from_slice(&refresh(&served, &ended, &current).await.body).unwrap();
                    granted["refresh_token"].as_str().unwrap().clone_into(&mut current);
                }
                refresh(&served, &ended, &token).await
            }
        };
        assert!(answer.status == 204 || answer.code() == "refresh-reused", "{by}: {answer}");
        let address = served.address.to_string();
        served.kill();
        let served = place.serve_at(&address);
        let (told, refreshed) =
            in_time(async { (whoami(&served, &ended).await, refresh(&served, &ended, &token).await) }).await;
        assert_eq!((told.status, told.code()), (401, "token-revoked"), "{by}: {told}");
        assert_eq!(refreshed.status, 401, "{by}: {refreshed}");
        assert_eq!(whoami(&served, &kept).await.status, 200, "{by}");
        assert_eq!(refresh(&served, &kept, &next).await.status, 200, "{by}: others go on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_granted_before_a_kill_is_good_after_it() {
    let place = Place::configured("window_seconds = 2");
    let served = place.serve();
    let alice = served.enrolled(&place.group_card(), "alice").await;
    let (session, token) = log_in(&served, &alice).await;
    let before: Value = serde_json::from_slice(&refresh(&served, &session, &token).await.body).unwrap();
    let address = served.address.to_string();
    served.kill();
    let served = place.serve_at(&address);
    // The answer may have been lost with the process: the same token leads to the same successor.
    let after: Value = serde_json::from_slice(&in_time(refresh(&served, &session, &token)).await.body).unwrap();
    assert_eq!(after["refresh_token"], before["refresh_token"]);
    assert_eq!(whoami(&served, &session).await.status, 200);
}
