//! Bodies: taken in whole, compared with their digest, and only then handed on.

use countersign_core::signature::sha256_digest_field;

use crate::support::guard::Running;
use crate::support::signing::{Draft, Key};
use crate::support::upstream::Api;
use crate::support::wire::Wire;

async fn stage(toml: &str) -> (Api, Running, Key) {
    let api = Api::content().await;
    let guard = Running::before(api.address, toml).await;
    let key = guard.service("alice").await;
    (api, guard, key)
}

/// A body in which no part is like another.
fn body(length: usize) -> Vec<u8> {
    (0..length as u64).map(|place| (place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_arrives_as_it_was_signed_in_memory_or_spooled() {
    const KIB: usize = 1_024;
    let (api, guard, key) = stage("").await;
    for length in [0, 1, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, 3 * 1_024 * KIB + 7] {
        let body = body(length);
        let digest = sha256_digest_field(&body);
        let sent = guard.draft("PUT", "/v1", &key).with_body(&body).sign(&key);
        assert_eq!(guard.ask(&sent, &key).await.status, 200, "{length}");
        let heard = api.only();
        assert_eq!((heard.body.len(), sha256_digest_field(&heard.body)), (length, digest), "{length}");
        assert_eq!(heard.lines("content-length"), [length.to_string()]);
        api.take();
    }
    let left = std::fs::read_dir(guard.data()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = left.filter(|name| !name.starts_with("countersign.db")).collect();
    assert!(
        left.iter().all(|name| ["kek", "lock", "control.sock", "control", "events-heads"].contains(&name.as_str())),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spooled_body_that_is_not_the_one_that_was_signed_never_reaches_the_api() {
    let (api, guard, key) = stage("").await;
    let mut sent = guard.draft("PUT", "/v1", &key).with_body(&body(1 << 20)).sign(&key);
    *sent.body.last_mut().unwrap() ^= 1;
    assert_eq!(guard.ask(&sent, &key).await.code(), "digest-mismatch");
    assert!(api.heard().is_empty());
    assert_eq!(guard.ask(&sent, &key).await.code(), "replayed", "the nonce is used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_a_signed_413_and_uses_its_nonce_up() {
    let (api, guard, key) = stage("max_body = \"1 MiB\"\n[[route]]\npath = \"/small\"\nmax_body = \"10 B\"").await;
    for (target, length, passes) in [
        ("/v1", 1 << 20, true),
        ("/v1", (1 << 20) + 1, false),
        ("/small/x", 10, true),
        ("/small/x", 11, false),
        ("/smaller", 11, true),
    ] {
        let body = body(length);
        let sent = guard.draft("PUT", target, &key).with_body(&body).sign(&key);
        let answer = guard.ask(&sent, &key).await;
        assert_eq!(answer.status == 200, passes, "{target} {length}");
        if !passes {
            assert_eq!(answer.code(), "too-large");
            assert_eq!(guard.ask(&sent, &key).await.code(), "replayed");
            // One that does not say how long it is, is found out.
            let chunk = [format!("{length:x}\r\n").as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
            let mut chunked = guard.draft("PUT", target, &key).with("Content-Digest", &sha256_digest_field(&body));
            chunked.uncovered.push(("Transfer-Encoding".to_owned(), "chunked".to_owned()));
            let chunked = Draft { body: chunk, ..chunked }.sign(&key);
            assert_eq!(guard.ask(&chunked, &key).await.code(), "too-large");
        }
    }
    assert_eq!(api.heard().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_is_16_mib_where_nobody_says_otherwise() {
    let (api, guard, key) = stage("").await;
    for (length, code) in [(16 << 20, None), ((16 << 20) + 1, Some("too-large"))] {
        let mut draft =
            guard.draft("PUT", "/v1", &key).with("Content-Digest", &sha256_digest_field(b"nothing like it"));
        draft.uncovered.push(("Content-Length".to_owned(), length.to_string()));
        draft.uncovered.push(("Expect".to_owned(), "100-continue".to_owned()));
        let sent = draft.sign(&key);
        if code.is_none() && !crate::TRANSPORT.has_octets() {
            // hyper has no interim answers in HTTP/2; a client that waited for one goes on by itself.
            continue;
        }
        let mut wire = Wire::connect(guard.address).await;
        wire.send(&sent.octets()).await;
        let first = wire.any_answer(false).await.unwrap();
        match code {
            Some(code) => assert_eq!(first.code(), code),
            None => assert_eq!(first.status, 100, "now, and not before, the body is wanted"),
        }
    }
    assert!(api.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stays_away_is_a_signed_408() {
    let (api, guard, key) = stage("[limits]\nbody_seconds = 1").await;
    let mut sent = guard.draft("PUT", "/v1", &key).with_body(b"0123456789").sign(&key);
    sent.body.truncate(5);
    assert_eq!(guard.ask(&sent, &key).await.code(), "request-timeout");
    assert!(api.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_body_is_the_next_message_and_has_to_be_signed_itself() {
    let (api, guard, key) = stage("").await;
    let sent = guard.draft("POST", "/v1", &key).with_body(b"{}").sign(&key);
    let smuggled = format!("GET /smuggled HTTP/1.1\r\nHost: {}\r\n\r\n", guard.authority());
    let mut wire = Wire::connect(guard.address).await;
    wire.send(&[sent.octets(), smuggled.into_bytes()].concat()).await;
    let first = wire.answer().await.unwrap();
    sent.assert_answered(&key.keys.s2c, &first);
    let second = wire.answer().await.unwrap();
    assert_eq!((first.status, second.code(), second.field("signature")), (200, "unauthorized", None));
    assert_eq!(api.only().line(), "POST /v1 HTTP/1.1");
}
