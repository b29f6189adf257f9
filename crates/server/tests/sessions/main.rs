//! Sessions over real sockets: logins, refreshes and ends, by those whose they are and by those who would have them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by them, and draws nonces as a client does"
)]

#[path = "../whole/mod.rs"]
mod whole;

mod ending;
mod limits;
mod login;
mod refresh;
mod scene;
mod sensitive;
