//! Requests whose answer got lost, and the key under which they come again.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake_guard;

use bytes::Bytes;
use countersign_client::{
    Answer, CallError, Client, Conversation, IdempotencyKey, Interference, Network, Server, SignAndVerify,
};
use countersign_core::problem::Problem;
use countersign_core::time::Timestamp;
use http::{HeaderMap, HeaderValue, Method};
use reqwest::redirect::Policy;

use fake_guard::{FakeGuard, Heard, Reply, Signer, now};

/// A guard that answers the first requests in these ways and every later one honestly.
fn guard<const N: usize>(first: [fn(&Heard) -> Vec<u8>; N]) -> FakeGuard {
    FakeGuard::start(move |heard, count| first.get(count).map_or_else(|| honest(heard), |answer| answer(heard)))
}

fn honest(heard: &Heard) -> Vec<u8> {
    Signer::new(7).judge(heard, Reply::json("{}"), now()).octets()
}

fn lost(_: &Heard) -> Vec<u8> {
    Vec::new()
}

fn cut(heard: &Heard) -> Vec<u8> {
    let octets = honest(heard);
    octets[..octets.len() - 1].to_vec()
}

fn unsigned(status: u16) -> Vec<u8> {
    Reply::new(status, "text/html", b"<h1>nginx</h1>").octets()
}

fn in_flight(heard: &Heard) -> Vec<u8> {
    let reply = Reply::problem(&Problem::IN_FLIGHT).with("retry-after", "0");
    Signer::new(7).judge(heard, reply, now()).octets()
}

fn client(guard: &FakeGuard) -> Client {
    let server = Server::parse(&guard.url("")).unwrap();
    Client::new(server, Conversation::new(Signer::new(7).credentials(&guard.address.to_string()), 0)).unwrap()
}

async fn send(client: &Client, method: Method) -> Result<Answer, CallError> {
    client.call(&method, "/transfers", HeaderMap::new(), Bytes::from_static(b"25 to bob")).await
}

fn keys(guard: &FakeGuard) -> Vec<Option<String>> {
    guard.requests().iter().map(|heard| heard.field("idempotency-key").map(str::to_owned)).collect()
}

#[tokio::test]
async fn every_request_that_changes_something_has_a_key_of_its_own_and_no_other_has_one() {
    let guard = guard([]);
    let client = client(&guard);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        assert!(!send(&client, method).await.unwrap().answer_was_lost);
    }
    let mut drawn: Vec<IdempotencyKey> = keys(&guard).into_iter().map(|key| key.unwrap().parse().unwrap()).collect();
    assert!(drawn.iter().all(|key| key.name().len() == 22), "128 bits: {drawn:?}");
    drawn.dedup();
    assert_eq!(drawn.len(), 4);
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        send(&client, method.clone()).await.ok();
        assert_eq!(keys(&guard).pop().unwrap(), None, "{method}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_once_more_under_the_same_key_and_a_new_nonce() {
    for first in [lost, cut, |_: &Heard| unsigned(502), |_: &Heard| unsigned(504)] {
        let guard = guard([first]);
        let answer = send(&client(&guard), Method::POST).await.unwrap();
        assert_eq!((answer.verified.status.as_u16(), answer.answer_was_lost, answer.retried), (200, true, false));
        let [one, two] = &guard.requests()[..] else { panic!("two requests") };
        assert!(one.field("idempotency-key").is_some());
        assert_eq!(one.field("idempotency-key"), two.field("idempotency-key"));
        assert_eq!(one.body, two.body);
        assert_ne!(one.nonce(), two.nonce());
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_twice_is_not_asked_for_a_third_time() {
    let guard = guard([lost, lost]);
    let error = send(&client(&guard), Method::POST).await.unwrap_err();
    assert!(matches!(error, CallError::Network(Network::NoAnswer(_))), "{error:?}");
    assert_eq!(guard.requests().len(), 2);
}

#[tokio::test]
async fn a_request_without_a_key_is_sent_once() {
    let guard = guard([lost, lost]);
    let client = client(&guard);
    send(&client, Method::GET).await.unwrap_err();
    assert_eq!(guard.requests().len(), 1, "what changes nothing is for the caller to repeat");
    send(&client.without_idempotency_keys(), Method::POST).await.unwrap_err();
    assert_eq!(keys(&guard), [None, None]);
}

#[tokio::test]
async fn a_key_that_the_caller_has_set_is_kept() {
    let guard = guard([lost]);
    let client = client(&guard).without_idempotency_keys();
    let headers = HeaderMap::from_iter([("idempotency-key".parse().unwrap(), HeaderValue::from_static("\"order 7\""))]);
    let answer = client.call(&Method::POST, "/orders", headers, Bytes::new()).await.unwrap();
    assert!(answer.answer_was_lost);
    assert_eq!(keys(&guard), [Some("\"order 7\"".to_owned()), Some("\"order 7\"".to_owned())]);
}

#[tokio::test]
async fn where_somebody_stands_between_nothing_is_sent_again() {
    let forged = |heard: &Heard| Signer::new(8).judge(heard, Reply::json("{}"), now()).octets();
    let replayed = |heard: &Heard| Signer::new(7).sign(heard, Reply::problem(&Problem::REPLAYED), now()).octets();
    for (class, first) in [
        (Interference::MissingSignature, (|_: &Heard| unsigned(200)) as fn(&Heard) -> Vec<u8>),
        (Interference::BadMac, forged),
        (Interference::Replayed, replayed),
    ] {
        let guard = guard([first]);
        match send(&client(&guard), Method::POST).await {
            Err(CallError::Interference(found)) => assert_eq!(found, class),
            other => panic!("{other:?}"),
        }
        assert_eq!(guard.requests().len(), 1, "{class:?}");
    }
}

#[tokio::test]
async fn an_unsigned_refusal_is_no_lost_answer() {
    for refused in [|_: &Heard| unsigned(400), |_: &Heard| unsigned(431), |_: &Heard| unsigned(503)] {
        let guard = guard([refused]);
        assert!(matches!(send(&client(&guard), Method::POST).await, Err(CallError::Unverified(_))));
        assert_eq!(guard.requests().len(), 1);
    }
}

#[tokio::test]
async fn while_the_first_attempt_is_under_way_its_outcome_is_asked_for_until_it_is_there() {
    let guard = guard([lost, in_flight, in_flight]);
    let answer = send(&client(&guard), Method::POST).await.unwrap();
    assert_eq!((answer.verified.status.as_u16(), answer.answer_was_lost), (200, true));
    let keys = keys(&guard);
    assert_eq!(keys.len(), 4);
    assert!(keys.iter().all(|key| key == &keys[0]));
}

#[tokio::test]
async fn that_another_call_with_this_key_is_under_way_is_an_answer() {
    let guard = guard([in_flight]);
    let answer = send(&client(&guard), Method::POST).await.unwrap();
    assert_eq!(answer.verified.problem, Some(&Problem::IN_FLIGHT));
    assert!(answer.verified.outcome_is_unknown());
    assert_eq!(guard.requests().len(), 1);
}

#[tokio::test]
async fn a_wrong_clock_changes_the_nonce_and_not_the_key() {
    let guard = FakeGuard::start(|heard, _| {
        let ahead = Timestamp::from_millis(now().as_millis() + 3_600_000);
        Signer::new(7).judge(heard, Reply::json("{}"), ahead).octets()
    });
    let answer = send(&client(&guard), Method::POST).await.unwrap();
    assert_eq!((answer.retried, answer.answer_was_lost), (true, false));
    let keys = keys(&guard);
    assert!(keys.len() == 2 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
}

#[tokio::test]
async fn a_program_with_the_middleware_gets_the_same() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    for first in [lost, cut] {
        let guard = guard([first, in_flight]);
        let plain = reqwest::Client::builder().redirect(Policy::none()).no_proxy().tls_certs_only([]).build().unwrap();
        let conversation = Conversation::new(Signer::new(7).credentials(&guard.address.to_string()), 0);
        let program = reqwest_middleware::ClientBuilder::new(plain).with(SignAndVerify::new(conversation)).build();
        assert_eq!(program.post(guard.url("/transfers")).body("25 to bob").send().await.unwrap().status(), 200);
        let keys = keys(&guard);
        assert!(keys.len() == 3 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
    }
}
