//! Access tokens: where they are taken, and what is not one.

use std::net::Ipv4Addr;

use countersign_core::account::{Role, User};
use countersign_core::encoding::b64u;
use countersign_core::id::{SessionRef, UserId};
use countersign_core::session::Proof;
use countersign_core::time::Timestamp;
use countersign_server::service::access_token::{Holder, issue_to};
use countersign_server::service::introspect::{Hint, introspect};

use crate::scene::{Signer, add, code, guard, login, login_with_key};
use crate::signed_in::{logged_in, person};
use crate::whole::{Whole, api, now};
use crate::wire::authorized;

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const ROUTE: &str = "[[route]]\npath = \"/open\"\naccept = \"signature-or-bearer\"\n";

/// Whoever reads the first and whoever reads the last would each be right.
#[tokio::test]
async fn what_could_be_read_in_two_ways_is_not_read() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let bearer = format!("Bearer {}", login(&guard, "alice").await.access);
    let twice = format!("{bearer}, {bearer}");
    for lines in [&[bearer.as_str(), &bearer][..], &["Basic YTpi", &bearer], &[&bearer, "Basic YTpi"], &[&twice]] {
        for target in ["/api/auth/whoami", "/anything"] {
            let answer = authorized(&guard, HERE, target, lines).await;
            assert_eq!((answer.status, code(&answer).as_str()), (400, "malformed-request"), "{lines:?}");
        }
    }
    assert_eq!(authorized(&guard, HERE, "/api/auth/whoami", &[&bearer]).await.status, 200);
}

#[tokio::test]
async fn no_changed_octet_and_no_other_token_is_good() {
    let guard = guard("").await;
    add(&guard, "alice", "user").await;
    let token = login(&guard, "alice").await.access;
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let none = b64u(br#"{"alg":"none","typ":"at+jwt"}"#);
    for other in [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}.{signature}.{claims}"),
        format!("{header}.{claims}.{}", b64u(&[0; 64])),
        format!("{}.{claims}.{signature}", b64u(br#"{"alg":"HS256","typ":"at+jwt"}"#)),
        format!("{token}x"),
        "csa_AQEBAQEBAQEBAQEBAQEBAQ.AAAAAGkhKSQCAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg".to_owned(),
        "csa_".to_owned(),
        "x".to_owned(),
    ] {
        let answer = authorized(&guard, HERE, "/api/auth/whoami", &[&format!("Bearer {other}")]).await;
        assert_eq!((answer.status, code(&answer).as_str()), (401, "token-invalid"), "{other}");
        assert_eq!(answer.field("www-authenticate"), Some(r#"Bearer error="invalid_token""#));
    }
}

/// Whoever has the key of the tokens, or a bug of ours, might say so. Programs elsewhere are told the same.
#[tokio::test]
async fn a_token_that_says_of_its_session_what_is_not_so_is_good_for_nobody() {
    let guard = guard("").await;
    let alice = person(&guard, "alice", Role::User, &[]).await;
    let accounts = &guard.app.accounts;
    let at = now();
    let session = logged_in(&guard, &alice, Proof::Bearer, at).await.session;
    let later = User { generation: 1, ..alice.clone() };
    let bob = User { id: UserId::from_random([9; 16]), ..alice.clone() };
    let true_one = Holder {
        user: &alice,
        session,
        proof: Proof::Bearer,
        auth_time: at,
        epoch: 0,
        over: Timestamp::MAX,
        address: HERE.into(),
    };
    for (holder, code_of_it) in [
        (true_one, ""),
        (Holder { user: &later, ..true_one }, "token-invalid"),
        (Holder { epoch: 1, ..true_one }, "token-invalid"),
        (Holder { user: &bob, ..true_one }, "token-invalid"),
        (Holder { proof: Proof::Key, ..true_one }, "token-invalid"),
        (Holder { session: SessionRef([9; 16]), ..true_one }, "token-invalid"),
    ] {
        let token = issue_to(accounts, &holder, &[7; _], at).unwrap().unwrap().text;
        let answer = authorized(&guard, HERE, "/api/auth/whoami", &[&format!("Bearer {}", *token)]).await;
        assert_eq!(code(&answer), code_of_it, "{holder:?}");
        let told = introspect(accounts, &token, Hint::Other, at).await.unwrap();
        assert_eq!(told.is_some(), code_of_it.is_empty(), "{holder:?}");
    }
}

#[tokio::test]
async fn the_api_gets_the_identity_and_never_the_token() {
    let (api, heads) = api(OK).await;
    let guard = Whole::start(Some(api), ROUTE).await;
    add(&guard, "alice", "user").await;
    let held = login(&guard, "alice").await;
    let answer = held.bring(&guard, "GET", "/open/door?a=b").await;
    assert_eq!(
        (answer.status, answer.field("cache-control"), answer.field("signature")),
        (200, Some("no-store"), None)
    );
    let head = heads.lock().unwrap().remove(0).to_ascii_lowercase();
    assert!(head.starts_with("get /open/door?a=b "), "{head}");
    assert!(head.contains("remote-user: alice\r\n") && !head.contains("authorization"), "{head}");
    assert!(head.contains(&format!("remote-session: {}\r\n", held.reference).to_ascii_lowercase()), "{head}");
    // Elsewhere a signature is due, whatever else comes.
    for target in ["/closed", "/opener", "/api/auth/keys"] {
        let answer = held.bring(&guard, "GET", target).await;
        assert_eq!((answer.status, answer.field("accept-signature").is_some()), (401, true), "{target}");
    }
    assert!(heads.lock().unwrap().is_empty());
}

#[tokio::test]
async fn whoever_brings_nothing_is_told_what_would_do() {
    let guard = guard(ROUTE).await;
    let answer = authorized(&guard, HERE, "/open", &[]).await;
    assert_eq!((answer.status, answer.field("accept-signature").is_some()), (401, true));
    let challenges: Vec<_> = answer.fields.iter().filter(|(name, _)| name == "www-authenticate").collect();
    let both = r#"Countersign realm="countersign", error="unauthorized", Bearer realm="countersign""#;
    assert_eq!(challenges.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), [both]);
}

#[tokio::test]
async fn without_its_signature_the_token_of_a_session_with_a_key_is_worth_nothing_anywhere() {
    let guard = guard(ROUTE).await;
    add(&guard, "alice", "user").await;
    let held = login_with_key(&guard, "alice").await;
    for target in ["/open", "/closed", "/api/auth/whoami", "/api/auth/sessions"] {
        let answer = held.bring(&guard, "GET", target).await;
        assert_eq!((answer.status, answer.field("accept-signature").is_some()), (401, true), "{target}");
    }
    assert_eq!(held.signer(&guard).call(&guard, "GET", "/open", b"").await.status, 200);
}

#[tokio::test]
async fn a_token_beside_a_signature_says_the_same_or_the_request_is_malformed() {
    let (api, heads) = api(OK).await;
    let guard = Whole::start(Some(api), "").await;
    add(&guard, "alice", "user").await;
    let (held, other) = (login_with_key(&guard, "alice").await, login_with_key(&guard, "alice").await);
    let signer = held.signer(&guard);
    let bearer = |token: &str| format!("Bearer {token}");
    let own = signer.call_with(&guard, "/closed", &[("authorization", &bearer(&held.access))]).await;
    assert_eq!(own.status, 200, "{}", own.text());
    assert!(!heads.lock().unwrap().remove(0).to_ascii_lowercase().contains("authorization"));
    for token in [&other.access, &login(&guard, "alice").await.access] {
        let answer = signer.call_with(&guard, "/closed", &[("authorization", &bearer(token))]).await;
        assert_eq!((answer.status, code(&answer).as_str()), (400, "malformed-request"));
    }
    // The API may have tokens of its own, for persons and for programs; ours say who else it is.
    let answer = signer.call_with(&guard, "/closed", &[("authorization", "Bearer of-the-api")]).await;
    assert_eq!(answer.status, 200);
    assert!(heads.lock().unwrap().remove(0).to_ascii_lowercase().contains("authorization: bearer of-the-api"));
    let program = Signer::enrolled(&guard, "robot", Role::Service).await;
    let answer = program.call_with(&guard, "/closed", &[("authorization", "Bearer of-the-api")]).await;
    assert_eq!(answer.status, 200);
    assert!(heads.lock().unwrap().remove(0).to_ascii_lowercase().contains("authorization: bearer of-the-api"));
    let answer = program.call_with(&guard, "/closed", &[("authorization", &bearer(&held.access))]).await;
    assert_eq!(answer.status, 400);
}

/// Whoever has a refresh token has the session: a client that takes the one for the other must not give it to the API.
#[tokio::test]
async fn a_refresh_token_in_the_place_of_an_access_token_does_not_reach_the_api() {
    let (api, heads) = api(OK).await;
    let routes = format!("{ROUTE}[[route]]\npath = \"/public\"\naccept = \"danger-anyone\"\n");
    let guard = Whole::start(Some(api), &routes).await;
    add(&guard, "alice", "user").await;
    let held = login_with_key(&guard, "alice").await;
    let (signer, program) = (held.signer(&guard), Signer::enrolled(&guard, "robot", Role::Service).await);
    for token in [held.refresh.as_str(), &held.refresh[..20], "csa_", "csa_cut-short"] {
        let bearer = format!("Bearer {token}");
        assert_eq!(authorized(&guard, HERE, "/open", &[&bearer]).await.status, 401, "{token}");
        let fields = [("authorization", bearer.as_str())];
        assert_eq!(signer.call_with(&guard, "/closed", &fields).await.status, 401, "{token}");
        assert_eq!(program.call_with(&guard, "/closed", &fields).await.status, 400, "{token}");
        assert!(heads.lock().unwrap().is_empty());
        assert_eq!(authorized(&guard, HERE, "/public", &[&bearer]).await.status, 200, "{token}");
        assert!(!heads.lock().unwrap().remove(0).to_ascii_lowercase().contains("authorization"), "{token}");
    }
}
