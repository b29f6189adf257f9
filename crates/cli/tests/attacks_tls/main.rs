//! The attacks of `attacks` once more, over HTTP/1.1 in TLS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]
#![allow(dead_code, reason = "not all that is at hand is used here")]

#[path = "../attacks/corpus/mod.rs"]
mod corpus;
#[path = "../attacks/enrolment.rs"]
mod enrolment;
#[path = "../../../server/tests/framing_table/mod.rs"]
mod framing_table;
#[path = "../attacks/middle.rs"]
mod middle;
#[path = "../attacks/process/mod.rs"]
mod process;
#[path = "../attacks/proxy/mod.rs"]
mod proxy;
#[path = "../attacks/streams/mod.rs"]
mod streams;
#[path = "../attacks/support/mod.rs"]
mod support;
#[path = "../attacks/unproven.rs"]
mod unproven;
#[path = "../attacks/websocket/mod.rs"]
mod websocket;
#[path = "../attacks/window.rs"]
mod window;

/// What is spoken with the guards here.
const TRANSPORT: support::transport::Transport = support::transport::Transport::Tls;
