//! The tests of `envelope` once more, in TLS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

#[path = "../envelope/connections.rs"]
mod connections;
#[path = "../envelope/messages.rs"]
mod messages;
#[path = "../envelope/scene.rs"]
mod scene;
#[path = "../sockets/mod.rs"]
mod sockets;
#[path = "../whole/mod.rs"]
mod whole;

use std::net::SocketAddr;

use scene::{good_time, stage};
use whole::Whole;

/// The guard of these tests.
async fn start(api: Option<SocketAddr>, toml: &str) -> Whole {
    Whole::start_in_tls(api, toml).await
}
