//! Sessions that are taken back, and access tokens that are not believed, over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

#[path = "../whole/mod.rs"]
mod whole;

#[path = "../sessions/scene.rs"]
mod scene;

#[path = "../signed_in/mod.rs"]
mod signed_in;

mod bearer;
mod clocks;
mod ending;
mod requirements;
mod wire;
