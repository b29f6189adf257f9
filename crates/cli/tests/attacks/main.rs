//! Attacks on the live guard: octets over sockets, and what must come of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod corpus;
mod enrolment;
#[path = "../../../server/tests/framing_table/mod.rs"]
mod framing_table;
mod library;
mod middle;
mod process;
mod proxy;
mod streams;
mod support;
mod unproven;
mod websocket;
mod window;

/// What is spoken with the guards here. The same attacks are run over the others by `attacks_tls` and `attacks_http2`.
const TRANSPORT: support::transport::Transport = support::transport::Transport::Plain;
