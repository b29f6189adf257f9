//! What the API behind is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod whole;

use tokio::io::AsyncWriteExt as _;
use whole::{Answer, Whole, api};

#[tokio::test]
async fn the_api_is_told_the_authority_that_was_signed_whatever_its_spelling_on_the_way() {
    let (address, heads) = api(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let whole = Whole::start(Some(address), "").await;
    let mut alice = whole.confirmed("alice").await;
    alice.authority = format!("localhost:{}", whole.address.port());
    let signed = alice.get("/");
    let on_the_way = String::from_utf8(signed.octets.clone()).unwrap().replace("host: localhost", "host: LocalHost");
    let mut stream = whole.connect().await;
    stream.write_all(on_the_way.as_bytes()).await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.status, 200);
    let heads = heads.lock().unwrap();
    assert!(heads[0].contains(&format!("host: {}\r\n", alice.authority)), "{}", heads[0]);
}

#[tokio::test]
async fn an_empty_query_that_was_added_on_the_way_does_not_reach_the_api() {
    let (address, heads) = api(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let whole = Whole::start(Some(address), "").await;
    let signed = whole.confirmed("alice").await.get("/transfers");
    let on_the_way = String::from_utf8(signed.octets).unwrap().replace("GET /transfers ", "GET /transfers? ");
    let mut stream = whole.connect().await;
    stream.write_all(on_the_way.as_bytes()).await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.status, 200, "the signature base is the same");
    let heads = heads.lock().unwrap();
    assert!(heads[0].starts_with("GET /transfers HTTP/1.1\r\n"), "{}", heads[0]);
}
