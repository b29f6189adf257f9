//! Streams over real sockets, to a guard that does as it is told: what is released of an answer, and how it ends.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake_guard;

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign_client::conversation::{CannotSign, Outgoing, Reading, StreamedHead};
use countersign_client::{CallError, Client, Conversation, Interference, Network, Reply as Answered, Server, Upload};
use countersign_core::problem::Problem;
use countersign_core::stream::MOST_DATA;
use countersign_core::time::Timestamp;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use fake_guard::{FakeGuard, Heard, Reply, Signer, now};

fn client(guard: &FakeGuard) -> Client {
    let server = Server::parse(&guard.url("")).unwrap();
    let credentials = Signer::new(7).credentials(&guard.address.to_string());
    Client::new(server, Conversation::new(credentials, 0)).unwrap()
}

async fn download(guard: &FakeGuard) -> Result<Answered, CallError> {
    client(guard).download(&Method::GET, "/events", HeaderMap::new(), Bytes::new()).await
}

/// What is released of the body, and how it ends.
async fn released(guard: &FakeGuard) -> (Vec<Bytes>, Result<(), Interference>) {
    let Answered::Stream(mut download) = download(guard).await.unwrap() else { panic!("no stream") };
    let mut data = Vec::new();
    loop {
        match download.next().await {
            Ok(Some(piece)) => data.push(piece),
            Ok(None) => return (data, Ok(())),
            Err(class) => return (data, Err(class)),
        }
    }
}

/// A guard that streams two events, whose frames somebody rearranges on the way.
fn streaming(tamper: impl Fn(Vec<Vec<u8>>) -> Vec<u8> + Send + 'static) -> FakeGuard {
    let signer = Signer::new(7);
    FakeGuard::start(move |heard, _| {
        let reply = Reply::new(200, "text/event-stream", b"");
        let (mut reply, mut frames) = signer.sign_stream(heard, reply, now());
        let frames = vec![frames.sign(b"data: one\n\n"), frames.sign(b"data: two\n\n"), frames.finish(b"")];
        reply.body = tamper(frames);
        reply.octets()
    })
}

const EVENTS: [&[u8]; 2] = [b"data: one\n\n", b"data: two\n\n"];

#[tokio::test]
async fn the_data_of_a_stream_is_given_out_frame_by_frame_and_its_end_says_that_nothing_is_missing() {
    let guard = streaming(|frames| frames.concat());
    assert_eq!(released(&guard).await, (EVENTS.map(Bytes::from_static).to_vec(), Ok(())));
    let request = guard.requests()[0].clone();
    assert_eq!(request.field("countersign-accept-stream"), Some("1"));
    assert!(request.read().accepts_stream() && !request.read().is_stream());
    let Answered::Stream(download) = download(&guard).await.unwrap() else { panic!("no stream") };
    assert_eq!(
        (download.status, download.headers["content-type"].as_bytes()),
        (StatusCode::OK, &b"text/event-stream"[..])
    );
    let pieces: Vec<_> = download.into_stream().collect().await;
    assert_eq!(pieces, EVENTS.map(|event| Ok(Bytes::from_static(event))));
}

#[tokio::test]
async fn what_somebody_does_to_the_frames_is_seen_and_nothing_after_it_is_given_out() {
    type Tamper = fn(Vec<Vec<u8>>) -> Vec<u8>;
    let flipped = |mut frames: Vec<Vec<u8>>| {
        frames[1][7] ^= 1;
        frames.concat()
    };
    let cases: [(&str, Tamper, usize, Interference); 9] = [
        ("cut off before the final frame", |frames| frames[..2].concat(), 2, Interference::Truncated),
        ("cut off in a frame", |frames| frames.concat()[..40].to_vec(), 1, Interference::Truncated),
        ("cut off at once", |_| Vec::new(), 0, Interference::Truncated),
        ("a frame changed", flipped, 1, Interference::BadMac),
        ("a frame left out", |frames| [&frames[0], &frames[2]].map(Clone::clone).concat(), 1, Interference::BadMac),
        ("a frame twice", |frames| [&frames[0], &frames[0]].map(Clone::clone).concat(), 1, Interference::BadMac),
        ("two frames swapped", |frames| [&frames[1], &frames[0]].map(Clone::clone).concat(), 0, Interference::BadMac),
        ("something after the end", |frames| [frames.concat(), vec![0]].concat(), 2, Interference::BadMac),
        ("no frames at all", |_| b"data: one\n\n".to_vec(), 0, Interference::BadMac),
    ];
    for (what, tamper, count, class) in cases {
        let (data, end) = released(&streaming(tamper)).await;
        assert_eq!(end, Err(class), "{what}");
        assert_eq!(data, EVENTS[..count].iter().map(|event| Bytes::from_static(event)).collect::<Vec<_>>(), "{what}");
    }
}

#[tokio::test]
async fn the_frames_of_another_answer_to_the_same_question_are_refused() {
    let first = Arc::new(Mutex::new(None::<Vec<u8>>));
    let guard = streaming(move |frames| first.lock().unwrap().get_or_insert(frames.concat()).clone());
    assert!(released(&guard).await.1.is_ok());
    assert_eq!(released(&guard).await, (Vec::new(), Err(Interference::BadMac)));
}

#[tokio::test]
async fn a_head_that_was_changed_or_is_no_stream_is_refused_before_any_frame_is_read() {
    let signer = Signer::new(7);
    let streamed = move |heard: &Heard| signer.sign_stream(heard, Reply::new(200, "text/plain", b""), now()).0;
    let signer = Signer::new(7);
    type Answer = Box<dyn Fn(&Heard) -> Reply + Send>;
    let (one, two) = (streamed.clone(), streamed.clone());
    let cases: Vec<(&str, Answer, Interference)> = vec![
        (
            "its mark taken away",
            Box::new(move |heard| one(heard).without(&["countersign-stream"])),
            Interference::BadMac,
        ),
        (
            "another type",
            Box::new(move |heard| {
                let mut reply = two(heard);
                reply.set("content-type", "text/html");
                reply
            }),
            Interference::BadMac,
        ),
        ("unsigned", Box::new(|_| Reply::json("{}").with("countersign-stream", "1")), Interference::MissingSignature),
        (
            "a whole answer that somebody marks as a stream",
            Box::new(move |heard| signer.sign(heard, Reply::json("{}"), now()).with("countersign-stream", "1")),
            Interference::BadMac,
        ),
    ];
    for (what, answer, class) in cases {
        let guard = FakeGuard::start(move |heard, _| answer(heard).octets());
        match download(&guard).await {
            Err(CallError::Interference(found)) => assert_eq!(found, class, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_streamed_answer_to_whoever_did_not_ask_for_one_is_interference() {
    let guard = streaming(|frames| frames.concat());
    let called = client(&guard).call(&Method::GET, "/events", HeaderMap::new(), Bytes::new()).await;
    assert!(matches!(called, Err(CallError::Interference(Interference::BadMac))), "{called:?}");
}

#[tokio::test]
async fn an_answer_that_the_server_has_not_streamed_comes_whole_and_a_wrong_clock_is_corrected_once() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, _| {
        let ahead = Timestamp::from_millis(now().as_millis() + 73_000);
        signer.judge(heard, Reply::json("{}"), ahead).octets()
    });
    let Answered::Whole(answer) = download(&guard).await.unwrap() else { panic!("a stream") };
    assert_eq!(answer.verified.body, "{}");
    assert!(answer.retried && answer.clock_change.is_some_and(|change| change.to_ms > 70_000));
    assert_eq!(guard.requests().len(), 2);
}

#[tokio::test]
async fn an_upload_goes_out_frame_by_frame_and_comes_in_as_it_was() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, _| signer.sign(heard, Reply::json("{}"), now()).octets());
    let data: Vec<u8> = (0..5 * MOST_DATA + 1).map(|place| (place % 251) as u8).collect();
    let pieces: Vec<_> = data.chunks(2 * MOST_DATA - 7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let empty = [Ok(Bytes::new())];
    let upload = Upload::of_stream(futures_util::stream::iter(empty.into_iter().chain(pieces)));
    let reply = client(&guard).upload(&Method::PUT, "/files/1", HeaderMap::new(), upload).await.unwrap();
    assert!(matches!(reply, Answered::Whole(answer) if answer.verified.status == 200));
    let heard = guard.requests().pop().unwrap();
    assert!(heard.read().is_stream() && heard.read().accepts_stream());
    assert_eq!(heard.field("idempotency-key"), None, "a guard refuses one with a stream");
    assert_eq!(heard.field("content-digest"), None);
    assert!(Signer::new(7).uploaded(&heard).unwrap() == data);

    let upload = Upload::of_reader(tokio::io::empty());
    client(&guard).upload(&Method::POST, "/files/1", HeaderMap::new(), upload).await.unwrap();
    assert_eq!(Signer::new(7).uploaded(&guard.requests()[1]), Some(Vec::new()));

    client(&guard).download(&Method::POST, "/files/1", HeaderMap::new(), Bytes::new()).await.unwrap();
    assert_eq!(guard.requests()[2].field("idempotency-key"), None, "nor with what may be answered by one");
}

#[tokio::test]
async fn an_upload_whose_data_cannot_be_read_has_no_end_and_says_why() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, _| signer.sign(heard, Reply::json("{}"), now()).octets());
    let broken = [Ok(Bytes::from_static(b"half of it")), Err(io::Error::other("the disk is gone"))];
    let upload = Upload::of_stream(futures_util::stream::iter(broken));
    match client(&guard).upload(&Method::PUT, "/files/1", HeaderMap::new(), upload).await {
        Err(CallError::Upload(error)) => assert_eq!(error.to_string(), "the disk is gone"),
        other => panic!("{other:?}"),
    }
    assert!(guard.requests().is_empty(), "the body came to its end");
}

#[tokio::test]
async fn an_upload_rejected_for_its_time_is_not_sent_again_and_the_next_has_the_right_time() {
    let signer = Signer::new(7);
    let guard = FakeGuard::start(move |heard, _| {
        let ahead = Timestamp::from_millis(now().as_millis() + 73_000);
        signer.judge(heard, Reply::json("{}"), ahead).octets()
    });
    let client = client(&guard);
    for (rejected, count) in [(true, 1), (false, 2)] {
        let upload = Upload::of_reader(b"data".as_slice());
        let reply = client.upload(&Method::PUT, "/files/1", HeaderMap::new(), upload).await.unwrap();
        let Answered::Whole(answer) = reply else { panic!("a stream") };
        assert_eq!(answer.verified.was_rejected_for_its_time(), rejected);
        assert_eq!(answer.verified.problem == Some(&Problem::CLOCK_SKEW), rejected);
        assert_eq!(guard.requests().len(), count);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_no_interference() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::parse(&format!("http://{address}")).unwrap();
    let credentials = Signer::new(7).credentials(&address.to_string());
    let client = Client::new(server, Conversation::new(credentials, 0)).unwrap();
    let upload = Upload::of_reader(b"data".as_slice());
    let called = client.upload(&Method::PUT, "/", HeaderMap::new(), upload).await;
    assert!(matches!(called, Err(CallError::Network(Network::NoConnection(_)))), "{called:?}");
}

/// Both clocks at this many seconds.
fn at(seconds: u64) -> Reading {
    let wall = Timestamp::from_secs(1_763_780_000 + seconds);
    Reading { wall, monotonic: core::time::Duration::from_secs(seconds) }
}

#[test]
fn the_head_of_a_stream_is_taken_once_and_in_time_and_an_upload_may_take_hours() {
    let signer = Signer::new(7);
    let conversation = Conversation::new(signer.credentials("api.example.com"), 0);
    let headers = HeaderMap::new();
    let outgoing = Outgoing { method: &Method::PUT, path: "/x", query: None, headers: &headers, body: b"" };
    let (signed, _) = conversation.sign_upload(&outgoing, [1; 32], at(0)).unwrap();
    let mut fields = vec![("host".to_owned(), b"api.example.com".to_vec())];
    fields.extend(signed.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())));
    let heard = Heard { method: "PUT".into(), target: "/x".into(), fields, body: Vec::new() };
    let answered = |time: u64| {
        let (reply, _) = signer.sign_stream(&heard, Reply::json(""), at(time).wall);
        reply.fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
    };
    let hours = 20 * 60 * 60;
    let headers = answered(hours);
    let head = StreamedHead { status: StatusCode::OK, headers: &headers };
    assert!(conversation.receive_stream(&signed.receipt, &head, at(hours)).is_ok());
    let again = conversation.receive_stream(&signed.receipt, &head, at(hours)).unwrap_err();
    assert_eq!(again, Interference::Replayed);

    let (signed, _) = conversation.sign_upload(&outgoing, [2; 32], at(0)).unwrap();
    let late = conversation.receive_stream(&signed.receipt, &head, at(25 * 60 * 60)).unwrap_err();
    assert_eq!(late, Interference::Stale);
}

#[test]
fn the_fields_of_streams_are_not_the_callers_to_set() {
    let conversation = Conversation::new(Signer::new(7).credentials("api.example.com"), 0);
    for name in ["countersign-stream", "countersign-accept-stream"] {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static("1"))]);
        let outgoing = Outgoing { method: &Method::PUT, path: "/x", query: None, headers: &headers, body: b"" };
        let refused = conversation.sign(&outgoing, [1; 32], at(0)).unwrap_err();
        assert!(matches!(refused, CannotSign::Reserved(_)), "{refused:?}");
    }
}
