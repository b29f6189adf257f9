use std::time::Duration;

use countersign_core::signature::sha256_digest_field;
use countersign_core::stream::{FrameSigner, MOST_DATA};
use countersign_server::service::control::RevokeKey;

use super::api::Api;
use super::{ROUTE, frames_of, upload, with_body};
use crate::support::guard::Running;
use crate::support::signing::{Key, Sent};
use crate::support::wire::{Answer, Wire, ask};

const DATA: [&[u8]; 3] = [b"one of three, ", b"two of three, ", b"three of three"];

async fn started() -> (Api, Running, Key) {
    let api = Api::start().await;
    let guard = Running::before(api.address, ROUTE).await;
    let key = guard.service("alice").await;
    (api, guard, key)
}

/// Sends an upload with this body; the answer is signed for it.
async fn sent_with(guard: &Running, key: &Key, sent: &Sent, body: &[u8]) -> Answer {
    let answer = ask(guard.address, &with_body(sent, body)).await;
    sent.assert_answered(&key.keys.s2c, &answer);
    answer
}

fn good(signer: FrameSigner) -> Vec<Vec<u8>> {
    let mut signer = signer;
    let mut frames: Vec<_> = DATA.iter().map(|data| signer.sign(data)).collect();
    frames.push(signer.finish(b""));
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_gets_the_data_and_nothing_of_the_stream_that_carried_them() {
    let (api, guard, key) = started().await;
    let sent = upload(&guard, &key, "/s/up").with("Content-Type", "text/x-log").sign(&key);
    let answer = sent_with(&guard, &key, &sent, &good(frames_of(&sent, &key)).concat()).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"42 octets".as_slice()));
    let got = api.next().await;
    assert_eq!((got.start, got.whole), (DATA.concat(), true));
    let mut names: Vec<_> = got.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "host", "remote-key", "remote-user", "transfer-encoding"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_under_an_idempotency_key_is_refused_before_the_api_sees_any_of_it() {
    let (api, guard, key) = started().await;
    let keyed = upload(&guard, &key, "/s/up").with("Idempotency-Key", "\"1\"").sign(&key);
    let answer = sent_with(&guard, &key, &keyed, &frames_of(&keyed, &key).finish(b"under a key")).await;
    assert_eq!(answer.status, 400, "{answer}");
    assert!(String::from_utf8_lossy(&answer.body).contains("urn:countersign:malformed-request"), "{answer}");
    let sent = upload(&guard, &key, "/s/up").sign(&key);
    sent_with(&guard, &key, &sent, &good(frames_of(&sent, &key)).concat()).await;
    assert_eq!(api.next().await.start, DATA.concat(), "the first that got there");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_may_be_cut_into_chunks_of_any_size() {
    let (api, guard, key) = started().await;
    for size in [1, 3, 5, 21, 40, 1_000] {
        let sent = upload(&guard, &key, "/s/up").sign(&key);
        let body = good(frames_of(&sent, &key)).concat();
        let mut octets = sent.head.strip_suffix("\r\n").unwrap().as_bytes().to_vec();
        octets.extend(b"Transfer-Encoding: chunked\r\n\r\n");
        for chunk in body.chunks(size) {
            octets.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            octets.extend(chunk);
            octets.extend(b"\r\n");
        }
        octets.extend(b"0\r\n\r\n");
        let answer = ask(guard.address, &octets).await;
        sent.assert_answered(&key.keys.s2c, &answer);
        assert_eq!(answer.status, 200, "{size}: {answer}");
        assert_eq!(api.next().await.start, DATA.concat(), "{size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_tampered_with_has_no_clean_end_and_the_api_gets_what_is_verified_and_no_more() {
    let (api, guard, key) = started().await;
    let other = frames_of(&upload(&guard, &key, "/s/up").sign(&key), &key);
    let other = good(other);
    type Tamper<'a> = &'a dyn Fn(&[Vec<u8>], &Sent) -> Vec<u8>;
    let reflected = |_: &[Vec<u8>], sent: &Sent| {
        let message = sent.signature.clone().try_into().unwrap();
        good(FrameSigner::new(key.root.stream_pair(&key.keyid).s2c, message)).concat()
    };
    let changed = |frames: &[Vec<u8>], _: &Sent| {
        let mut body = frames.concat();
        body[frames[0].len() + 6] ^= 1;
        body
    };
    let cases: [(&str, Tamper<'_>, usize); 11] = [
        ("the final frame is missing", &|frames, _| frames[..3].concat(), 3),
        ("cut off in a frame", &|frames, _| frames.concat()[..50].to_vec(), 1),
        ("no frame at all", &|_, _| Vec::new(), 0),
        ("an octet after the final frame", &|frames, _| [frames.concat(), vec![0]].concat(), 3),
        ("the final frame twice", &|frames, _| [frames.concat(), frames[3].clone()].concat(), 3),
        ("two frames swapped", &|frames, _| [&frames[1], &frames[0], &frames[2]].map(Clone::clone).concat(), 0),
        ("a frame twice", &|frames, _| [&frames[0], &frames[0], &frames[1]].map(Clone::clone).concat(), 1),
        ("an octet changed", &changed, 1),
        ("a frame of another upload", &|frames, _| [&frames[0], &other[1]].map(Clone::clone).concat(), 1),
        ("frames of an answer", &reflected, 0),
        ("a frame that would be too long", &|frames, _| [&frames[0][..], &[0, 1, 0, 1, 0]].concat(), 1),
    ];
    for (what, tamper, count) in cases {
        let sent = upload(&guard, &key, "/s/up").sign(&key);
        let frames = good(frames_of(&sent, &key));
        let answer = sent_with(&guard, &key, &sent, &tamper(&frames, &sent)).await;
        assert_eq!(answer.code(), "stream-broken", "{what}");
        for got in api.all() {
            assert!(!got.whole, "{what}: the API took it for whole");
            assert!(DATA[..count].concat().starts_with(&got.start), "{what}: {:?}", got.start);
        }
    }
    let sent = upload(&guard, &key, "/s/up").sign(&key);
    assert_eq!(sent_with(&guard, &key, &sent, &good(frames_of(&sent, &key)).concat()).await.status, 200);
    assert_eq!(api.all().iter().filter(|got| got.whole).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_where_none_is_taken_is_refused_before_the_api_sees_it_and_does_not_run_later() {
    let (api, guard, key) = started().await;
    let sent = upload(&guard, &key, "/up").sign(&key);
    let body = good(frames_of(&sent, &key)).concat();
    assert_eq!(sent_with(&guard, &key, &sent, &body).await.code(), "unsupported-type");
    assert_eq!(sent_with(&guard, &key, &sent, &body).await.code(), "replayed");
    let own = upload(&guard, &key, "/api/auth/whoami").sign(&key);
    assert_eq!(sent_with(&guard, &key, &own, b"").await.code(), "unsupported-type");
    assert!(api.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_adds_or_takes_away_the_mark_of_a_stream_changes_nothing_but_a_refusal() {
    let (api, guard, key) = started().await;
    let whole = guard.draft("PUT", "/s/up", &key).with_body(b"in one piece");
    let marked = whole.with_uncovered("Countersign-Stream", "1").with_uncovered("Countersign-Accept-Stream", "1");
    let answer = guard.ask(&marked.sign(&key), &key).await;
    assert_eq!((answer.status, answer.field("countersign-stream")), (200, None), "a body stays a body");
    assert_eq!(api.next().await.start, b"in one piece");

    let sent = upload(&guard, &key, "/s/up").sign(&key);
    let stripped = sent.replaced("Countersign-Stream: 1\r\n", "");
    let refusal = ask(guard.address, &with_body(&stripped, &good(frames_of(&sent, &key)).concat())).await;
    assert_eq!(refusal.code(), "malformed-request");

    let digest = sha256_digest_field(b"plain");
    let added = upload(&guard, &key, "/s/up").with_uncovered("Content-Digest", &digest).sign(&key);
    assert_eq!(sent_with(&guard, &key, &added, b"plain").await.code(), "stream-broken", "a stream stays a stream");

    let both = upload(&guard, &key, "/s/up").with("Content-Digest", &digest).sign(&key);
    assert_eq!(ask(guard.address, &with_body(&both, b"plain")).await.code(), "malformed-request");
    assert!(api.all().iter().all(|got| !got.whole && got.length == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_limits_the_data_of_a_stream_whatever_the_frames_add() {
    let api = Api::start().await;
    let guard = Running::before(api.address, &format!("{ROUTE}max_stream = 42")).await;
    let key = guard.service("alice").await;
    let sent = upload(&guard, &key, "/s/up").sign(&key);
    assert_eq!(sent_with(&guard, &key, &sent, &good(frames_of(&sent, &key)).concat()).await.status, 200);
    assert!(api.next().await.whole);
    let sent = upload(&guard, &key, "/s/up").sign(&key);
    let body = frames_of(&sent, &key).finish(&[0; 43]);
    assert_eq!(sent_with(&guard, &key, &sent, &body).await.code(), "too-large");
    assert!(api.all().iter().all(|got| !got.whole && got.length == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_ends_with_its_key() {
    let (api, guard, key) = started().await;
    let sent = upload(&guard, &key, "/s/up").sign(&key);
    let mut signer = frames_of(&sent, &key);
    let first = signer.sign(b"before, ");
    let rest = signer.finish(b"after");
    let octets = with_body(&sent, &[first.clone(), rest.clone()].concat());
    let mut wire = Wire::connect(guard.address).await;
    wire.send(&octets[..octets.len() - rest.len()]).await;
    api.has_got(8).await;
    guard.operate(RevokeKey { keyid: key.keyid.clone() }).await;
    let got = api.next().await;
    assert_eq!((got.start.as_slice(), got.whole), (b"before, ".as_slice(), false), "it ends without another octet");
    let answer = wire.answer().await.unwrap();
    sent.assert_answered(&key.keys.s2c, &answer);
    assert_eq!(answer.code(), "unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_take_a_fixed_part_of_the_memory_for_bodies_and_give_it_back() {
    let api = Api::start().await;
    let limits = "max_buffered = \"1 MiB\"\nmax_signed_response = \"64 KiB\"\n";
    let guard = Running::before(api.address, &format!("{limits}{ROUTE}")).await;
    let key = guard.service("alice").await;
    let mut open = Vec::new();
    for number in 1..=7 {
        let sent = upload(&guard, &key, "/s/up").sign(&key);
        let mut signer = frames_of(&sent, &key);
        let first = signer.sign(b"x");
        let octets = with_body(&sent, &[first, signer.finish(b"")].concat());
        let mut wire = Wire::connect(guard.address).await;
        wire.send(&octets[..octets.len() - 21]).await;
        api.has_got(number).await;
        open.push((wire, octets, sent));
    }
    let sent = upload(&guard, &key, "/s/up").sign(&key);
    let body = frames_of(&sent, &key).finish(&[7; MOST_DATA]);
    assert_eq!(sent_with(&guard, &key, &sent, &body).await.code(), "unavailable", "eight would be more than there is");
    for (mut wire, octets, sent) in open {
        wire.send(&octets[octets.len() - 21..]).await;
        let answer = wire.answer().await.unwrap();
        sent.assert_answered(&key.keys.s2c, &answer);
        assert_eq!(answer.status, 200);
    }
    let sent = upload(&guard, &key, "/s/up").sign(&key);
    let body = frames_of(&sent, &key).finish(&[7; MOST_DATA]);
    assert_eq!(sent_with(&guard, &key, &sent, &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_may_take_longer_than_an_api_may_take_to_answer() {
    let api = Api::start().await;
    let guard = Running::before(api.address, &format!("upstream_timeout_seconds = 1\n{ROUTE}")).await;
    let key = guard.service("alice").await;
    let sent = upload(&guard, &key, "/s/up").sign(&key);
    let mut signer = frames_of(&sent, &key);
    let first = signer.sign(b"x");
    let octets = with_body(&sent, &[first, signer.finish(b"")].concat());
    let (before, last) = octets.split_at(octets.len() - 21);
    let mut wire = Wire::connect(guard.address).await;
    wire.send(before).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    wire.send(last).await;
    let answer = wire.answer().await.unwrap();
    sent.assert_answered(&key.keys.s2c, &answer);
    assert_eq!(answer.status, 200);
}
