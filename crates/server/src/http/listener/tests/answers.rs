use std::time::Duration;

use tokio::time::sleep;

use super::wire::{Seen, Wire, statuses};
use crate::http::listener::BodyViolation;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const BAD: &str = "GET /bad HTTP/1.1\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_problem_that_closes_the_connection_and_says_nothing_else() {
    let mut wire = Wire::open();
    wire.send("GET /secret-path HTTP/1.1\r\nSecret-Field: x\r\n\r\n").await;
    let (received, _) = wire.receive_all().await;
    let (head, body) = received.split_once("\r\n\r\n").unwrap();
    let mut names: Vec<_> = head.lines().skip(1).map(|line| line.split_once(':').unwrap().0).collect();
    names.sort_unstable();
    assert_eq!(names, ["cache-control", "connection", "content-length", "content-type", "date"]);
    assert!(
        head.contains("HTTP/1.1 400 ")
            && head.contains("connection: close")
            && head.contains("cache-control: no-store")
    );
    assert!(head.contains("content-type: application/problem+json"));
    assert_eq!(body, countersign_core::problem::Problem::MALFORMED_REQUEST.json());
    assert!(wire.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_405_says_what_is_allowed() {
    let mut wire = Wire::open();
    wire.send("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (received, _) = wire.receive_all().await;
    assert_eq!(statuses(&received), [405]);
    assert!(received.contains("allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_a_violation_is_answered_first_and_nothing_after_it_is_read() {
    let mut wire = Wire::open();
    wire.send([GET, "GET /wait/7 HTTP/1.1\r\nHost: a\r\n\r\n", GET, BAD, GET, GET].concat()).await;
    assert_eq!(statuses(&wire.receive_all().await.0), [200, 200, 200, 400]);
    assert_eq!(wire.lines(), ["GET /a", "GET /wait/7", "GET /a"]);
}

#[tokio::test(start_paused = true)]
async fn requests_that_come_together_are_answered_in_order() {
    let mut wire = Wire::open();
    let requests: String = (0..200).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    wire.send(requests).await;
    let received = wire.receive_for(10).await;
    assert_eq!(statuses(&received), [200; 200]);
    let expected: Vec<_> = (0..200).map(|number| format!("GET /{number}")).collect();
    assert_eq!(wire.lines(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_refused_head_request_gets_no_content() {
    let mut wire = Wire::open();
    wire.send("HEAD / HTTP/1.1\r\nA : b\r\n").await;
    let (received, _) = wire.receive_all().await;
    assert_eq!(statuses(&received), [400]);
    assert!(received.ends_with("\r\n\r\n"), "{received}");
}

#[tokio::test(start_paused = true)]
async fn a_request_inside_of_a_body_is_content_and_nothing_else() {
    let inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for message in [
        format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{inner}", inner.len()),
        format!(
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n",
            inner.len()
        ),
    ] {
        let mut wire = Wire::open();
        wire.send(message + GET).await;
        assert_eq!(statuses(&wire.receive_for(1).await), [200, 200]);
        assert_eq!(wire.seen()[0], Seen { line: "POST /a".into(), body: Ok(inner.into()) });
        assert_eq!(wire.lines(), ["POST /a", "GET /a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_breaks_the_coding_is_a_typed_error_and_the_last_of_the_connection() {
    for chunks in [
        "4\r\nbody\r\n0\r\nA: b\r\n\r\n",
        "4;x\r\nbody\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nx",
        "0x4\r\nbody\r\n0\r\n\r\n",
    ] {
        let mut wire = Wire::open();
        wire.send(format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{GET}")).await;
        assert_eq!(statuses(&wire.receive_all().await.0), [400], "{chunks:?}");
        assert!(matches!(wire.seen()[..], [Seen { body: Err(BodyViolation::Malformed(_)), .. }]), "{chunks:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_short_is_no_body() {
    let mut wire = Wire::open();
    wire.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nbody").await;
    tokio::io::AsyncWriteExt::shutdown(&mut wire.client).await.unwrap();
    wire.receive_all().await;
    assert_eq!(wire.seen(), [Seen { line: "POST /a".into(), body: Err(BodyViolation::CutShort) }]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_is_told_to_continue_when_the_body_is_read_and_not_before() {
    let head = |path| format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    let mut wire = Wire::open();
    wire.send(head("/wait/3")).await;
    assert_eq!(wire.receive_for(2).await, "");
    assert_eq!(wire.receive_for(2).await, "HTTP/1.1 100 Continue\r\n\r\n");
    wire.send("body").await;
    assert_eq!(statuses(&wire.receive_for(2).await), [200]);

    let mut wire = Wire::open();
    wire.send(head("/unread")).await;
    let (received, _) = wire.receive_all().await;
    assert_eq!(statuses(&received), [401]);
    assert!(received.contains("connection: close"), "{received}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_the_body_says_that_the_connection_ends_unless_all_of_it_is_there() {
    let mut wire = Wire::open();
    wire.send("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\nbegin").await;
    let (received, _) = wire.receive_all().await;
    assert!(received.contains("connection: close"), "{received}");

    let mut wire = Wire::open();
    wire.send(format!("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody{GET}")).await;
    let received = wire.receive_for(1).await;
    assert_eq!(statuses(&received), [401, 200]);
    assert!(!received.contains("connection: close"));
}

#[tokio::test(start_paused = true)]
async fn http_1_0_is_served_with_a_host_and_without_keeping_the_connection() {
    let mut wire = Wire::open();
    wire.send("GET /a HTTP/1.0\r\nHost: a\r\n\r\n").await;
    let (received, _) = wire.receive_all().await;
    assert!(received.starts_with("HTTP/1.0 200 "), "{received}");

    for head in
        ["OPTIONS / HTTP/1.0\r\n\r\n", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
    {
        let mut wire = Wire::open();
        wire.send(head).await;
        assert_eq!(statuses(&wire.receive_all().await.0), [400]);
        assert!(wire.seen().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_idle_and_silent_connections_at_once() {
    for sent in ["", "GET /a HT", GET] {
        let mut wire = Wire::open();
        wire.send(sent).await;
        wire.receive_for(1).await;
        wire.ledger.stop();
        let (received, after) = wire.receive_all().await;
        assert_eq!((received.as_str(), after < 0.1), ("", true), "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_the_request_in_flight_finish_and_takes_no_other() {
    let mut wire = Wire::open();
    wire.send("GET /wait/5 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    sleep(Duration::from_secs(1)).await;
    wire.ledger.stop();
    sleep(Duration::from_secs(1)).await;
    wire.send(GET).await;
    let (received, _) = wire.receive_all().await;
    assert_eq!(statuses(&received), [200]);
    assert!(received.contains("connection: close"));
    assert_eq!(wire.lines(), ["GET /wait/5"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_given_up_for_another_only_before_its_first_head_or_while_it_is_idle() {
    let mut wire = Wire::open();
    wire.send("GET /wait/5 HTTP/1.1\r\nHost: a\r\n").await;
    sleep(Duration::from_secs(1)).await;
    assert!(!wire.ledger.evict_idle());
    wire.send("\r\n").await;
    sleep(Duration::from_secs(1)).await;
    assert!(!wire.ledger.evict_idle() && !wire.ledger.evict_headless());
    assert_eq!(statuses(&wire.receive_for(6).await), [200]);
    assert!(!wire.ledger.evict_headless() && wire.ledger.evict_idle());
    assert!(wire.receive_all().await.1 < 0.1);

    let mut wire = Wire::open();
    wire.send("GET /a HTTP/1.1\r\n").await;
    sleep(Duration::from_secs(1)).await;
    assert!(wire.ledger.evict_headless());
    assert_eq!(wire.receive_all().await.0, "");
    assert!(wire.seen().is_empty());
}

#[test]
fn a_request_that_only_hyper_has_found_is_refused() {
    use crate::http::listener::framing::{BodyFraming, Head, Violation};
    let ledger = crate::http::listener::ledger::Ledger::default();
    let head = Head { length: 30, body: BodyFraming::Length(0), offers_upgrade: false };
    assert!(ledger.hand_over(&head));
    assert_eq!(ledger.begin_request(), None);
    assert!(matches!(ledger.begin_request(), Some(Violation::Malformed(_))));
}
