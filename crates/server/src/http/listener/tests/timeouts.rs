use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::wire::{Wire, statuses};
use crate::http::listener::BodyViolation;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

async fn seconds(seconds: f32) {
    sleep(Duration::from_secs_f32(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_nothing_is_gone_after_five_seconds_without_a_word() {
    let (received, after) = Wire::open().receive_all().await;
    assert_eq!(received, "");
    assert!((5.0..5.1).contains(&after), "{after}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_is_answered_408_five_seconds_after_its_first_octet() {
    let mut wire = Wire::open();
    seconds(4.0).await;
    wire.send("GET /a HTTP/1.1\r\nHost").await;
    let (received, after) = wire.receive_all().await;
    assert_eq!(statuses(&received), [408]);
    assert!(received.contains("urn:countersign:request-timeout") && received.contains("connection: close"));
    assert!((5.0..5.1).contains(&after), "{after}");
    assert!(wire.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn octets_one_by_one_do_not_prolong_a_head() {
    let mut wire = Wire::open();
    for octet in GET.bytes().take(9) {
        wire.send([octet]).await;
        seconds(0.6).await;
    }
    assert_eq!(statuses(&wire.receive_for(1).await), [408]);
    assert!(wire.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_head_that_ends_within_its_time_is_served() {
    let mut wire = Wire::open();
    seconds(4.9).await;
    wire.send("GET /a HT").await;
    seconds(4.9).await;
    wire.send("TP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(statuses(&wire.receive_for(1).await), [200]);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_75_seconds_after_each_answer() {
    let mut wire = Wire::open();
    for _ in 0..3 {
        wire.send(GET).await;
        assert_eq!(statuses(&wire.receive_for(74).await), [200]);
    }
    wire.send(GET).await;
    let (received, after) = wire.receive_all().await;
    assert_eq!(statuses(&received), [200]);
    assert!((75.0..75.1).contains(&after), "{after}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_late_on_an_idle_connection_has_its_own_time() {
    let mut wire = Wire::open();
    wire.send(GET).await;
    assert_eq!(statuses(&wire.receive_for(74).await), [200]);
    wire.send("GET ").await;
    seconds(4.5).await;
    wire.send("/b HTTP/1.1\r\nHost: a\r\n\r\nGET").await;
    let (received, after) = wire.receive_all().await;
    assert_eq!(statuses(&received), [200, 408]);
    assert!((5.0..5.1).contains(&after), "{after}");
    assert_eq!(wire.lines(), ["GET /a", "GET /b"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_may_take_as_long_as_the_service_likes() {
    let mut wire = Wire::open();
    wire.send("GET /wait/4000 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(statuses(&wire.receive_for(4_001).await), [200]);
}

#[tokio::test(start_paused = true)]
async fn half_a_head_behind_a_long_request_is_answered_408_after_it() {
    let mut wire = Wire::open();
    wire.send("GET /wait/60 HTTP/1.1\r\nHost: a\r\n\r\nGET /b").await;
    seconds(30.0).await;
    wire.send(" HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(statuses(&wire.receive_all().await.0), [200, 408]);
    assert_eq!(wire.lines(), ["GET /wait/60"]);
}

#[tokio::test(start_paused = true)]
async fn a_body_of_one_octet_a_second_is_ended_within_thirty_seconds() {
    for framing in ["Content-Length: 100000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nFFFF\r\n"] {
        let Wire { client, served, .. } = Wire::open();
        let (mut reader, mut writer) = tokio::io::split(client);
        writer.write_all(format!("POST /a HTTP/1.1\r\nHost: a\r\n{framing}").as_bytes()).await.unwrap();
        let trickle = tokio::spawn(async move {
            while writer.write_all(b"x").await.is_ok() {
                seconds(1.0).await;
            }
        });
        let mut received = String::new();
        let begun = sleep(Duration::ZERO).deadline();
        reader.read_to_string(&mut received).await.unwrap();
        let after = sleep(Duration::ZERO).deadline() - begun;
        assert_eq!(statuses(&received), [408], "{received}");
        assert!(after <= Duration::from_secs(30), "{after:?}");
        served.await.unwrap();
        trickle.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_ended_after_thirty_seconds_however_much_of_it_came() {
    let mut wire = Wire::open();
    wire.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 500001\r\n\r\n").await;
    wire.send("x".repeat(500_000)).await;
    let (received, after) = wire.receive_all().await;
    assert_eq!(statuses(&received), [408]);
    assert!((30.0..30.1).contains(&after), "{after}");
    assert_eq!(wire.seen()[0].body, Err(BodyViolation::TooSlow));
}

#[tokio::test(start_paused = true)]
async fn a_slow_but_fair_body_arrives() {
    let mut wire = Wire::open();
    wire.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n").await;
    for _ in 0..30 {
        seconds(1.9).await;
        wire.send("x".repeat(2_000)).await;
    }
    assert_eq!(statuses(&wire.receive_for(1).await), [200]);
    assert_eq!(wire.seen()[0].body.as_ref().unwrap().len(), 60_000);
}

#[tokio::test(start_paused = true)]
async fn a_client_is_not_blamed_for_a_service_that_does_not_read() {
    let mut wire = Wire::with_buffer(1_024);
    wire.send("POST /late-read HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n").await;
    wire.send("x".repeat(300_000)).await;
    assert_eq!(statuses(&wire.receive_for(1).await), [200]);
    assert_eq!(wire.seen()[0].body.as_ref().unwrap().len(), 300_000);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_its_answer_is_dropped_after_thirty_seconds() {
    let mut wire = Wire::with_buffer(1_024);
    wire.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    seconds(29.0).await;
    assert!(!wire.served.is_finished());
    seconds(2.0).await;
    assert!(wire.served.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_its_answer_octet_by_octet_is_dropped_too() {
    let mut wire = Wire::with_buffer(1_024);
    wire.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    for _ in 0..40 {
        seconds(1.0).await;
        let _ = wire.client.read_u8().await;
    }
    assert!(wire.served.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_slow_but_fair_reader_gets_all_of_its_answer() {
    let mut wire = Wire::with_buffer(1_024);
    wire.send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let (mut received, mut space) = (0, [0; 2_048]);
    while let Ok(octets @ 1..) = wire.client.read(&mut space).await {
        received += octets;
        seconds(0.4).await;
    }
    assert!(received > 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_closes_its_side_is_let_go_two_seconds_after_the_last_answer() {
    let mut wire = Wire::open();
    wire.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(statuses(&wire.receive_for(1).await), [200]);
    seconds(1.9).await;
    assert!(!wire.served.is_finished());
    seconds(0.2).await;
    assert!(wire.served.is_finished());
}
