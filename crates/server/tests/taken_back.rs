//! Keys that are taken back or confirmed while requests of theirs are under way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod whole;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use whole::{Answer, Whole};

#[tokio::test]
async fn a_request_whose_body_is_still_coming_when_its_key_is_taken_back_does_not_run() {
    for (operation, by_key) in [("revoke-key", true), ("disable-user", false), ("delete-user", false)] {
        let (api, heads) = whole::api(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let whole = Whole::start(Some(api), "").await;
        let alice = whole.confirmed("alice").await;
        let request = alice.post("/transfers", b"everything");
        let (first, rest) = request.octets.split_at(request.octets.len() - 5);
        let mut stream = whole.connect().await;
        stream.write_all(first).await.unwrap();
        while whole.app.replay.usage().unwrap().nonces < 2 {
            tokio::task::yield_now().await;
        }
        let arguments = if by_key { json!({ "keyid": alice.keyid.as_str() }) } else { json!({ "username": "alice" }) };
        whole.operate(operation, arguments).await;
        stream.write_all(rest).await.unwrap();
        let answer = Answer::read(&mut stream).await;
        assert_eq!(answer.status, 401, "{operation}");
        assert!(request.is_answered_by(&answer), "{operation}: and the refusal is signed");
        assert!(heads.lock().unwrap().is_empty(), "{operation}: the API was called");
    }
}
