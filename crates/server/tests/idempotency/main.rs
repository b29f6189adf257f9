//! Requests under idempotency keys, over real sockets: carried out once, however often they come.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod keeping;
mod meaning;
mod scene;
#[path = "../whole/mod.rs"]
mod whole;
