//! The middleware under a program that speaks `reqwest`.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake_guard;

use bytes::Bytes;
use countersign_client::{CallError, Conversation, Interference, NotForUs, SignAndVerify, Verified};
use countersign_core::time::Timestamp;
use reqwest::redirect::Policy;
use reqwest_middleware::{ClientWithMiddleware, Error};

use fake_guard::{FakeGuard, Reply, Signer, now};

fn program(guard: &FakeGuard, redirects: Policy) -> ClientWithMiddleware {
    // As a program does that brings rustls without a provider.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let plain = reqwest::Client::builder().redirect(redirects).no_proxy().tls_certs_only([]).build().unwrap();
    let conversation = Conversation::new(Signer::new(7).credentials(&guard.address.to_string()), 0);
    reqwest_middleware::ClientBuilder::new(plain).with(SignAndVerify::new(conversation)).build()
}

fn honest(ahead_ms: u64, reply: Reply) -> FakeGuard {
    let signer = Signer::new(7);
    FakeGuard::start(move |heard, _| {
        signer.judge(heard, reply.clone(), Timestamp::from_millis(now().as_millis() + ahead_ms)).octets()
    })
}

fn not_for_us(error: &Error) -> &NotForUs {
    match error {
        Error::Middleware(error) => error.downcast_ref().unwrap(),
        Error::Reqwest(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_program_gets_the_answer_that_was_signed() {
    let guard = honest(0, Reply::json(r#"{"state":"done"}"#));
    let program = program(&guard, Policy::none());
    let answer = program.post(guard.url("/v1/x?y")).header("x-tag", "a").body("hello").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.url().as_str(), guard.url("/v1/x?y"));
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert!(answer.headers().get("connection").is_none(), "what isn't covered is dropped");
    assert!(answer.extensions().get::<Verified>().is_some());
    assert_eq!(answer.bytes().await.unwrap(), r#"{"state":"done"}"#);
    let [heard] = &guard.requests()[..] else { panic!("one request") };
    assert!(Signer::new(7).admits(heard, now()));
    assert_eq!((heard.field("x-tag"), &*heard.body), (Some("a"), b"hello".as_slice()));
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_once() {
    let guard = honest(3_600_000, Reply::json("{}"));
    let program = program(&guard, Policy::none());
    assert_eq!(program.get(guard.url("/")).send().await.unwrap().status(), 200);
    assert_eq!(guard.requests().len(), 2);
    assert_eq!(program.get(guard.url("/")).send().await.unwrap().status(), 200);
    assert_eq!(guard.requests().len(), 3);
}

#[tokio::test]
async fn interference_is_an_error() {
    let guard = FakeGuard::start(|_, _| Reply::json("{}").octets());
    let error = program(&guard, Policy::none()).get(guard.url("/")).send().await.unwrap_err();
    let Error::Middleware(error) = error else { panic!("{error:?}") };
    let class = error.downcast_ref::<CallError>().unwrap();
    assert!(matches!(class, CallError::Interference(Interference::MissingSignature)), "{class:?}");
}

#[tokio::test]
async fn a_streaming_body_is_refused_before_anything_is_sent() {
    let guard = honest(0, Reply::json("{}"));
    let stream = reqwest::Body::wrap(http_body_util::Full::new(Bytes::from_static(b"hello")));
    let error = program(&guard, Policy::none()).post(guard.url("/")).body(stream).send().await.unwrap_err();
    assert_eq!(*not_for_us(&error), NotForUs::StreamingBody);
    assert!(guard.requests().is_empty());
}

#[tokio::test]
async fn a_request_to_another_server_is_refused_rather_than_sent_unsigned() {
    let (guard, other) = (honest(0, Reply::json("{}")), honest(0, Reply::json("{}")));
    let error = program(&guard, Policy::none()).get(other.url("/")).send().await.unwrap_err();
    assert!(matches!(not_for_us(&error), NotForUs::OtherServer { .. }));
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_client_that_follows_redirects_is_found_out() {
    let elsewhere = honest(0, Reply::json("{}"));
    let guard = honest(0, Reply::new(302, "text/plain", b"").with("location", &elsewhere.url("/")));
    let error = program(&guard, Policy::limited(3)).get(guard.url("/")).send().await.unwrap_err();
    assert_eq!(*not_for_us(&error), NotForUs::Redirected);
}
