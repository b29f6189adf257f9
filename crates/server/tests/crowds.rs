//! More connections than there is room for: whoever means it still gets through.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod live;

use std::net::SocketAddr;
use std::time::Duration;

use countersign_server::http::listener::Limits;
use live::{Live, exchange, patient, statuses};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

const GET: &[u8] = b"GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A connection from another address of loopback.
async fn connect_from(last: u8, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    socket.connect(address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_half_open_connections_keep_nobody_out() {
    let limits = Limits { connections: 200, per_network: 100, ..patient() };
    let live = Live::start_with(limits).await;
    let mut half_open = Vec::new();
    for number in 0..2_000_u32 {
        let mut stream = connect_from(2 + (number % 50) as u8, live.address).await;
        // Those that were given up meanwhile cannot be written to.
        let _ = stream.write_all(b"GET /never HT").await;
        half_open.push(stream);
        if number % 100 == 99 {
            assert_eq!(statuses(&exchange(live.address, GET, usize::MAX, true).await), [200], "after {number}");
        }
        if half_open.len() > 400 {
            half_open.drain(..100);
        }
    }
    assert!(live.seen().iter().all(|seen| seen.line == "GET /ok"));
}

#[tokio::test]
async fn a_crowd_from_one_address_pushes_out_its_own() {
    let live = Live::start_with(Limits { connections: 200, per_network: 10, ..patient() }).await;
    let mut neighbour = connect_from(9, live.address).await;
    let mut half_open = Vec::new();
    for _ in 0..60 {
        half_open.push(connect_from(2, live.address).await);
    }
    assert_eq!(statuses(&exchange(live.address, GET, usize::MAX, true).await), [200]);
    let mut first = half_open.swap_remove(0);
    assert_eq!(timeout(Duration::from_secs(20), first.read(&mut [0; 64])).await.unwrap().unwrap_or(0), 0);
    neighbour.write_all(GET).await.unwrap();
    let mut answer = String::new();
    neighbour.read_to_string(&mut answer).await.unwrap();
    assert_eq!(statuses(&answer), [200]);
}

#[tokio::test]
async fn when_all_are_busy_a_newcomer_is_told_to_come_back() {
    let live = Live::start_with(Limits { connections: 2, ..patient() }).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(live.address).await.unwrap();
        stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        busy.push(stream);
    }
    while live.seen().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut newcomer = TcpStream::connect(live.address).await.unwrap();
    let mut answer = String::new();
    newcomer.read_to_string(&mut answer).await.unwrap();
    assert_eq!(statuses(&answer), [503]);
    assert!(answer.contains("retry-after: 1") && answer.contains("urn:countersign:unavailable"));
    drop(busy);
    while statuses(&exchange(live.address, GET, usize::MAX, true).await) != [200] {}
}

#[tokio::test]
async fn idle_connections_make_room_for_newcomers() {
    let live = Live::start_with(Limits { connections: 4, ..patient() }).await;
    let mut idle = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(live.address).await.unwrap();
        stream.write_all(b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        while stream.read(&mut [0; 1_024]).await.unwrap() == 0 {}
        idle.push(stream);
    }
    for _ in 0..4 {
        assert_eq!(statuses(&exchange(live.address, GET, usize::MAX, true).await), [200]);
    }
}
