//! The end of sessions: by their users, by administrators, by operators, and by whatever befalls their users.

use countersign_core::account::Role;
use countersign_core::event::EventKind;
use serde_json::{Value, json};

use crate::scene::{
    Held, PASSWORD, Signer, add, code, count, guard, hash_of, json, logged_in, login, login_with_key, post, refresh,
    told_of, user_id,
};
use crate::whole::Whole;

/// Access token and refresh token are dead.
async fn is_dead(guard: &Whole, held: &Held) -> bool {
    let answer = held.bring(guard, "GET", "/api/auth/whoami").await;
    assert!(matches!((answer.status, code(&answer).as_str()), (200, "") | (401, "token-revoked")), "{answer:?}");
    let refreshed = held.refreshed(guard).await;
    assert_eq!(answer.status == 200, refreshed.status == 200, "{refreshed:?}");
    answer.status == 401
}

#[tokio::test]
async fn a_logout_ends_this_session_and_says_why_afterwards() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let (held, other) = (login(&guard, "alice").await, login(&guard, "alice").await);
    let answer = held.bring(&guard, "POST", "/api/auth/revoke").await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let answer = held.bring(&guard, "GET", "/api/auth/whoami").await;
    assert_eq!(code(&answer), "token-revoked");
    let challenge = r#"Bearer error="invalid_token", error_description="Token has been revoked""#;
    assert_eq!(answer.field("www-authenticate"), Some(challenge));
    assert!(json(&answer)["detail"].as_str().unwrap().starts_with("Token has been revoked"));
    assert!(is_dead(&guard, &held).await && !is_dead(&guard, &other).await);
    assert_eq!(held.bring(&guard, "POST", "/api/auth/revoke").await.status, 401, "once");
    let told: Vec<_> =
        told_of(&guard, held.reference).await.into_iter().map(|event| (event.kind, event.detail)).collect();
    assert_eq!(told[0].0, EventKind::SessionOpened);
    assert_eq!(told[1], (EventKind::SessionEnded, "logged_out".to_owned()));
    let opened = [(EventKind::SessionOpened, "by password, proof bearer".to_owned())];
    let of_other = told_of(&guard, other.reference).await;
    assert_eq!(of_other.into_iter().map(|event| (event.kind, event.detail)).collect::<Vec<_>>(), opened);
}

/// By its events a stolen session can be told from the ones that it was used against.
#[tokio::test]
async fn what_a_thief_does_in_a_stolen_session_is_found_by_its_name() {
    let guard = guard("").await;
    let id = add(&guard, "alice", "user").await;
    let (stolen, owners, third) =
        (login(&guard, "alice").await, login(&guard, "alice").await, login(&guard, "alice").await);
    let target = format!("/api/auth/sessions/{}", owners.reference);
    assert_eq!(stolen.bring(&guard, "DELETE", &target).await.status, 204);
    let ended = told_of(&guard, owners.reference).await.pop().unwrap();
    assert_eq!(
        (ended.kind, ended.detail),
        (EventKind::SessionEnded, format!("revoked, by session {}", stolen.reference))
    );
    assert_eq!(owners.bring(&guard, "GET", "/api/auth/whoami").await.status, 401);
    let refused = told_of(&guard, owners.reference).await.pop().unwrap();
    assert_eq!((refused.kind, refused.detail.as_str()), (EventKind::TokenRevoked, ""));
    assert_eq!(refused.user.unwrap().to_string(), id, "whose it is, though nobody was let in");
    let body = json!({ "current_password": PASSWORD, "new_password": "another password" }).to_string();
    assert_eq!(stolen.bring_body(&guard, "POST", "/api/auth/password", body.as_bytes()).await.status, 200);
    let by_thief = told_of(&guard, stolen.reference).await;
    let kinds: Vec<_> = by_thief.iter().map(|event| event.kind).collect();
    for kind in [EventKind::SessionOpened, EventKind::PasswordChanged, EventKind::SessionEnded] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let of_third = told_of(&guard, third.reference).await.pop().unwrap();
    assert_eq!(of_third.kind, EventKind::SessionEnded);
    assert!(of_third.detail.ends_with(&format!("by session {}", stolen.reference)), "{of_third:?}");
}

#[tokio::test]
async fn a_key_that_is_taken_back_in_a_session_is_told_of_as_that_sessions_doing() {
    let guard = guard("").await;
    let alice = Signer::enrolled(&guard, "alice", Role::User).await;
    let (held, session) = alice.session(&guard).await;
    assert_eq!(session.call(&guard, "DELETE", &format!("/api/auth/keys/{}", alice.keyid), b"").await.status, 204);
    let told: Vec<_> = told_of(&guard, held.reference).await.into_iter().map(|told| (told.kind, told.detail)).collect();
    assert!(told.contains(&(EventKind::KeyTakenBack, "by the word of the session".to_owned())), "{told:?}");
    assert!(told.contains(&(EventKind::SessionEnded, "key_revoked".to_owned())), "{told:?}");
}

/// The administrator's session is the one that may have been stolen there.
#[tokio::test]
async fn what_an_administrator_takes_back_names_the_session_of_the_administrator() {
    let guard = guard("").await;
    add(&guard, "dora", "admin").await;
    let alice = Signer::enrolled(&guard, "alice", Role::User).await;
    let (held, _) = alice.session(&guard).await;
    let dora = login(&guard, "dora").await;
    let target = format!("/api/auth/revoke-user/{}?keys=true", user_id(&guard, "alice").await);
    assert_eq!(dora.bring(&guard, "POST", &target).await.status, 204);
    let kinds: Vec<_> = told_of(&guard, dora.reference).await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::SessionOpened, EventKind::KeyRevoked, EventKind::UserRevoked]);
    let ended = told_of(&guard, held.reference).await.pop().unwrap();
    assert!(ended.detail.ends_with(&format!("by session {}", dora.reference)), "{ended:?}");
}

#[tokio::test]
async fn the_end_of_a_session_with_a_key_is_told_in_its_own_signature() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let session = login_with_key(&guard, "alice").await.signer(&guard);
    assert_eq!(session.call(&guard, "POST", "/api/auth/revoke", b"").await.status, 204);
    assert_eq!(code(&session.call(&guard, "GET", "/api/auth/whoami", b"").await), "token-revoked");
}

#[tokio::test]
async fn ones_own_sessions_are_listed_and_nobody_elses() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    add(&guard, "bob", "user").await;
    let (first, second) = (login(&guard, "alice").await, login(&guard, "alice").await);
    let ended = login(&guard, "alice").await;
    ended.bring(&guard, "POST", "/api/auth/revoke").await;
    login(&guard, "bob").await;
    let listed = json(&first.bring(&guard, "GET", "/api/auth/sessions").await);
    let sessions = listed["sessions"].as_array().unwrap();
    let mut refs: Vec<_> = sessions.iter().map(|session| session["ref"].as_str().unwrap().to_owned()).collect();
    refs.sort();
    let mut expected = [first.reference.to_string(), second.reference.to_string()];
    expected.sort();
    assert_eq!((refs, &listed["next"]), (expected.to_vec(), &Value::Null));
    for session in sessions {
        assert_eq!(session["current"], session["ref"] == first.reference.to_string());
        let text = session.to_string();
        assert!(!text.contains(&first.access) && !text.contains("csr_"), "{text}");
    }
    let mut seen = Vec::new();
    let mut target = "/api/auth/sessions?limit=1".to_owned();
    loop {
        let page = json(&first.bring(&guard, "GET", &target).await);
        seen.extend(page["sessions"].as_array().unwrap().iter().map(|session| session["ref"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        target = format!("/api/auth/sessions?limit=1&after={next}");
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
    // Row E13 of the attack corpus.
    for query in ["limit=1000000000", "limit=1e9", "after=' OR 1=1", "after=AAAA", "user=bob", "limit=1&limit=2"] {
        let answer = first.bring(&guard, "GET", &format!("/api/auth/sessions?{}", query.replace(' ', "%20"))).await;
        assert_eq!((answer.status, code(&answer).as_str()), (400, "malformed-request"), "{query}");
    }
}

/// Row E08 of the attack corpus.
#[tokio::test]
async fn another_users_session_is_as_unknown_as_one_that_does_not_exist() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    add(&guard, "mallory", "admin").await;
    let (alice, mallory) = (login(&guard, "alice").await, login(&guard, "mallory").await);
    let theirs = mallory.bring(&guard, "DELETE", &format!("/api/auth/sessions/{}", alice.reference)).await;
    for other in ["AQEBAQEBAQEBAQEBAQEBAQ", "nothing", "AQEBAQEBAQEBAQEBAQEBAR", &alice.access] {
        let unknown = mallory.bring(&guard, "DELETE", &format!("/api/auth/sessions/{other}")).await;
        assert_eq!((unknown.status, &unknown.body), (404, &theirs.body), "{other}");
    }
    assert_eq!(theirs.status, 404);
    assert!(!is_dead(&guard, &alice).await);
    let other = login(&guard, "alice").await;
    let target = format!("/api/auth/sessions/{}", alice.reference);
    assert_eq!(other.bring(&guard, "DELETE", &target).await.status, 204);
    assert!(is_dead(&guard, &alice).await && !is_dead(&guard, &other).await);
    assert_eq!(other.bring(&guard, "DELETE", &target).await.status, 204, "it is over, as asked");
    assert_eq!(count(&guard, EventKind::SessionEnded).await, 1);
}

#[tokio::test]
async fn the_other_sessions_end_and_this_one_goes_on() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    add(&guard, "bob", "user").await;
    let (kept, bob) = (login(&guard, "alice").await, login(&guard, "bob").await);
    let others = [login(&guard, "alice").await, login(&guard, "alice").await];
    assert_eq!(kept.bring(&guard, "POST", "/api/auth/sessions/revoke-others").await.status, 204);
    for other in &others {
        assert!(is_dead(&guard, other).await);
    }
    assert!(!is_dead(&guard, &kept).await && !is_dead(&guard, &bob).await);
    assert!(!is_dead(&guard, &login(&guard, "alice").await).await, "a later one is another matter");
}

#[tokio::test]
async fn whatever_befalls_a_user_ends_every_session_on_the_next_call() {
    for (operation, more) in [
        ("disable-user", json!({})),
        ("delete-user", json!({})),
        ("set-role", json!({ "role": "admin" })),
        ("set-permissions", json!({ "permissions": ["docs:write"] })),
        ("set-password", json!({ "password": hash_of("another password") })),
        ("revoke-user-sessions", json!({ "keys": false })),
    ] {
        let guard = guard("").await;
        add(&guard, "alice", "user").await;
        add(&guard, "bob", "user").await;
        let (bearer, signing, bob) =
            (login(&guard, "alice").await, login_with_key(&guard, "alice").await, login(&guard, "bob").await);
        let mut arguments = json!({ "username": "alice" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        guard.operate(operation, arguments).await;
        assert!(is_dead(&guard, &bearer).await, "{operation}");
        let session = signing.signer(&guard);
        assert_eq!(code(&session.call(&guard, "GET", "/api/auth/whoami", b"").await), "token-revoked", "{operation}");
        assert_eq!(code(&session.refresh(&guard, &signing.refresh).await), "token-revoked", "{operation}");
        assert!(!is_dead(&guard, &bob).await, "{operation}");
        if operation == "disable-user" {
            guard.operate("enable-user", json!({ "username": "alice" })).await;
            assert!(is_dead(&guard, &bearer).await, "nothing comes back");
        }
    }
}

#[tokio::test]
async fn the_sessions_of_a_key_die_with_it_and_those_of_other_keys_do_not() {
    let guard = guard("").await;
    let alice = Signer::enrolled(&guard, "alice", Role::User).await;
    let (held, session) = alice.session(&guard).await;
    guard.operate("set-password", json!({ "username": "alice", "password": hash_of(PASSWORD) })).await;
    assert_eq!(
        code(&session.call(&guard, "GET", "/api/auth/whoami", b"").await),
        "token-revoked",
        "the generation rose"
    );
    let (held_now, session) = alice.session(&guard).await;
    assert_ne!(held.reference, held_now.reference);
    let by_password = login(&guard, "alice").await;
    guard.operate("revoke-key", json!({ "keyid": alice.keyid })).await;
    assert_eq!(code(&session.call(&guard, "GET", "/api/auth/whoami", b"").await), "token-revoked");
    assert_eq!(code(&session.refresh(&guard, &held_now.refresh).await), "token-revoked");
    assert!(!is_dead(&guard, &by_password).await);
}

/// Row J13 of the attack corpus, its first half.
#[tokio::test]
async fn only_an_administrator_takes_back_what_another_was_issued() {
    let guard = guard("").await;
    let id = add(&guard, "alice", "user").await;
    add(&guard, "mallory", "user").await;
    add(&guard, "dora", "admin").await;
    let (alice, mallory, dora) =
        (login(&guard, "alice").await, login(&guard, "mallory").await, login(&guard, "dora").await);
    let target = format!("/api/auth/revoke-user/{id}");
    for nobody in ["00000000-0000-4000-8000-000000000000", &id] {
        let answer = mallory.bring(&guard, "POST", &format!("/api/auth/revoke-user/{nobody}")).await;
        assert_eq!((answer.status, code(&answer).as_str()), (403, "forbidden"), "{nobody}");
    }
    assert_eq!(alice.bring(&guard, "POST", &target).await.status, 403, "nor one's own: that is revoke-others");
    let program = Signer::enrolled(&guard, "robot", Role::Service).await;
    assert_eq!(program.call(&guard, "POST", &target, b"").await.status, 403);
    for unknown in ["00000000-0000-4000-8000-000000000000", "alice", &id.to_uppercase(), &id.replace('-', "")] {
        let answer = dora.bring(&guard, "POST", &format!("/api/auth/revoke-user/{unknown}")).await;
        assert_eq!((answer.status, code(&answer).as_str()), (404, "not-found"), "{unknown}");
    }
    for query in ["?keys=yes", "?keys=true&keys=true", "?all=true"] {
        assert_eq!(dora.bring(&guard, "POST", &format!("{target}{query}")).await.status, 400, "{query}");
    }
    assert!(!is_dead(&guard, &alice).await);
    let alice = login(&guard, "alice").await;
    assert_eq!(dora.bring(&guard, "POST", &target).await.status, 204);
    assert!(is_dead(&guard, &alice).await && !is_dead(&guard, &mallory).await && !is_dead(&guard, &dora).await);
    assert!(!is_dead(&guard, &login(&guard, "alice").await).await, "a new login is good");
    guard.operate("delete-user", json!({ "username": "alice" })).await;
    let dora = login(&guard, "dora").await;
    assert_eq!(dora.bring(&guard, "POST", &target).await.status, 404);
}

#[tokio::test]
async fn keys_end_with_the_sessions_only_if_that_is_asked_for() {
    let guard = guard("").await;
    add(&guard, "dora", "admin").await;
    let alice = Signer::enrolled(&guard, "alice", Role::User).await;
    let dora = login(&guard, "dora").await;
    let target = format!("/api/auth/revoke-user/{}", user_id(&guard, "alice").await);
    let (_, session) = alice.session(&guard).await;
    assert_eq!(dora.bring(&guard, "POST", &target).await.status, 204);
    assert_eq!(session.call(&guard, "GET", "/api/auth/whoami", b"").await.status, 401);
    assert_eq!(alice.call(&guard, "GET", "/api/auth/whoami", b"").await.status, 200);
    assert_eq!(dora.bring(&guard, "POST", &format!("{target}?keys=true")).await.status, 204);
    assert_eq!(alice.call(&guard, "GET", "/api/auth/whoami", b"").await.status, 401);
    assert_eq!(alice.call(&guard, "POST", "/api/auth/login", b"{}").await.status, 401);
    assert_eq!(count(&guard, EventKind::KeyRevoked).await, 1);
    assert_eq!(count(&guard, EventKind::UserRevoked).await, 2);
}

#[tokio::test]
async fn a_changed_password_ends_every_session_and_goes_on_in_a_new_one() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let (held, other) = (login(&guard, "alice").await, login(&guard, "alice").await);
    let change = |current: &str, new: &str| json!({ "current_password": current, "new_password": new }).to_string();
    for (body, status) in [
        (change("wrong password", "another password"), 422),
        (change(PASSWORD, "short"), 422),
        (json!({ "new_password": "another password" }).to_string(), 422),
        (json!({ "new_password": "another password", "username": "bob" }).to_string(), 400),
    ] {
        let answer = held.bring_body(&guard, "POST", "/api/auth/password", body.as_bytes()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
    assert!(!is_dead(&guard, &other).await, "nothing has changed");
    let body = change(PASSWORD, "another password");
    let now = logged_in(held.bring_body(&guard, "POST", "/api/auth/password", body.as_bytes()).await);
    assert_ne!(now.reference, held.reference);
    assert_eq!((held.whoami(&guard).await, other.whoami(&guard).await, now.whoami(&guard).await), (401, 401, 200));
    assert_eq!(refresh(&guard, &held.refresh).await.status, 401);
    let by = |password: &str| json!({ "username": "alice", "password": password });
    assert_eq!(post(&guard, "/api/auth/login", &by(PASSWORD)).await.status, 401);
    assert_eq!(post(&guard, "/api/auth/login", &by("another password")).await.status, 200);
}

#[tokio::test]
async fn a_session_with_a_key_goes_on_with_a_new_one_after_a_change_of_password() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login_with_key(&guard, "alice").await;
    let body = json!({ "current_password": PASSWORD, "new_password": "another password" }).to_string();
    let now = logged_in(held.signer(&guard).call(&guard, "POST", "/api/auth/password", body.as_bytes()).await);
    assert_ne!(now.answer["session_key"], held.answer["session_key"]);
    assert_eq!(now.signer(&guard).call(&guard, "GET", "/api/auth/whoami", b"").await.status, 200);
    // A person with a key and no password gives themselves one.
    let carol = Signer::enrolled(&guard, "carol", Role::User).await;
    let (_, session) = carol.session(&guard).await;
    let body = json!({ "new_password": "a first password" }).to_string();
    let now = logged_in(session.call(&guard, "POST", "/api/auth/password", body.as_bytes()).await);
    assert_eq!(now.answer["session"]["opened_by"], carol.keyid);
    let login = json!({ "username": "carol", "password": "a first password" });
    assert_eq!(post(&guard, "/api/auth/login", &login).await.status, 200);
}

#[tokio::test]
async fn an_operator_sees_and_ends_sessions() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    add(&guard, "bob", "user").await;
    let (held, other, bob) = (login(&guard, "alice").await, login(&guard, "alice").await, login(&guard, "bob").await);
    let of = |username: Value| json!({ "username": username, "after": null });
    assert_eq!(guard.operate("list-sessions", of(Value::Null)).await.as_array().unwrap().len(), 3);
    let listed = guard.operate("list-sessions", of("alice".into())).await;
    assert!(listed.as_array().unwrap().iter().all(|row| row["username"] == "alice" && row["state"] == "open"));
    assert_eq!(guard.operate("show-user", json!({ "username": "alice" })).await["sessions"], 2);
    guard.operate("revoke-session", json!({ "reference": held.reference.to_string() })).await;
    assert!(is_dead(&guard, &held).await && !is_dead(&guard, &other).await);
    let shown = guard.operate("show-session", json!({ "reference": held.reference.to_string() })).await;
    assert_eq!((&shown["state"], &shown["why"]), (&json!("ended"), &json!("revoked_by_admin")));
    assert_eq!(guard.operate("show-user", json!({ "username": "alice" })).await["sessions"], 1);
    let revoked = guard.operate("revoke-user-sessions", json!({ "username": "alice" })).await;
    assert_eq!(revoked["sessions"], 1);
    assert!(is_dead(&guard, &other).await && !is_dead(&guard, &bob).await);
}
