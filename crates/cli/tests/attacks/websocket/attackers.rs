//! Handshakes that nobody signed as they arrive, and octets that hope to be taken for what follows an upgrade.

use super::{CONFIGURATION, stage};
use crate::support::guard::Running;
use crate::support::signing::{Draft, Key, Sent};
use crate::support::upstream::{Act, Api};
use crate::support::wire::{Wire, ask};

/// A good handshake, still to be signed.
fn handshake(guard: &Running, key: &Key, target: &str) -> Draft {
    offer(guard, key, target, "websocket")
}

fn offer(guard: &Running, key: &Key, target: &str, protocol: &str) -> Draft {
    guard
        .draft("GET", target, key)
        .with("Connection", "Upgrade")
        .with("Upgrade", protocol)
        .with("Sec-WebSocket-Version", "13")
        .with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .without_body()
}

/// A handshake with a body, which none has.
fn with_a_body(guard: &Running, key: &Key) -> Sent {
    let draft = guard.draft("GET", "/ws", key).with("Connection", "Upgrade").with("Upgrade", "websocket");
    draft.with_body(b"x").sign(key)
}

/// An API that takes every request for the beginning of a WebSocket when it is offered one, and says so.
async fn eager() -> Api {
    Api::start(|heard| {
        if heard.lines("upgrade").is_empty() {
            return vec![Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nordinary".to_vec())];
        }
        let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nraw";
        vec![Act::Say(head.as_bytes().to_vec()), Act::Hold]
    })
    .await
}

async fn before(api: &Api) -> (Running, Key) {
    let guard = Running::before(api.address, CONFIGURATION).await;
    let key = guard.service("alice").await;
    (guard, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_signed_and_octets_pass_only_after_it() {
    let api = eager().await;
    let (guard, key) = before(&api).await;
    let sent = handshake(&guard, &key, "/ws").sign(&key);
    let mut wire = Wire::connect(guard.address).await;
    wire.send(&sent.octets()).await;
    let consent = wire.any_answer(false).await.unwrap();
    sent.assert_answered(&key.keys.s2c, &consent);
    assert_eq!(
        (consent.status, consent.field("upgrade"), consent.field("connection")),
        (101, Some("websocket"), Some("upgrade"))
    );
    assert!(consent.field("signature-input").unwrap().contains("\"sec-websocket-accept\" \"upgrade\""), "{consent}");
    assert_eq!(wire.silence().await, b"raw");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_nobody_signed_as_it_arrives_reaches_nobody() {
    let api = eager().await;
    let (guard, key) = before(&api).await;
    let unsigned = format!(
        "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        guard.authority()
    );
    let answer = ask(guard.address, unsigned.as_bytes()).await;
    assert_eq!((answer.code(), answer.field("signature")), ("unauthorized", None));

    let good = handshake(&guard, &key, "/ws").sign(&key);
    let changed: [(&str, &str, &str); 6] = [
        ("dGhlIHNhbXBsZSBub25jZQ==", "AGhlIHNhbXBsZSBub25jZQ==", "unauthorized"),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8", "unauthorized"),
        ("Upgrade: websocket", "Upgrade: h2c", "unauthorized"),
        ("/ws HTTP", "/ws/other HTTP", "unauthorized"),
        ("Upgrade: websocket\r\n", "", "malformed-request"),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", "malformed-request"),
    ];
    for (find, put, code) in changed {
        let answer = ask(guard.address, &good.replaced(find, put).octets()).await;
        assert_eq!(answer.code(), code, "{find} -> {put}");
    }
    assert!(api.heard().is_empty(), "{:?}", api.heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_counts_once() {
    let (echo, guard) = stage(CONFIGURATION).await;
    let key = guard.service("alice").await;
    let sent = handshake(&guard, &key, "/ws").sign(&key);
    let mut wire = Wire::connect(guard.address).await;
    wire.send(&sent.octets()).await;
    assert_eq!(wire.any_answer(false).await.unwrap().status, 101);
    assert_eq!(guard.ask(&sent, &key).await.code(), "replayed");
    echo.only_handshake();
}

/// What looks like a handshake and is none: served as the ordinary request that it is, offer and all left out, and what
/// follows on the connection is HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn every_other_offer_is_passed_over_and_leads_nowhere() {
    let api = eager().await;
    let (guard, key) = before(&api).await;
    let plain = |target| guard.draft("GET", target, &key).without_body();
    let offers: Vec<(&str, Sent)> = vec![
        ("another protocol", offer(&guard, &key, "/ws", "h2c").sign(&key)),
        ("one of several", offer(&guard, &key, "/ws", "websocket, h2c").sign(&key)),
        ("several lines", handshake(&guard, &key, "/ws").with("Upgrade", "h2c").sign(&key)),
        ("another version of it", offer(&guard, &key, "/ws", "websocket/13").sign(&key)),
        ("a route that has not opted in", handshake(&guard, &key, "/wsx").sign(&key)),
        ("an address of ours", handshake(&guard, &key, "/api/auth/whoami").sign(&key)),
        ("another method", Draft { method: "OPTIONS".to_owned(), ..handshake(&guard, &key, "/ws") }.sign(&key)),
        ("a body", with_a_body(&guard, &key)),
        ("no Connection", handshake(&guard, &key, "/ws").sign(&key).replaced("Connection: Upgrade\r\n", "")),
        (
            "Connection without it",
            handshake(&guard, &key, "/ws").sign(&key).replaced("Connection: Upgrade", "Connection: keep-alive"),
        ),
        (
            "an offer that somebody has added",
            plain("/ws").with_uncovered("Connection", "upgrade").with_uncovered("Upgrade", "websocket").sign(&key),
        ),
    ];
    for (what, sent) in offers {
        let smuggled = format!("GET /smuggled HTTP/1.1\r\nHost: {}\r\n\r\n\0\x01raw", guard.authority());
        let mut wire = Wire::connect(guard.address).await;
        wire.send(&[&sent.octets(), smuggled.as_bytes()].concat()).await;
        let first = wire.answer().await.unwrap();
        sent.assert_answered(&key.keys.s2c, &first);
        assert_eq!(first.status, 200, "{what}: {first}");
        assert_eq!(wire.answer().await.unwrap().code(), "unauthorized", "{what}");
        assert_eq!(wire.answer().await.unwrap().code(), "malformed-request", "{what}");
        for heard in api.take() {
            assert_eq!((heard.lines("upgrade"), heard.lines("connection")), (vec![], vec![]), "{what}: {heard:?}");
            assert!(!heard.line().contains("smuggled"), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_no_stream_where_answers_may_be_streamed() {
    let api = eager().await;
    let toml = "[[route]]\npath = \"/ws\"\nwebsocket = true\nstream = true\n";
    let guard = Running::before(api.address, toml).await;
    let key = guard.service("alice").await;
    let sent = handshake(&guard, &key, "/ws").with("Countersign-Accept-Stream", "1").sign(&key);
    let mut wire = Wire::connect(guard.address).await;
    wire.send(&sent.octets()).await;
    let consent = wire.any_answer(false).await.unwrap();
    sent.assert_answered(&key.keys.s2c, &consent);
    assert_eq!((consent.status, consent.field("countersign-stream")), (101, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_version_of_http_has_no_websockets() {
    let api = eager().await;
    let (guard, key) = before(&api).await;
    let sent = handshake(&guard, &key, "/ws").sign(&key).replaced("HTTP/1.1", "HTTP/1.0");
    assert_eq!(guard.ask(&sent, &key).await.body, b"ordinary");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_route_opens_no_websocket_to_those_who_sign_nothing() {
    let api = eager().await;
    let toml = "[[route]]\npath = \"/ws\"\nwebsocket = true\naccept = \"danger-anyone\"\n";
    let guard = Running::before(api.address, toml).await;
    let request =
        format!("GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", guard.authority());
    assert_eq!(ask(guard.address, request.as_bytes()).await.body, b"ordinary");
    assert!(api.only().lines("upgrade").is_empty());
    let key = guard.service("alice").await;
    let mut wire = Wire::connect(guard.address).await;
    wire.send(&handshake(&guard, &key, "/ws").sign(&key).octets()).await;
    assert_eq!(wire.any_answer(false).await.unwrap().status, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_of_the_api_that_nobody_asked_for_goes_no_further() {
    for (asked, upgrade) in [(false, "websocket"), (true, "h2c"), (true, "websocket, h2c")] {
        let api = Api::start(move |_| {
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\
                 Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nsmuggled"
            );
            vec![Act::Say(head.into_bytes()), Act::Hold]
        });
        let api = api.await;
        let (guard, key) = before(&api).await;
        let draft = handshake(&guard, &key, if asked { "/ws" } else { "/other" });
        let sent = draft.sign(&key);
        let mut wire = Wire::connect(guard.address).await;
        wire.send(&sent.octets()).await;
        let answer = wire.any_answer(false).await.unwrap();
        sent.assert_answered(&key.keys.s2c, &answer);
        assert_eq!(answer.code(), "bad-gateway", "{upgrade}");
        assert_eq!(wire.silence().await, b"", "{upgrade}");
    }
}
