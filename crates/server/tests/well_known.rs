//! What anybody may read: the public keys of access tokens, and what the guard says of itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod whole;

use countersign_core::token::TokenKeys;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use whole::{Answer, Whole};

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
