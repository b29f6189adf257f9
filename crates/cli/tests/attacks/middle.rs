//! Somebody in the middle, between a client and the guard: what they change, keep, swap or make up is not believed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign_client::conversation::Conversation;
use countersign_client::{Answer as Verified, CallError, Client, Credentials, Server};
use http::{HeaderMap, Method};

use crate::support::guard::Running;
use crate::support::signing::Key;
use crate::support::upstream::{Act, Api, Heard, answer, ok};
use crate::support::wire::{Answer, Wire, ask};

/// What becomes of an answer on its way.
type Change = fn(&mut Middle, &Heard, Answer) -> Vec<u8>;

/// What somebody in the middle remembers.
struct Middle {
    guard: SocketAddr,
    earlier: Vec<Answer>,
}

/// A relay in front of the guard that changes answers.
async fn relay(guard: SocketAddr, change: Change) -> Api {
    let middle = Arc::new(Mutex::new(Middle { guard, earlier: Vec::new() }));
    Api::start(move |heard| {
        let octets = [heard.head.as_bytes(), &heard.body].concat();
        let answer = at_once(ask(guard, &octets));
        let mut middle = middle.lock().unwrap();
        let changed = change(&mut middle, heard, answer.clone());
        middle.earlier.push(answer);
        vec![Act::Say(changed), Act::Close]
    })
    .await
}

/// Waits here, on a thread that may.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

fn client(relay: &Api, guard: &Running, key: &Key) -> Client {
    let authority = guard.authority().parse().unwrap();
    let credentials = Credentials::new(authority, key.keyid.parse().unwrap(), &key.root);
    let server = Server::parse(&format!("http://{}", relay.address)).unwrap();
    Client::new(server, Conversation::new(credentials, 0)).unwrap()
}

async fn call(client: &Client, target: &str) -> Result<Verified, CallError> {
    client.call(&Method::GET, target, HeaderMap::new(), Bytes::new()).await
}

fn replaced(answer: &Answer, find: &str, put: &str) -> Vec<u8> {
    let text = String::from_utf8(answer.octets.clone()).unwrap();
    assert!(text.contains(find), "{find} is not in {text}");
    text.replacen(find, put, 1).into_bytes()
}

/// The request as its own answer, with the fields that it was signed by.
fn echoed(heard: &Heard, tag: &str) -> Vec<u8> {
    let (_, fields) = heard.head.split_once("\r\n").unwrap();
    format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{}", fields.replace("countersign-req-1", tag)).into_bytes()
}

const CHANGES: [(&str, Change, &str); 15] = [
    ("a refusal made a success", |_, _, answer| replaced(&answer, "403 Forbidden", "200 OK"), "bad-mac"),
    ("another body", |_, _, answer| replaced(&answer, "no entry", "come in!"), "digest"),
    (
        "another body with its digest",
        |_, _, answer| {
            let digest = countersign_core::signature::sha256_digest_field(b"come in!");
            let octets = replaced(&answer, answer.field("content-digest").unwrap(), &digest);
            String::from_utf8(octets).unwrap().replace("no entry", "come in!").into_bytes()
        },
        "bad-mac",
    ),
    ("another field", |_, _, answer| replaced(&answer, "x-level: low", "x-level: top"), "bad-mac"),
    ("a field taken away", |_, _, answer| replaced(&answer, "x-level: low\r\n", ""), "bad-mac"),
    ("a covered field twice", |_, _, answer| replaced(&answer, "x-level:", "x-level: no\r\nx-level:"), "bad-mac"),
    ("another time", |_, _, answer| replaced(&answer, "countersign-time: 1", "countersign-time: 2"), "bad-mac"),
    ("no signature", |_, _, answer| replaced(&answer, "\r\nsignature:", "\r\nx-was:"), "missing-signature"),
    ("a MAC of zeros", |_, _, answer| replaced(&answer, "\r\nsignature: cs=:", "\r\nsignature: cs=:AAAA"), "bad-mac"),
    (
        "an error that nobody signed",
        |_, _, _| b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "missing-signature",
    ),
    ("the request as its answer", |_, heard, _| echoed(heard, "countersign-req-1"), "missing-signature"),
    (
        "the request as its answer, with the tag of answers",
        |_, heard, _| echoed(heard, "countersign-res-1"),
        "wrong-request",
    ),
    (
        "the answer to an earlier request",
        |middle, _, answer| middle.earlier.first().unwrap_or(&answer).octets.clone(),
        "wrong-request",
    ),
    (
        "the genuine refusal of a spoilt copy",
        |middle, heard, _| {
            let (before, mac) = heard.head.split_once("cs=:").unwrap();
            let spoilt = format!("{before}cs=:{}{}", if mac.starts_with('A') { "B" } else { "A" }, &mac[1..]);
            at_once(ask(middle.guard, spoilt.as_bytes())).octets
        },
        "wrong-request",
    ),
    ("cut off", |_, _, answer| answer.octets[..answer.octets.len() - 2].to_vec(), "truncated"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_client_believes_nothing_but_the_genuine_answer() {
    let api = Api::start(|_| answer("403 Forbidden", "X-Level: low\r\n", b"no entry")).await;
    let guard = Running::before(api.address, "").await;
    let key = guard.service("alice").await;
    for (what, change, class) in CHANGES {
        let relay = relay(guard.address, change).await;
        let client = client(&relay, &guard, &key);
        let mut outcome = call(&client, "/v1").await;
        if what.contains("earlier") {
            assert_eq!(outcome.unwrap().verified.status, 403, "the first is genuine");
            outcome = call(&client, "/v1").await;
        }
        match outcome {
            Err(CallError::Interference(found)) => assert_eq!(found.as_str(), class, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_middle_adds_is_not_shown_and_spoils_nothing() {
    let api = Api::start(|_| answer("200 OK", "X-Level: low\r\n", b"come in")).await;
    let guard = Running::before(api.address, "").await;
    let key = guard.service("alice").await;
    let adding: Change =
        |_, _, answer| replaced(&answer, "\r\n", "\r\nvia: middle\r\nset-cookie: evil=1\r\nserver: x\r\n");
    let relay = relay(guard.address, adding).await;
    let verified = call(&client(&relay, &guard, &key), "/v1").await.unwrap().verified;
    assert_eq!((verified.status.as_u16(), &*verified.body), (200, b"come in".as_slice()));
    assert!(verified.headers.contains_key("x-level"));
    assert!(["via", "set-cookie", "server"].iter().all(|name| !verified.headers.contains_key(*name)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_copied_learns_that_it_was_replayed() {
    let api = Api::content().await;
    let guard = Running::before(api.address, "").await;
    let key = guard.service("alice").await;
    // The copy goes first, and the client gets the genuine answer to its own.
    let copying: Change = |middle, heard, _| at_once(ask(middle.guard, heard.head.as_bytes())).octets;
    let relay = relay(guard.address, copying).await;
    match call(&client(&relay, &guard, &key), "/v1").await {
        Err(CallError::Interference(found)) => assert_eq!(found.as_str(), "replayed"),
        other => panic!("{other:?}"),
    }
    assert_eq!(api.heard().len(), 1, "it has run once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_back_as_a_request_is_refused() {
    let api = Api::content().await;
    let guard = Running::before(api.address, "").await;
    let key = guard.service("alice").await;
    let answer = guard.get("/v1", &key).await;
    api.take();
    let (input, signature) = (answer.field("signature-input").unwrap(), answer.field("signature").unwrap());
    let bare = input.replace(";req", "").replace("\"@status\" ", "").replace("countersign-res-1", "countersign-req-1");
    for input in [input, &input.replace("countersign-res-1", "countersign-req-1"), &bare] {
        let mut head = format!("GET /v1 HTTP/1.1\r\nHost: {}\r\n", guard.authority());
        for name in ["content-type", "content-digest", "cache-control", "countersign-time", "countersign-request"] {
            if let Some(value) = answer.field(name) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str(&format!("signature-input: {input}\r\nsignature: {signature}\r\n\r\n"));
        let refusal = ask(guard.address, head.as_bytes()).await;
        assert!(matches!(refusal.code(), "malformed-request" | "unauthorized"), "{refusal}");
    }
    assert!(api.heard().is_empty());
}

/// A transfer by this client; it gets a key by itself.
async fn transfer(client: &Client) -> Result<Verified, CallError> {
    client.call(&Method::POST, "/transfers", HeaderMap::new(), Bytes::from_static(b"25 to bob")).await
}

/// The line is cut after the API has acted: as its answer comes by, or while it still works.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_answer_is_kept_back_acts_once_and_its_client_gets_the_answer() {
    let api = Api::start(|_| vec![Act::Wait(Duration::from_millis(300)), ok(b"done").remove(0)]).await;
    let guard = Running::before(api.address, "").await;
    let key = guard.service("alice").await;
    for cuts_while_it_works in [false, true] {
        api.take();
        let relay = cutting_once(guard.address, cuts_while_it_works).await;
        let answer = transfer(&client(&relay, &guard, &key)).await.unwrap();
        assert_eq!((answer.verified.status.as_u16(), &*answer.verified.body), (200, b"done".as_slice()));
        assert!(answer.answer_was_lost);
        assert_eq!(answer.verified.headers["idempotent-replayed"], "true");
        api.only();
        let [first, second, ..] = &relay.heard()[..] else { panic!("it came twice") };
        assert_eq!(first.lines("idempotency-key"), second.lines("idempotency-key"));
        assert_ne!(first.lines("signature"), second.lines("signature"));
    }
}

/// A relay that cuts its first connection when the request is through.
async fn cutting_once(guard: SocketAddr, while_it_works: bool) -> Api {
    let has_cut = Mutex::new(false);
    Api::start(move |heard| {
        let octets = [heard.head.as_bytes(), &heard.body].concat();
        let cuts = !std::mem::replace(&mut *has_cut.lock().unwrap(), true);
        if cuts && while_it_works {
            at_once(async {
                let mut wire = Wire::connect(guard).await;
                wire.send(&octets).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            });
            return vec![Act::Close];
        }
        let answer = at_once(ask(guard, &octets));
        if cuts { vec![Act::Close] } else { vec![Act::Say(answer.octets), Act::Close] }
    })
    .await
}

/// Whoever keeps answers back cannot do it for ever, and gains nothing by it but the key's user's patience.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_answers_are_all_kept_back_acts_once_too() {
    let api = Api::content().await;
    let guard = Running::before(api.address, "").await;
    let key = guard.service("alice").await;
    let relay = relay(guard.address, |_, _, _| Vec::new()).await;
    for _ in 0..2 {
        let headers = HeaderMap::from_iter([("idempotency-key".parse().unwrap(), "\"1\"".parse().unwrap())]);
        let client = client(&relay, &guard, &key);
        let outcome = client.call(&Method::POST, "/transfers", headers, Bytes::new()).await;
        assert!(outcome.unwrap_err().lost_the_answer());
    }
    assert_eq!(relay.heard().len(), 4);
    api.only();
}

/// He has recorded a request and its answer. The answer that is kept under the key is not to be had by sending the
/// request again, nor by signing another one for it with a key of his own.
#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_request_does_not_fetch_the_answer_that_is_kept() {
    let api = Api::content().await;
    let guard = Running::before(api.address, "").await;
    let (alice, eve) = (guard.service("alice").await, guard.service("eve").await);
    let draft = |key| guard.draft("POST", "/transfers", key).with("idempotency-key", "\"1\"").with_body(b"25 to bob");
    let recorded = draft(&alice).sign(&alice);
    assert_eq!(guard.ask(&recorded, &alice).await.body, b"done");
    assert_eq!(guard.ask(&recorded, &alice).await.code(), "replayed");
    api.take();
    assert_eq!(guard.ask(&draft(&eve).sign(&eve), &eve).await.field("idempotent-replayed"), None);
    api.only();
}
