//! Answers are signed whatever they are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod whole;

use whole::Whole;

#[tokio::test]
async fn where_there_is_no_memory_for_an_answer_the_refusal_is_signed() {
    let whole = Whole::start(None, "max_buffered = \"1MiB\"\nmax_signed_response = \"1MiB\"").await;
    let alice = whole.confirmed("alice").await;
    let mut all = whole.app.budget.hold();
    assert!(all.grow(1 << 20));
    let request = alice.get("/");
    let answer = whole.call(&request).await;
    assert_eq!(answer.status, 503);
    assert!(request.is_answered_by(&answer));
    assert!(answer.text().contains("urn:countersign:unavailable"));
    drop(all);
    assert_eq!(whole.call(&alice.get("/")).await.status, 200);
}
