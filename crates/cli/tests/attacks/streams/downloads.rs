use std::time::Duration;

use bytes::Bytes;
use countersign_client::{Download, Interference, Reply};
use countersign_server::service::control::RevokeKey;
use http::{HeaderMap, Method};

use super::api::Api;
use super::{ROUTE, client};
use crate::support::guard::Running;
use crate::support::in_time;
use crate::support::signing::{Draft, Key};
use crate::support::wire::ask;

async fn started() -> (Api, Running, Key) {
    let api = Api::start().await;
    let guard = Running::before(api.address, &format!("max_signed_response = \"64 KiB\"\n{ROUTE}")).await;
    let key = guard.service("alice").await;
    (api, guard, key)
}

async fn reply(guard: &Running, key: &Key, target: &str) -> Reply {
    client(guard, key).download(&Method::GET, target, HeaderMap::new(), Bytes::new()).await.unwrap()
}

async fn download(guard: &Running, key: &Key, target: &str) -> Box<Download> {
    match reply(guard, key, target).await {
        Reply::Stream(download) => download,
        Reply::Whole(answer) => panic!("no stream, but {:?}", answer.verified),
    }
}

/// How many octets are released, and how it ends.
async fn drained(mut download: Box<Download>) -> (usize, Result<(), Interference>) {
    let mut length = 0;
    loop {
        match in_time(download.next()).await {
            Ok(Some(data)) => length += data.len(),
            Ok(None) => return (length, Ok(())),
            Err(class) => return (length, Err(class)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_too_long_to_be_held_back_is_streamed_to_whoever_asks_where_the_route_takes_streams() {
    let (_api, guard, key) = started().await;
    let streamed = download(&guard, &key, "/s/down/250000").await;
    assert_eq!((streamed.status.as_u16(), streamed.headers["x-kind"].as_bytes()), (200, b"zeros".as_slice()));
    assert_eq!(drained(streamed).await, (250_000, Ok(())));
    assert_eq!(drained(download(&guard, &key, "/s/down/0").await).await, (0, Ok(())));

    let not_asked = guard.get("/s/down/250000", &key).await;
    assert_eq!(not_asked.code(), "answer-too-large");
    let Reply::Whole(elsewhere) = reply(&guard, &key, "/down/250000").await else { panic!("a stream") };
    assert_eq!(elsewhere.verified.problem.map(|problem| problem.code), Some("answer-too-large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_body_or_is_the_guards_own_word_comes_whole() {
    let (api, guard, key) = started().await;
    let asking = |draft: Draft| draft.without_body().with("Countersign-Accept-Stream", "1").sign(&key);
    for (method, target, status) in [("HEAD", "/s/down/7", 200), ("GET", "/s/nothing", 204), ("GET", "/s/x", 404)] {
        let sent = asking(guard.draft(method, target, &key));
        let mut wire = crate::support::wire::Wire::connect(guard.address).await;
        wire.send(&sent.octets()).await;
        let answer = wire.any_answer(method == "HEAD").await.unwrap();
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(answer.field("countersign-stream").is_some(), status == 404, "{target}: {answer}");
    }
    let uncovered = guard.draft("GET", "/s/down/7", &key).without_body();
    let added = uncovered.with_uncovered("Countersign-Accept-Stream", "1").sign(&key);
    let answer = guard.ask(&added, &key).await;
    assert_eq!((answer.status, answer.body.len()), (200, 7), "somebody on the way asked");

    drop(api);
    let Reply::Whole(refusal) = reply(&guard, &key, "/s/down/7").await else { panic!("a stream") };
    assert_eq!(refusal.verified.problem.map(|problem| problem.code), Some("bad-gateway"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_proxies_to_pass_it_on_and_has_neither_a_digest_nor_a_length() {
    let (_api, guard, key) = started().await;
    let draft = guard.draft("GET", "/s/down/7", &key).without_body().with("Countersign-Accept-Stream", "1");
    let answer = ask(guard.address, &draft.sign(&key).octets()).await;
    assert_eq!(answer.field("countersign-stream"), Some("1"));
    assert_eq!(answer.field("x-accel-buffering"), Some("no"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert_eq!((answer.field("content-digest"), answer.field("content-length")), (None, None));
    let input = answer.field("signature-input").unwrap();
    assert!(input.contains("\"countersign-stream\"") && !input.contains("x-accel-buffering"), "{input}");
    assert_eq!(answer.body.len(), 7 + 2 * 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_breaks_off_leaves_a_stream_without_its_end() {
    let (api, guard, key) = started().await;
    let mut events = download(&guard, &key, "/s/events").await;
    api.say("data: one\n\n").await;
    assert_eq!(in_time(events.next()).await.unwrap().unwrap(), "data: one\n\n");
    api.break_off();
    assert_eq!(drained(events).await, (0, Err(Interference::Truncated)));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_released_as_it_happens_and_whole() {
    let (api, guard, key) = started().await;
    let mut events = download(&guard, &key, "/s/events").await;
    api.say("data: one\n\ndata: t").await;
    assert_eq!(in_time(events.next()).await.unwrap().unwrap(), "data: one\n\n");
    api.say("wo\n").await;
    api.say("\n: and so on\n\n").await;
    assert_eq!(in_time(events.next()).await.unwrap().unwrap(), "data: two\n\n");
    assert_eq!(in_time(events.next()).await.unwrap().unwrap(), ": and so on\n\n");
    api.say("data: unfinished").await;
    api.come_to_an_end();
    assert_eq!(in_time(events.next()).await.unwrap().unwrap(), "data: unfinished");
    assert_eq!(in_time(events.next()).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_ends_with_its_key() {
    let (api, guard, key) = started().await;
    let mut events = download(&guard, &key, "/s/events").await;
    api.say("data: one\n\n").await;
    assert_eq!(in_time(events.next()).await.unwrap().unwrap(), "data: one\n\n");
    guard.operate(RevokeKey { keyid: key.keyid.clone() }).await;
    assert_eq!(drained(events).await, (0, Err(Interference::Truncated)), "and the API says nothing more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_stops_waits_for_no_answer_of_which_nobody_knows_the_end() {
    let (api, guard, key) = started().await;
    let mut events = download(&guard, &key, "/s/events").await;
    api.say("data: one\n\n").await;
    assert_eq!(in_time(events.next()).await.unwrap().unwrap(), "data: one\n\n");
    in_time(guard.stopped()).await;
    assert_eq!(drained(events).await, (0, Err(Interference::Truncated)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_go_on_for_longer_than_an_answer_that_is_held_back() {
    let api = Api::start().await;
    let guard = Running::before(api.address, &format!("upstream_timeout_seconds = 1\n{ROUTE}")).await;
    let key = guard.service("alice").await;
    let mut events = download(&guard, &key, "/s/events").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    api.say("data: late\n\n").await;
    assert_eq!(in_time(events.next()).await.unwrap().unwrap(), "data: late\n\n");
}
