//! What anybody may read: the public keys of access tokens, and what the guard says of itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod whole;

use std::time::Duration;

use countersign_core::account::User;
use countersign_core::id::SessionRef;
use countersign_core::session::Proof;
use countersign_core::time::Timestamp;
use countersign_core::token::{Parties, TokenFault, TokenKeys, verify};
use countersign_server::service::access_token::{Brought, Holder, Issued, issue_to, read};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use whole::{Answer, Whole, now};

const JWKS: &str = "/.well-known/jwks.json";

async fn asked(whole: &Whole, method: &str, path: &str) -> Answer {
    named(whole, method, path, &whole.address.to_string()).await
}

async fn named(whole: &Whole, method: &str, path: &str, host: &str) -> Answer {
    let mut stream = whole.connect().await;
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    Answer::read(&mut stream).await
}

async fn published(whole: &Whole) -> Vec<String> {
    let keys = TokenKeys::of_jwks(asked(whole, "GET", JWKS).await.text().as_bytes()).unwrap();
    keys.iter().map(|key| key.id().to_string()).collect()
}

#[tokio::test]
async fn anybody_may_have_the_public_keys_and_keep_them_for_a_while() {
    let whole = Whole::start(None, "").await;
    let answer = asked(&whole, "GET", JWKS).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.field("cache-control"), Some("public, max-age=300"));
    assert_eq!(answer.field("signature"), None);
    let document: Value = serde_json::from_str(answer.text()).unwrap();
    let keys = document["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "the present one and the next one");
    for key in keys {
        let names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"], "nothing that is secret");
    }
    assert_eq!(document["keys"][0]["kid"], whole.app.accounts.secrets.token_keys.held().signing().id().as_str());
}

#[tokio::test]
async fn keys_are_published_before_they_sign_and_until_their_last_token_has_expired() {
    let whole = Whole::start(None, "").await;
    let before = published(&whole).await;
    let kids = |keys: Value| -> Vec<String> {
        keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let rotated = kids(whole.operate("rotate-token-key", json!({ "at_once": true })).await);
    assert_eq!(published(&whole).await, rotated);
    assert_eq!((&rotated[0], &rotated[2]), (&before[1], &before[0]), "the next one signs, the former one is good");
    let retired = kids(whole.operate("retire-token-keys", json!({})).await);
    assert_eq!(published(&whole).await, retired);
    assert_eq!(retired, rotated[..2]);
    let told = whole.app.accounts.stores.events.latest(2).await.unwrap();
    let kinds: Vec<_> = told.iter().map(|told| told.event.kind.as_str()).collect();
    assert_eq!(kinds, ["token_key_rotated", "token_key_retired"]);
}

#[tokio::test]
async fn the_guard_says_who_issues_tokens_and_where_their_keys_are() {
    let whole = Whole::start(None, "public_url = \"https://api.example\"").await;
    let answer = named(&whole, "GET", "/.well-known/oauth-authorization-server", "api.example").await;
    assert_eq!((answer.status, answer.field("content-type")), (200, Some("application/json")));
    let metadata: Value = serde_json::from_str(answer.text()).unwrap();
    assert_eq!(metadata["issuer"], "https://api.example");
    assert_eq!(metadata["jwks_uri"], "https://api.example/.well-known/jwks.json");
}

#[tokio::test]
async fn it_is_said_to_whoever_asks_for_it_by_our_name_and_reads_only() {
    let whole = Whole::start(None, "").await;
    for path in [JWKS, "/.well-known/oauth-authorization-server"] {
        assert_eq!(named(&whole, "GET", path, "evil.example").await.status, 421);
        for method in ["POST", "PUT", "DELETE"] {
            let answer = asked(&whole, method, path).await;
            assert_eq!((answer.status, answer.field("allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
        for below in [format!("{path}/"), format!("{path}/x")] {
            assert_eq!(asked(&whole, "GET", &below).await.status, 401, "{below} is behind the guard, where nothing is");
        }
    }
}

/// A token of alice's session `[5; 16]`.
async fn issued(whole: &Whole, at: Timestamp) -> (User, Issued) {
    let user = whole.app.accounts.stores.users.named(&"alice".parse().unwrap()).await.unwrap().unwrap();
    let (session, address) = (SessionRef([5; 16]), "192.0.2.7".parse().unwrap());
    let over = at.saturating_add(Duration::from_secs(86_400));
    let holder = Holder { user: &user, session, proof: Proof::Key, auth_time: at, epoch: 3, over, address };
    let issued = issue_to(&whole.app.accounts, &holder, &[6; _], at).unwrap();
    (user, issued.unwrap())
}

#[tokio::test]
async fn a_token_of_the_guard_is_verified_by_its_published_keys_after_a_rotation_too_and_not_after_a_retirement() {
    let whole = Whole::start(None, "").await;
    whole.confirmed("alice").await;
    let (user, issued) = issued(&whole, now()).await;
    whole.operate("rotate-token-key", json!({ "at_once": true })).await;
    let keys = TokenKeys::of_jwks(asked(&whole, "GET", JWKS).await.text().as_bytes()).unwrap();
    let issuer = format!("http://{}", whole.address);
    let elsewhere = verify(&issued.text, &keys, &Parties { issuer: &issuer, audience: &issuer }, now()).unwrap();
    let Brought::Verified(here) = read(&whole.app.accounts, &issued.text, now()).unwrap() else { panic!("a JWT") };
    assert_eq!(here.claims(), elsewhere.claims());
    let claims = here.claims();
    assert_eq!((claims.user, &claims.username, claims.generation), (user.id, &user.username, user.generation));
    assert_eq!((claims.session, claims.proof, claims.epoch), (SessionRef([5; 16]), Proof::Key, 3));
    assert_eq!((claims.address, claims.expires), (None, issued.expires));
    whole.operate("retire-token-keys", json!({})).await;
    assert_eq!(read(&whole.app.accounts, &issued.text, now()).unwrap_err(), TokenFault::UnknownKey);
}

#[tokio::test]
async fn the_address_stands_in_a_token_only_where_the_operator_wants_it() {
    let whole = Whole::start(None, "token_ip_claim = true\naccess_token_minutes = 1").await;
    whole.confirmed("alice").await;
    let (_, issued) = issued(&whole, now()).await;
    let Brought::Verified(token) = read(&whole.app.accounts, &issued.text, now()).unwrap() else { panic!("a JWT") };
    assert_eq!(token.claims().address, Some("192.0.2.7".parse().unwrap()));
    assert!((57..=60).contains(&(issued.expires.as_secs() - token.claims().issued.as_secs())));
}

#[tokio::test]
async fn an_opaque_token_says_nothing_and_is_good_for_its_hash() {
    let whole = Whole::start(None, "token_format = \"opaque\"").await;
    whole.confirmed("alice").await;
    let at = now();
    let (_, issued) = issued(&whole, at).await;
    assert!(issued.text.starts_with("csa_BQUFBQUFBQUFBQUFBQUFBQ."), "{}", *issued.text);
    let Brought::Opaque(token) = read(&whole.app.accounts, &issued.text, at).unwrap() else { panic!("opaque") };
    assert_eq!(token.session(), SessionRef([5; 16]));
    assert!(token.is_good(&issued.hash, at) && !token.is_good(&issued.hash, issued.expires));
    assert_eq!(read(&whole.app.accounts, "csa_x", at).unwrap_err(), TokenFault::Malformed);
}
