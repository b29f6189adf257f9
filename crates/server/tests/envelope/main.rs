//! Envelopes over a WebSocket, through the whole guard, and against somebody in the middle of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod connections;
mod messages;
mod scene;
#[path = "../sockets/mod.rs"]
mod sockets;
#[path = "../whole/mod.rs"]
mod whole;

use std::net::SocketAddr;

use scene::{good_time, stage};
use whole::Whole;

/// The guard of these tests. `envelope_tls` runs them over one that speaks TLS.
async fn start(api: Option<SocketAddr>, toml: &str) -> Whole {
    Whole::start(api, toml).await
}
