//! What is sensitive wants a login of the last minutes.

use core::time::Duration;

use countersign_core::account::Role;
use countersign_core::password::Password;
use countersign_core::session::Proof;
use countersign_server::service::login::{ByPassword, Device, Login, by_password};
use countersign_server::service::whence::Whence;
use serde_json::json;
use zeroize::Zeroizing;

use crate::scene::{PASSWORD, Signer, add, code, guard, send, user_id};
use crate::whole::{Whole, now};

/// The access token of a session that was opened so long ago.
async fn opened(guard: &Whole, username: &str, ago: Duration) -> String {
    let password = Password::new(Zeroizing::new(PASSWORD.to_owned())).unwrap();
    let login = ByPassword { username: username.to_owned(), password, proof: Proof::Bearer };
    let device = Device::new("", Whence::new("127.0.0.1".parse().unwrap(), None));
    match by_password(&guard.app, login, device, now().saturating_sub(ago)).await.unwrap() {
        Login::Opened(grant) => grant.access_token.text.to_string(),
        other => panic!("{other:?}"),
    }
}

async fn ask(guard: &Whole, token: &str, target: &str, body: &str) -> (u16, String, Option<String>) {
    let bearer = format!("Bearer {token}");
    let fields = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    let answer = send(guard, "POST", target, &fields, body.as_bytes()).await;
    (answer.status, code(&answer), answer.field("www-authenticate").map(str::to_owned))
}

/// Row J13 of the attack corpus, its second half.
#[tokio::test]
async fn an_old_login_changes_no_password_and_takes_nobodys_sessions() {
    let guard = guard("").await;
    add(&guard, "dora", "admin").await;
    let alice = add(&guard, "alice", "user").await;
    let password = json!({ "current_password": PASSWORD, "new_password": "another password" }).to_string();
    for (ago, is_old) in [(Duration::from_secs(290), false), (Duration::from_secs(301), true)] {
        for (target, body) in
            [(format!("/api/auth/revoke-user/{alice}"), ""), ("/api/auth/password".to_owned(), password.as_str())]
        {
            let token = opened(&guard, "dora", ago).await;
            let (status, code, challenge) = ask(&guard, &token, &target, body).await;
            if is_old {
                assert_eq!((status, code.as_str()), (401, "reauthentication-required"), "{target}");
                assert!(challenge.unwrap().contains("insufficient_user_authentication"));
            } else {
                assert!(status < 300, "{target} {status}");
                let hash = crate::scene::hash_of(PASSWORD);
                guard.operate("set-password", json!({ "username": "dora", "password": hash })).await;
            }
        }
    }
    // What is one's own and can only be taken back needs no haste.
    let token = opened(&guard, "dora", Duration::from_secs(600)).await;
    assert_eq!(ask(&guard, &token, "/api/auth/sessions/revoke-others", "").await.0, 204);
    assert_eq!(ask(&guard, &token, "/api/auth/revoke", "").await.0, 204);
}

#[tokio::test]
async fn how_old_is_configured() {
    let guard = guard("sensitive_minutes = 1\n").await;
    add(&guard, "dora", "admin").await;
    let target = format!("/api/auth/revoke-user/{}", add(&guard, "alice", "user").await);
    for (ago, status) in [(50, 204), (61, 401)] {
        let token = opened(&guard, "dora", Duration::from_secs(ago)).await;
        assert_eq!(ask(&guard, &token, &target, "").await.0, status, "{ago}");
    }
}

#[tokio::test]
async fn keys_and_codes_of_a_person_want_a_fresh_session_and_those_of_a_program_none() {
    let guard = guard("sensitive_minutes = 1\n").await;
    add(&guard, "alice", "user").await;
    let program = Signer::enrolled(&guard, "robot", Role::Service).await;
    let key = program.key();
    assert_eq!(program.call(&guard, "DELETE", &format!("/api/auth/keys/{key}x"), b"").await.status, 404);
    let session = old_session_with_key(&guard).await;
    for (method, target) in [
        ("POST", "/api/auth/keys"),
        ("DELETE", "/api/auth/keys/k7f3a9c2d4e5b6a1c"),
        ("POST", "/api/auth/recovery-codes"),
    ] {
        assert_eq!(code(&session.call(&guard, method, target, b"").await), "reauthentication-required", "{target}");
    }
    assert_eq!(session.call(&guard, "GET", "/api/auth/keys", b"").await.status, 200, "looking is not changing");
    assert_eq!(user_id(&guard, "alice").await.len(), 36);
}

async fn old_session_with_key(guard: &Whole) -> Signer {
    let password = Password::new(Zeroizing::new(PASSWORD.to_owned())).unwrap();
    let login = ByPassword { username: "alice".to_owned(), password, proof: Proof::Key };
    let device = Device::new("", Whence::new("127.0.0.1".parse().unwrap(), None));
    let past = now().saturating_sub(Duration::from_secs(61));
    let Login::Opened(grant) = by_password(&guard.app, login, device, past).await.unwrap() else {
        panic!("not opened")
    };
    let root = countersign_core::secret::Root::new(grant.session_key.clone().unwrap());
    Signer::of_session(guard, &root, grant.session.reference.parse().unwrap())
}
