//! Programs elsewhere ask about tokens and take them back (RFC 7662, RFC 7009).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod signed_in;
mod whole;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use countersign_core::account::Role;
use countersign_core::encoding::b64;
use countersign_core::session::{EndReason, Proof, Scope};
use countersign_core::time::Timestamp;
use serde_json::{Value, json};
use signed_in::{ended, logged_in, person};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use whole::{Answer, Whole, now};

const SECRET: &str = "b3f1+9c7d/0a2e=4568-b3f1_9c7d.0a2e~4568";
const FORM: &str = "application/x-www-form-urlencoded";
const INACTIVE: &str = r#"{"active":false}"#;

/// A guard with a verifier `orders-api`.
async fn guard(toml: &str) -> (Whole, TempDir) {
    let directory = TempDir::new().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let verifier = format!("{toml}\n[[verifier]]\nid = \"orders-api\"\nsecret_file = {secret:?}\n");
    (Whole::start(None, &verifier).await, directory)
}

async fn sent(whole: &Whole, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = whole.connect().await;
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n{fields}content-length: {length}\r\n\r\n", whole.address);
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    Answer::read(&mut stream).await
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", b64(format!("{id}:{secret}").as_bytes()))
}

/// As the verifier asks.
async fn post(whole: &Whole, path: &str, body: &str) -> Answer {
    sent(whole, "POST", path, &[("authorization", &basic("orders-api", SECRET)), ("content-type", FORM)], body).await
}

async fn introspected(whole: &Whole, token: &str) -> Value {
    asked(whole, &format!("token={token}")).await
}

async fn asked(whole: &Whole, body: &str) -> Value {
    let answer = post(whole, "/oauth/introspect", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert_eq!(answer.field("content-type"), Some("application/json"));
    serde_json::from_str(answer.text()).unwrap()
}

fn error(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(answer.text()).unwrap();
    body["error"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

#[tokio::test]
async fn a_good_access_token_is_said_to_be_active_and_whose_it_is() {
    let (whole, _files) = guard("").await;
    let alice = person(&whole, "alice", Role::User, &["orders:read", "orders:write"]).await;
    let at = now();
    let login = logged_in(&whole, &alice, Proof::Bearer, at).await;
    let mut token = introspected(&whole, &login.access_token).await;
    let issuer = format!("http://{}", whole.address);
    let (exp, jti) = (token["exp"].take(), token["jti"].take());
    assert!((at.as_secs() + 850..=at.as_secs() + 900).contains(&exp.as_u64().unwrap()), "{exp}");
    assert_eq!(jti.as_str().unwrap().len(), 22);
    let expected = json!({
        "active": true, "iss": issuer, "aud": issuer, "client_id": "countersign", "token_type": "Bearer",
        "sub": alice.id.to_string(), "username": "alice", "role": "user",
        "permissions": ["orders:read", "orders:write"], "scope": "orders:read orders:write",
        "sid": login.session.to_string(), "auth_time": at.as_secs(), "iat": at.as_secs(), "exp": null, "jti": null,
        "gen": 0, "epoch": 0,
    });
    assert_eq!(token, expected);
}

#[tokio::test]
async fn the_token_of_a_session_with_a_key_says_that_a_signature_has_to_come_with_it() {
    let (whole, _files) = guard("").await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let login = logged_in(&whole, &alice, Proof::Key, now()).await;
    let token = introspected(&whole, &login.access_token).await;
    assert_eq!(token["cnf"], json!({ "kid": format!("s.{}", login.session) }));
    assert_eq!(token.get("scope"), None);
}

#[tokio::test]
async fn an_opaque_token_is_introspected_until_another_takes_its_place() {
    let (whole, _files) = guard("token_format = \"opaque\"").await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let login = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    let token = introspected(&whole, &login.access_token).await;
    assert_eq!((&token["active"], &token["username"]), (&json!(true), &json!("alice")));
    assert_eq!((token.get("iat"), token.get("jti")), (None, None), "nobody has kept these");
    let other = countersign_core::session::TokenHash::of("csa_another");
    whole.app.accounts.sessions.refreshed(login.session, other, whole.address.ip()).unwrap();
    assert_eq!(introspected(&whole, &login.access_token).await.to_string(), INACTIVE);
}

#[tokio::test]
async fn what_is_revoked_expired_foreign_or_garbage_is_inactive_and_nothing_else_is_said() {
    let (whole, _files) = guard("access_token_minutes = 1").await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let revoked = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    ended(&whole, Scope::Session(revoked.session), EndReason::Revoked).await;
    let long_ago = Timestamp::from_millis(now().as_millis() - 61_000);
    let expired = logged_in(&whole, &alice, Proof::Bearer, long_ago).await;
    let good = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    let (other, _other_files) = guard("").await;
    let bob = person(&other, "bob", Role::User, &[]).await;
    let foreign = logged_in(&other, &bob, Proof::Bearer, now()).await;
    assert_eq!(introspected(&whole, &good.access_token).await["active"], true);
    let cut = &good.access_token[..good.access_token.len() - 2];
    let long = "a".repeat(20_000);
    let garbage = ["x", "csr_", "csa_", "a.b.c", "%00", "..", cut, &long];
    for token in [&*revoked.access_token, &expired.access_token, &foreign.access_token].into_iter().chain(garbage) {
        let answer = post(&whole, "/oauth/introspect", &format!("token={token}")).await;
        assert_eq!((answer.status, answer.text()), (200, INACTIVE), "{token}");
    }
}

#[tokio::test]
async fn every_way_in_which_a_session_can_end_makes_its_tokens_inactive() {
    let (whole, _files) = guard("").await;
    for (way, name) in ["others", "user", "disabled", "role", "everybody"].iter().zip(["a1", "a2", "a3", "a4", "a5"]) {
        let user = person(&whole, name, Role::User, &[]).await;
        let login = logged_in(&whole, &user, Proof::Bearer, now()).await;
        let keep = logged_in(&whole, &user, Proof::Bearer, now()).await.session;
        assert_eq!(introspected(&whole, &login.access_token).await["active"], true);
        match *way {
            "others" => ended(&whole, Scope::Others { user: user.id, keep }, EndReason::Revoked).await,
            "user" => ended(&whole, Scope::User(user.id), EndReason::UserRevoked).await,
            "disabled" => drop(whole.operate("disable-user", json!({ "username": name })).await),
            "role" => drop(whole.operate("set-role", json!({ "username": name, "role": "admin" })).await),
            _ => {
                let asked =
                    countersign_server::service::control::Asked { actor: "test".to_owned(), session: None, at: now() };
                countersign_server::service::end_sessions::end_everything(&whole.app.accounts, &asked).await.unwrap();
            }
        }
        assert_eq!(introspected(&whole, &login.access_token).await.to_string(), INACTIVE, "{way}");
        let refresh = format!("token={}&token_type_hint=refresh_token", login.refresh_tokens[0]);
        assert_eq!(asked(&whole, &refresh).await.to_string(), INACTIVE, "{way}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_active_only_for_who_knows_that_it_is_one() {
    let (whole, _files) = guard("").await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let login = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    let [current, later, _] = &login.refresh_tokens;
    let found = asked(&whole, &format!("token={current}&token_type_hint=refresh_token")).await;
    assert_eq!((&found["active"], &found["username"]), (&json!(true), &json!("alice")));
    assert_eq!(found.get("token_type"), None, "nobody may take it for an access token");
    // Somebody shows a refresh token to an API, which asks whether it is good.
    for body in [format!("token={current}"), format!("token={current}&token_type_hint=access_token")] {
        assert_eq!(asked(&whole, &body).await.to_string(), INACTIVE);
    }
    assert_eq!(asked(&whole, &format!("token={later}&token_type_hint=refresh_token")).await.to_string(), INACTIVE);
    // A wrong hint, or one that nobody knows, is no reason not to find an access token (RFC 7662 §2.1).
    for hint in ["refresh_token", "id_token"] {
        let body = format!("token={}&token_type_hint={hint}", login.access_token);
        assert_eq!(asked(&whole, &body).await["active"], true, "{hint}");
    }
}

#[tokio::test]
async fn nobody_learns_anything_without_the_secret_of_a_verifier() {
    let (whole, _files) = guard("").await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let login = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    let body = format!("token={}", login.access_token);
    let mut answers = Vec::new();
    let wrong = basic("orders-api", &SECRET.replace('b', "c"));
    let (unknown, empty) = (basic("orders-web", SECRET), basic("orders-api", ""));
    let bearer = format!("Bearer {}", login.access_token);
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        for authorization in [Some(&wrong), Some(&unknown), Some(&empty), Some(&bearer), None] {
            let fields: Vec<_> = authorization
                .map(|value| ("authorization", value.as_str()))
                .into_iter()
                .chain([("content-type", FORM)])
                .collect();
            let answer = sent(&whole, "POST", path, &fields, &body).await;
            assert_eq!((answer.status, error(&answer).as_str()), (401, "invalid_client"), "{path} {authorization:?}");
            assert_eq!(answer.field("www-authenticate"), Some("Basic realm=\"countersign\", charset=\"UTF-8\""));
            assert_eq!(answer.field("cache-control"), Some("no-store"));
            answers.push(answer.text().to_owned());
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "an unknown verifier and a wrong secret are told alike: {answers:?}");
    assert_eq!(introspected(&whole, &login.access_token).await["active"], true, "nothing was revoked");
}

#[tokio::test]
async fn whoever_goes_on_guessing_is_slowed_down_and_the_verifier_is_not() {
    let (whole, _files) = guard("").await;
    let wrong = basic("orders-api", "0123456789abcdef0123456789abcdef");
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let answer =
            sent(&whole, "POST", "/oauth/introspect", &[("authorization", &wrong), ("content-type", FORM)], "token=x")
                .await;
        assert!(answer.status != 429 || answer.field("retry-after").is_some());
        statuses.push(answer.status);
    }
    assert_eq!((statuses[0], statuses[39]), (401, 429));
    assert_eq!(introspected(&whole, "x").await.to_string(), INACTIVE, "from the same address");
}

#[tokio::test]
async fn a_client_may_encode_its_secret_or_not_and_put_it_into_the_body() {
    let (whole, _files) = guard("").await;
    let encoded: String = SECRET.bytes().map(|octet| format!("%{octet:02X}")).collect();
    for authorization in [basic("orders-api", SECRET), basic("orders%2Dapi", &encoded)] {
        let fields = [("authorization", authorization.as_str()), ("content-type", FORM)];
        assert_eq!(sent(&whole, "POST", "/oauth/introspect", &fields, "token=x").await.text(), INACTIVE);
    }
    let fields = [("content-type", FORM)];
    let body = format!("token=x&client_id=orders-api&client_secret={encoded}");
    assert_eq!(sent(&whole, "POST", "/oauth/introspect", &fields, &body).await.text(), INACTIVE);
    let body = format!("token=x&client_id=orders-api&client_secret={}", encoded.replace("%62", "%63"));
    assert_eq!(sent(&whole, "POST", "/oauth/introspect", &fields, &body).await.status, 401);
}

#[tokio::test]
async fn a_request_that_can_be_read_in_two_ways_is_not_answered() {
    let (whole, _files) = guard("").await;
    for body in [
        "token=a&token=b",
        "token=a&token_type_hint=x&token_type_hint=x",
        "token=a&tok%65n=b",
        "",
        "token=",
        "token_type_hint=access_token",
        "token=%zz",
        "token=a&client_id=orders-api&client_secret=x",
        "token=a&client_id=orders-web",
    ] {
        for path in ["/oauth/introspect", "/oauth/revoke"] {
            let answer = post(&whole, path, body).await;
            assert_eq!((answer.status, error(&answer).as_str()), (400, "invalid_request"), "{path} {body}");
        }
    }
    let authorization = basic("orders-api", SECRET);
    for kind in
        ["application/json", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded; charset=latin1"]
    {
        let fields = [("authorization", authorization.as_str()), ("content-type", kind)];
        let answer = sent(&whole, "POST", "/oauth/introspect", &fields, "token=x").await;
        assert_eq!((answer.status, error(&answer).as_str()), (400, "invalid_request"), "{kind}");
    }
    let twice = [("authorization", &*authorization), ("authorization", &authorization), ("content-type", FORM)];
    assert_eq!(sent(&whole, "POST", "/oauth/introspect", &twice, "token=x").await.status, 400);
    for method in ["GET", "PUT", "DELETE"] {
        let fields = [("authorization", &*authorization), ("content-type", FORM)];
        let answer = sent(&whole, method, "/oauth/introspect?token=x", &fields, "").await;
        assert_eq!((answer.status, answer.field("allow")), (405, Some("POST")), "{method}");
    }
    let long = format!("token={}", "a".repeat(40_000));
    assert_eq!(post(&whole, "/oauth/introspect", &long).await.status, 413);
}

#[tokio::test]
async fn a_program_asks_by_its_signature_and_a_person_may_not() {
    let (whole, _files) = guard("").await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let login = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    let program = whole.confirmed("orders").await;
    let body = format!("token={}", login.access_token);
    let asked = program.request("POST", "/oauth/introspect", &[("content-type", FORM)], body.as_bytes());
    let answer = whole.call(&asked).await;
    assert!(asked.is_answered_by(&answer), "signed");
    assert_eq!(serde_json::from_str::<Value>(answer.text()).unwrap()["username"], "alice");
    // A signature that is wrong is not made good by anything beside it.
    let mut forged = program.request("POST", "/oauth/introspect", &[("content-type", FORM)], body.as_bytes());
    let text = String::from_utf8(forged.octets).unwrap();
    let authorization = format!("\r\nauthorization: {}\r\n", basic("orders-api", SECRET));
    forged.octets = text.replacen("cs=:", "cs=:AAAA", 1).replacen("\r\n", &authorization, 1).into_bytes();
    assert!(matches!(whole.call(&forged).await.status, 400 | 401));
    let admin = whole.app.accounts.stores.users.named(&"orders".parse().unwrap()).await.unwrap().unwrap();
    whole.operate("set-role", json!({ "username": admin.username.to_string(), "role": "admin" })).await;
    let asked = program.request("POST", "/oauth/introspect", &[("content-type", FORM)], body.as_bytes());
    assert_eq!(whole.call(&asked).await.status, 403, "it is for programs");
}

#[tokio::test]
async fn a_token_that_is_taken_back_ends_its_session_before_the_answer_and_in_the_store() {
    let (whole, _files) = guard("").await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let by_access = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    let by_refresh = logged_in(&whole, &alice, Proof::Key, now()).await;
    let bystander = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    for (login, token) in [(&by_access, &by_access.access_token), (&by_refresh, &by_refresh.refresh_tokens[0])] {
        let answer = post(&whole, "/oauth/revoke", &format!("token={token}")).await;
        assert_eq!((answer.status, answer.text(), answer.field("cache-control")), (200, "", Some("no-store")));
        assert_eq!(introspected(&whole, &login.access_token).await.to_string(), INACTIVE);
        let kept = whole.app.accounts.stores.sessions.find(login.session).await.unwrap().unwrap();
        assert!(!kept.is_live(now()), "{kept:?}");
    }
    assert_eq!(introspected(&whole, &bystander.access_token).await["active"], true);
    let told = whole.app.accounts.stores.events.latest(1).await.unwrap();
    let event = &told[0].event;
    assert_eq!((event.kind.as_str(), event.user), ("session_ended", Some(alice.id)));
    assert!(event.actor.starts_with("verifier orders-api, 127.0.0.1"), "{}", event.actor);
}

#[tokio::test]
async fn taking_back_what_is_no_token_of_ours_ends_nothing_and_is_answered_alike() {
    let (whole, _files) = guard("").await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let login = logged_in(&whole, &alice, Proof::Bearer, now()).await;
    let forged = {
        let token = &login.refresh_tokens[0];
        let last = if token.ends_with('A') { "Q" } else { "A" };
        format!("{}{last}", &token[..token.len() - 1])
    };
    let mut other_tag = login.refresh_tokens[0].clone();
    other_tag.replace_range(other_tag.len() - 20..other_tag.len() - 16, "AAAA");
    for token in ["x", "csr_", forged.as_str(), &other_tag] {
        let answer = post(&whole, "/oauth/revoke", &format!("token={token}")).await;
        assert_eq!((answer.status, answer.text()), (200, ""), "{token}");
    }
    assert_eq!(introspected(&whole, &login.access_token).await["active"], true);
    // It is good once more: a client that lost the answer asks again.
    for _ in 0..2 {
        let answer = post(&whole, "/oauth/revoke", &format!("token={}", login.access_token)).await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn a_secret_that_anybody_on_the_line_can_read_is_not_taken() {
    let toml = "trusted_proxies = [\"127.0.0.1\"]\nclient_ip_source = \"x-forwarded-for\"";
    let (whole, _files) = guard(toml).await;
    let authorization = basic("orders-api", SECRET);
    let fields = |from| [("authorization", authorization.as_str()), ("content-type", FORM), ("x-forwarded-for", from)];
    let answer = sent(&whole, "POST", "/oauth/introspect", &fields("192.0.2.7"), "token=x").await;
    assert_eq!((answer.status, error(&answer).as_str()), (400, "invalid_request"));
    let (secure, _files) = guard(&format!("{toml}\npublic_url = \"https://{}\"", "api.example")).await;
    let mut stream = secure.connect().await;
    let head = format!(
        "POST /oauth/introspect HTTP/1.1\r\nhost: api.example\r\nauthorization: {authorization}\r\ncontent-type: {FORM}\r\n\
         x-forwarded-for: 192.0.2.7\r\ncontent-length: 7\r\n\r\ntoken=x"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.text(), INACTIVE, "TLS ended at the proxy");
}

#[tokio::test]
async fn the_metadata_say_where_to_ask_and_how() {
    let (whole, _files) = guard("").await;
    let answer = sent(&whole, "GET", "/.well-known/oauth-authorization-server", &[], "").await;
    let metadata: Value = serde_json::from_str(answer.text()).unwrap();
    let issuer = format!("http://{}", whole.address);
    assert_eq!(metadata["introspection_endpoint"], format!("{issuer}/oauth/introspect"));
    assert_eq!(metadata["revocation_endpoint"], format!("{issuer}/oauth/revoke"));
    for methods in ["introspection_endpoint_auth_methods_supported", "revocation_endpoint_auth_methods_supported"] {
        assert_eq!(metadata[methods], json!(["client_secret_basic", "client_secret_post"]));
    }
}

#[tokio::test]
async fn a_token_of_a_session_that_went_unused_is_inactive() {
    let (whole, _files) = guard("session_idle_days = 1\naccess_token_minutes = 60").await;
    let alice = person(&whole, "alice", Role::User, &[]).await;
    let long_ago = Timestamp::from_millis(now().as_millis() - Duration::from_secs(86_400).as_millis() as u64);
    let login = logged_in(&whole, &alice, Proof::Bearer, long_ago).await;
    let body = format!("token={}&token_type_hint=refresh_token", login.refresh_tokens[0]);
    assert_eq!(asked(&whole, &body).await.to_string(), INACTIVE);
}
