//! Attacks on framing, as raw octets over real sockets against a live listener: the rows of `e2e/attacks/a-framing.toml`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod framing_table;
mod live;

use std::time::Duration;

use countersign_server::http::peer::{ClientAddress, ClientIpSource};
use framing_table::{Row, octets, rows};
use live::{Live, exchange, patient, statuses};

async fn attack(row: &Row, pieces: usize) {
    let live = Live::start().await;
    let received = exchange(live.address, &octets(&row.raw), pieces, row.close).await;
    let context = format!("{} ({}), in pieces of {pieces}: {received}", row.id, row.why);
    let answers = row.answers.as_ref().unwrap();
    assert_eq!(statuses(&received), *answers, "{context}");
    if let Some(code) = &row.code {
        let (head, body) = received.rsplit_once("\r\n\r\n").unwrap();
        let problem: serde_json::Value = serde_json::from_str(body).expect(&context);
        assert_eq!(problem["type"], format!("urn:countersign:{code}"), "{context}");
        assert_eq!(problem["status"], *answers.last().unwrap(), "{context}");
        let head = head.to_ascii_lowercase();
        let last = head.rsplit_once("http/1.").unwrap().1;
        for field in ["content-type: application/problem+json", "cache-control: no-store", "connection: close"] {
            assert!(last.contains(field), "{context}");
        }
        assert!(!last.contains("\r\nserver:"), "{context}");
    }
    let seen = live.seen();
    assert_eq!(seen.iter().filter(|seen| seen.whole).count(), row.served, "{context}: {seen:?}");
    assert!(seen.iter().all(|seen| !seen.line.contains("smuggled")), "{context}: {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_on_framing_is_answered_as_the_table_says() {
    let rows = rows();
    let now: Vec<_> = rows.into_iter().filter(|row| row.answers.is_some()).collect();
    assert!(now.len() > 60);
    futures_util::future::join_all(now.iter().map(|row| attack(row, usize::MAX))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octet_by_octet_every_attack_is_answered_the_same() {
    let rows = rows();
    let short = rows.iter().filter(|row| row.answers.is_some() && octets(&row.raw).len() < 400);
    futures_util::future::join_all(short.map(|row| attack(row, 1))).await;
}

#[tokio::test]
async fn the_table_numbers_each_attack_once() {
    let mut ids: Vec<_> = rows().into_iter().map(|row| row.id).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[tokio::test]
async fn requests_carry_who_sent_them() {
    let live = Live::start().await;
    exchange(live.address, b"GET /ok HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n", usize::MAX, false)
        .await;
    let peer = live.seen()[0].peer;
    assert_eq!(peer.client, peer.socket.ip());
    assert!(peer.client.is_loopback());

    let live = Live::behind_loopback_proxies(patient(), "x-forwarded-for").await;
    exchange(live.address, b"GET /ok HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n", usize::MAX, false)
        .await;
    assert_eq!(live.seen()[0].peer.client.to_string(), "192.0.2.1");
}

#[tokio::test]
async fn a_proxy_may_name_its_client_before_http() {
    let live = Live::behind_loopback_proxies(live::brief(), "proxy-protocol").await;
    let request =
        b"PROXY TCP4 192.0.2.1 127.0.0.1 5 6\r\nGET /ok HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n";
    for pieces in [usize::MAX, 1] {
        assert_eq!(statuses(&exchange(live.address, request, pieces, false).await), [200]);
    }
    assert!(live.seen().iter().all(|seen| seen.peer.client.to_string() == "192.0.2.1"));
    let without = exchange(live.address, b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", usize::MAX, true).await;
    assert_eq!((without.as_str(), live.seen().len()), ("", 2), "nobody can say whose request this is");
}

#[tokio::test]
async fn nobody_else_may_name_a_client_before_http() {
    let clients = ClientAddress { source: ClientIpSource::ProxyProtocol, ..ClientAddress::default() };
    let live = Live::start_for(live::brief(), clients).await;
    let forged = b"PROXY TCP4 192.0.2.1 127.0.0.1 5 6\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(statuses(&exchange(live.address, forged, usize::MAX, true).await), [400]);
    let plain = b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(statuses(&exchange(live.address, plain, usize::MAX, false).await), [200]);
    assert!(live.seen().iter().all(|seen| seen.peer.client.is_loopback()));
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight_and_returns() {
    let live = Live::start_with(patient()).await;
    let slow = tokio::spawn(exchange_slow(live.address));
    live.until_seen("GET /slow").await;
    live.stop.cancel();
    assert_eq!(statuses(&slow.await.unwrap()), [200]);
    tokio::time::timeout(Duration::from_secs(5), live.server).await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(live.address).await.is_err());
}

async fn exchange_slow(address: std::net::SocketAddr) -> String {
    exchange(address, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", usize::MAX, true).await
}

#[tokio::test]
async fn a_stop_cuts_off_what_takes_longer_than_a_stop_may_take() {
    let live = Live::start_with(live::brief()).await;
    let endless = tokio::spawn(exchange_endless(live.address));
    live.until_seen("GET /endless").await;
    live.stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), live.server).await.unwrap().unwrap();
    assert_eq!(endless.await.unwrap(), "");
}

async fn exchange_endless(address: std::net::SocketAddr) -> String {
    exchange(address, b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n", usize::MAX, true).await
}
