//! What the API gets of a request, and what it never gets (protocol §4.6).

use crate::support::guard::Running;
use crate::support::signing::Key;
use crate::support::upstream::{Api, Heard};
use crate::support::wire::ask;

/// An API, a guard before it, and somebody who may call it.
async fn stage(toml: &str) -> (Api, Running, Key) {
    let api = Api::content().await;
    let guard = Running::before(api.address, toml).await;
    let key = guard.service("alice").await;
    (api, guard, key)
}

/// By which a client could claim to be somebody, to come from somewhere, or to want something else.
const CLAIMS: [&str; 40] = [
    "Remote-User",
    "REMOTE-USER",
    "remote-user",
    "Remote-Key",
    "Remote-Groups",
    "Remote-Name",
    "Remote-Email",
    "Remote-Addr",
    "Remote_User",
    "Remote_Key",
    "REMOTE_USER",
    "X_Forwarded_User",
    "X_Forwarded_For",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-User",
    "X-Forwarded-Prefix",
    "Forwarded",
    "Via",
    "X-Real-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "True-Client-IP",
    "Client-IP",
    "X-Remote-User",
    "X-Auth-Request-User",
    "X-Authentik-Username",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-Original-URL",
    "X-Original-URI",
    "X-Original-Method",
    "X-Rewrite-URL",
    "X-Challenge-Response",
    "X-Security-Level",
    "Countersign-Identity",
    "Countersign-Time",
    "Keep-Alive",
];

/// The one value that stands for a claim.
const EVIL: &str = "evil";

fn assert_clean(heard: &Heard, which: &str) {
    assert!(!heard.head.contains(EVIL), "{which}: {}", heard.head);
    assert_eq!(heard.lines("remote-user"), ["alice"], "{which}: {}", heard.head);
    assert_eq!(heard.lines("remote-key").len(), 1, "{which}");
    assert!(heard.names().iter().all(|name| !name.contains('_') && !name.starts_with("signature")), "{which}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_claim_of_a_client_reaches_the_api_signed_or_not_once_or_twice() {
    let (api, guard, key) = stage("").await;
    for name in CLAIMS {
        let draft = || guard.draft("GET", "/v1", &key).without_body();
        let twin = name.replace('-', "_");
        let requests = [
            ("signed", draft().with(name, EVIL)),
            ("signed twice", draft().with(name, EVIL).with(name, EVIL)),
            ("added", draft().with_uncovered(name, EVIL)),
            ("added twice", draft().with_uncovered(name, EVIL).with_uncovered(name, EVIL)),
            ("signed with its twin", draft().with(name, EVIL).with(&format!("{twin}_"), EVIL)),
            ("added with its twin", draft().with_uncovered(name, EVIL).with_uncovered(&format!("{twin}_"), EVIL)),
        ];
        for (how, request) in requests {
            let sent = request.sign(&key);
            if !crate::TRANSPORT.can_say(&sent.head) {
                continue;
            }
            let answer = ask(guard.address, &sent.octets()).await;
            // Some of these stand once or not at all in a message that has one reading.
            if answer.status == 200 {
                sent.assert_answered(&key.keys.s2c, &answer);
                assert_clean(&api.only(), &format!("{how} {name}"));
            } else {
                assert_eq!(answer.code(), "malformed-request", "{how} {name}");
                assert!(api.heard().is_empty(), "{how} {name}");
            }
            api.take();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_cannot_let_a_claim_through_either() {
    let names = CLAIMS.map(|name| format!("[[route]]\npath = \"/v1\"\nforward_unsigned = [\"{name}\"]"));
    let directory = tempfile::tempdir().unwrap();
    for toml in names {
        let file = directory.path().join("guard.toml");
        std::fs::write(&file, &toml).unwrap();
        let loaded = countersign_server::config::load(countersign_server::config::Sources {
            file: Some(file),
            ..Default::default()
        });
        // What is said there in earnest is one more that is dropped.
        if let Ok(loaded) = loaded {
            assert!(loaded.config.routes.iter().count() == 1, "{toml}");
            let (api, guard, key) = stage(&toml).await;
            let name = toml.split('"').rev().nth(1).unwrap();
            let sent = guard.draft("GET", "/v1", &key).without_body().with_uncovered(name, EVIL).sign(&key);
            assert_eq!(guard.ask(&sent, &key).await.status, 200, "{toml}");
            assert_clean(&api.only(), name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_takes_no_field_away_and_smuggles_none_in() {
    if !crate::TRANSPORT.has_octets() {
        return;
    }
    let (api, guard, key) = stage("").await;
    for connection in ["Remote-User", "close, Remote-User", "keep-alive, Content-Digest", "X-Tenant", "\"Remote-User\""]
    {
        let sent = guard.draft("GET", "/v1", &key).without_body().with_uncovered("Connection", connection).sign(&key);
        assert_eq!(ask(guard.address, &sent.octets()).await.code(), "malformed-request", "{connection}");
    }
    for connection in ["close", "keep-alive", "te", "Keep-Alive, TE"] {
        let sent = guard.draft("GET", "/v1", &key).without_body().with_uncovered("Connection", connection);
        let sent = sent.with_uncovered("TE", "trailers").with_uncovered("Proxy-Connection", EVIL).sign(&key);
        assert_eq!(guard.ask(&sent, &key).await.status, 200, "{connection}");
    }
    for heard in api.heard() {
        assert_clean(&heard, "connection");
        assert_eq!(heard.names(), ["content-digest", "host", "remote-key", "remote-user"]);
    }
    assert_eq!(api.heard().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_gets_what_is_covered_what_is_inert_and_what_the_operator_names_octet_for_octet() {
    let (api, guard, key) = stage("[[route]]\npath = \"/v1\"\nforward_unsigned = [\"X-Request-Id\"]").await;
    let target = "/v1/caf%C3%A9/a%20b/100%25:x@y!$&'()*+,=~?q=%2F%2f&&a=b?c&%zz=;[]|^";
    let draft = guard.draft("PATCH", target, &key).with("Authorization", "Bearer x").with("Cookie", "a=b; c=\"d\"");
    let draft = draft.with("X-Tenant", "one").with("X-Tenant", "two,  three").with("Content-Type", "text/plain");
    let draft =
        draft.with_uncovered("Accept", "*/*").with_uncovered("X-Request-Id", "7").with_uncovered("X-Added", EVIL);
    let sent = draft.with_body(b"\x00\xffbody").sign(&key);
    assert_eq!(guard.ask(&sent, &key).await.status, 200);
    let heard = api.only();
    assert_clean(&heard, "good");
    assert_eq!(heard.line(), format!("PATCH {target} HTTP/1.1"));
    assert_eq!(heard.body, b"\x00\xffbody");
    assert_eq!(heard.lines("x-tenant"), ["one", "two,  three"]);
    assert_eq!(heard.lines("remote-key"), [key.keyid.as_str()]);
    assert_eq!(heard.lines("content-length"), ["6"]);
    let expected = [
        "accept",
        "authorization",
        "content-digest",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "remote-key",
        "remote-user",
        "x-request-id",
        "x-tenant",
        "x-tenant",
    ];
    assert_eq!(heard.names(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_beyond_ascii_is_told_in_ascii() {
    let (api, guard, _) = stage("").await;
    let key = guard.service("josé%25漢").await;
    assert_eq!(guard.get("/v1", &key).await.status, 200);
    assert_eq!(api.only().lines("remote-user"), ["jos%C3%A9%2525%E6%BC%A2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_offers_an_upgrade_is_passed_on_as_a_plain_one() {
    if !crate::TRANSPORT.has_octets() {
        return;
    }
    let (api, guard, key) = stage("").await;
    let draft = guard.draft("GET", "/v1", &key).without_body().with_uncovered("Connection", "upgrade");
    let sent = draft.with_uncovered("Upgrade", "websocket").sign(&key);
    assert_eq!(guard.ask(&sent, &key).await.status, 200);
    assert_eq!(api.only().names(), ["content-digest", "host", "remote-key", "remote-user"]);
}
