//! Who gets a session, and what they get.

use countersign_core::account::Role;
use countersign_core::encoding::unb64u;
use countersign_core::event::EventKind;
use countersign_core::session::Epoch;
use serde_json::{Value, json};

use crate::scene::{
    PASSWORD, Signer, add, code, count, events, guard, json, login, login_with_key, post, send, user_id,
};
use crate::whole::now;

#[tokio::test]
async fn a_password_opens_a_session_whose_tokens_are_good() {
    let guard = guard("").await;
    let id = add(&guard, "alice", "user").await;
    let wanted = json!({ "username": "alice", "password": PASSWORD, "device": "laptop" }).to_string();
    let fields = [("content-type", "application/json"), ("user-agent", "curl/8.5")];
    let answer = send(&guard, "POST", "/api/auth/login", &fields, wanted.as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    let body = json(&answer);
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["access_token", "expires_in", "refresh_token", "session", "token_type"]);
    assert_eq!(body["token_type"], "Bearer");
    assert!((855..=900).contains(&body["expires_in"].as_u64().unwrap()), "{body}");
    let session = &body["session"];
    for (member, value) in [
        ("user_id", id.as_str()),
        ("username", "alice"),
        ("device", "laptop"),
        ("ip_address", "127.0.0.1"),
        ("user_agent", "curl/8.5"),
        ("proof", "bearer"),
        ("opened_by", "password"),
        ("state", "open"),
    ] {
        assert_eq!(session[member], value, "{member}");
    }
    assert_eq!(session["current"], true);
    let month = session["expires_ms"].as_u64().unwrap() - session["created_ms"].as_u64().unwrap();
    assert_eq!(month, 30 * 86_400_000);
    let whoami = json(&login(&guard, "alice").await.bring(&guard, "GET", "/api/auth/whoami").await);
    assert_eq!((&whoami["username"], &whoami["permissions"]), (&json!("alice"), &json!(["docs:read"])));
    assert_eq!((&whoami["session"]["current"], &whoami["session"]["proof"]), (&json!(true), &json!("bearer")));
    assert_eq!(count(&guard, EventKind::SessionOpened).await, 2);
    let (_, detail) = events(&guard).await.into_iter().find(|(kind, _)| *kind == EventKind::SessionOpened).unwrap();
    assert!(detail.contains("by password, proof bearer"), "{detail}");
}

#[tokio::test]
async fn a_session_with_a_key_is_worth_nothing_without_its_signature() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let held = login_with_key(&guard, "alice").await;
    assert_eq!(unb64u(held.answer["session_key"].as_str().unwrap()).unwrap().len(), 32);
    assert_eq!(held.answer["session"]["proof"], "key");
    assert_eq!(held.whoami(&guard).await, 401, "the token alone");
    let signer = held.signer(&guard);
    let answer = signer.call(&guard, "GET", "/api/auth/whoami", b"").await;
    assert_eq!((answer.status, &json(&answer)["username"]), (200, &json!("alice")));
    // Another key for each session, never one that the client has chosen.
    let other = login_with_key(&guard, "alice").await;
    assert_ne!(other.answer["session_key"], held.answer["session_key"]);
}

#[tokio::test]
async fn the_key_of_a_person_opens_a_session_and_that_of_a_program_does_not() {
    let guard = guard("").await;
    let alice = Signer::enrolled(&guard, "alice", Role::User).await;
    let (held, session) = alice.session(&guard).await;
    assert!(held.answer.get("session_key").is_none(), "both sides derive it");
    assert_eq!(held.answer["session"]["opened_by"], alice.keyid);
    assert_eq!(session.call(&guard, "GET", "/api/auth/whoami", b"").await.status, 200);
    assert_eq!(
        code(&session.call(&guard, "POST", "/api/auth/login", b"{}").await),
        "forbidden",
        "a session is one already"
    );
    let program = Signer::enrolled(&guard, "robot", Role::Service).await;
    assert_eq!(code(&program.call(&guard, "POST", "/api/auth/login", b"{}").await), "forbidden");
    for body in
        [r#"{"username":"alice","password":"correct horse battery"}"#, "", "[]", r#"{"device":"a","device":"b"}"#]
    {
        assert_eq!(alice.call(&guard, "POST", "/api/auth/login", body.as_bytes()).await.status, 400, "{body}");
    }
}

/// Nobody has typed a name or a password there.
#[tokio::test]
async fn a_key_whose_user_is_being_changed_is_told_so() {
    let guard = guard("").await;
    let alice = Signer::enrolled(&guard, "alice", Role::User).await;
    // What memory knows is newer than what the store would open a session by.
    guard.app.accounts.sessions.learn_epoch(Epoch { number: 1, since: now() });
    let answer = alice.call(&guard, "POST", "/api/auth/login", b"{}").await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "unauthorized"));
    let detail = json(&answer)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("user was changed") && !detail.contains("password"), "{detail}");
}

#[tokio::test]
async fn a_wrong_password_an_unknown_user_a_disabled_one_and_one_without_a_password_are_one_answer() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    add(&guard, "bob", "user").await;
    guard.operate("disable-user", json!({ "username": "bob" })).await;
    Signer::enrolled(&guard, "carol", Role::User).await;
    let mut answers = Vec::new();
    for (username, password) in [
        ("alice", "wrong password"),
        ("nobody", PASSWORD),
        ("bob", PASSWORD),
        ("carol", PASSWORD),
        ("' OR 1=1", PASSWORD),
    ] {
        answers.push(post(&guard, "/api/auth/login", &json!({ "username": username, "password": password })).await);
    }
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (401, &answers[0].body));
        let names =
            |answer: &crate::whole::Answer| answer.fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(answer), names(&answers[0]));
    }
    while count(&guard, EventKind::LoginFailed).await == 0 {
        tokio::time::sleep(core::time::Duration::from_millis(5)).await;
    }
    assert_eq!(count(&guard, EventKind::SessionOpened).await, 0);
}

#[tokio::test]
async fn a_login_has_one_form() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let good = format!(r#""username":"alice","password":"{PASSWORD}""#);
    for (body, status, of) in [
        (format!("{{{good}}}"), 200, ""),
        (format!("{{{good},\"proof\":\"bearer\"}}"), 200, ""),
        (format!("{{{good},\"username\":\"bob\"}}"), 400, "malformed-request"),
        (format!("{{{good},\"password\":\"x\"}}"), 400, "malformed-request"),
        (format!("{{{good},\"sid\":\"mine\"}}"), 400, "malformed-request"),
        (format!("{{{good},\"proof\":\"none\"}}"), 400, "malformed-request"),
        (format!("{{{good},\"proof\":null}}"), 400, "malformed-request"),
        (format!("[{{{good}}}]"), 400, "malformed-request"),
        (r#"{"username":"alice"}"#.to_owned(), 400, "malformed-request"),
        (r#"{"username":"alice","password":"short"}"#.to_owned(), 422, "unprocessable"),
        (format!(r#"{{"username":"alice","password":"{}"}}"#, "a".repeat(129)), 422, "unprocessable"),
        // Row J03 of the attack corpus.
        (format!(r#"{{"username":"alice","password":"{}"}}"#, "a".repeat(4_097)), 422, "unprocessable"),
        (format!(r#"{{"username":"alice","password":"{}"}}"#, "a".repeat(1 << 20)), 413, "too-large"),
        (format!(r#"{{"username":"alice","password":"{}"}}"#, "😀".repeat(128)), 401, "unauthorized"),
        (
            r#"{"username":"alice","password":"\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"}"#.to_owned(),
            401,
            "unauthorized",
        ),
    ] {
        let fields = [("content-type", "application/json")];
        let answer = send(&guard, "POST", "/api/auth/login", &fields, body.as_bytes()).await;
        assert_eq!((answer.status, code(&answer).as_str()), (status, of), "{}", &body[..body.len().min(120)]);
        if status == 400 {
            let detail = json(&answer)["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("username") && !detail.contains("mine"), "{detail}");
        }
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let answer =
            send(&guard, "POST", "/api/auth/login", &[("content-type", kind)], format!("{{{good}}}").as_bytes()).await;
        assert_eq!(answer.status, 415, "{kind}");
    }
    let answer = send(&guard, "GET", "/api/auth/login", &[], b"").await;
    assert_eq!((answer.status, answer.field("allow")), (405, Some("POST")));
}

/// Row E10 of the attack corpus.
#[tokio::test]
async fn no_session_can_be_chosen_before_a_login_and_the_one_from_before_does_not_become_the_next() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let before = login(&guard, "alice").await;
    assert_eq!(before.bring(&guard, "POST", "/api/auth/revoke").await.status, 204);
    let wanted = json!({ "username": "alice", "password": PASSWORD }).to_string();
    let bearer = format!("Bearer {}", before.access);
    let fields = [
        ("content-type", "application/json"),
        ("authorization", bearer.as_str()),
        ("cookie", "sid=AQEBAQEBAQEBAQEBAQEBAQ; session=AQEBAQEBAQEBAQEBAQEBAQ"),
        ("remote-session", "AQEBAQEBAQEBAQEBAQEBAQ"),
    ];
    let answer = send(&guard, "POST", "/api/auth/login", &fields, wanted.as_bytes()).await;
    let session = json(&answer)["session"]["ref"].as_str().unwrap().to_owned();
    assert_ne!(session, before.reference.to_string());
    assert_ne!(session, "AQEBAQEBAQEBAQEBAQEBAQ");
    assert_eq!(answer.field("set-cookie"), None);
    assert_eq!(before.whoami(&guard).await, 401);
}

#[tokio::test]
async fn a_password_in_plain_text_from_elsewhere_is_refused_before_it_is_looked_at() {
    let proxied = |public_url: &str, danger: &str| {
        format!(
            "trusted_proxies = [\"127.0.0.1/32\"]\nclient_ip_source = \"x-forwarded-for\"\n{public_url}{danger}authorities = [\"127.0.0.1\"]\n"
        )
    };
    for (toml, from, status) in [
        (proxied("", ""), "192.0.2.7", 403),
        (proxied("", ""), "127.0.0.1", 200),
        (proxied("", "danger_plain_passwords = true\n"), "192.0.2.7", 200),
        (proxied("public_url = \"https://api.example\"\n", ""), "192.0.2.7", 200),
        (proxied("public_url = \"http://api.example\"\n", ""), "192.0.2.7", 403),
    ] {
        let guard = guard(&toml).await;
        add(&guard, "alice", "user").await;
        let wanted = json!({ "username": "alice", "password": PASSWORD }).to_string();
        let fields = [("content-type", "application/json"), ("x-forwarded-for", from)];
        let answer = send(&guard, "POST", "/api/auth/login", &fields, wanted.as_bytes()).await;
        assert_eq!(answer.status, status, "{toml} {from}: {}", answer.text());
        let of: Value = json(&answer);
        if status == 403 {
            assert!(of["detail"].as_str().unwrap().contains("plain text"), "{of}");
        } else {
            assert_eq!(of["session"]["ip_address"], from);
        }
    }
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let guard = guard(
        "trusted_proxies = [\"127.0.0.1/32\"]\nclient_ip_source = \"x-forwarded-for\"\ndanger_plain_passwords = true\n",
    )
    .await;
    add(&guard, "alice", "user").await;
    let wanted = json!({ "username": "alice", "password": "wrong password" }).to_string();
    let fields = [("content-type", "application/json"), ("x-forwarded-for", "192.0.2.7")];
    for _ in 0..200 {
        let answer = send(&guard, "POST", "/api/auth/login", &fields, wanted.as_bytes()).await;
        if answer.status == 429 {
            assert!(answer.field("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
            assert_eq!(user_id(&guard, "alice").await.len(), 36);
            return;
        }
        assert_eq!(answer.status, 401);
    }
    panic!("200 wrong passwords, and nobody had to wait");
}
