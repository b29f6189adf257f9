//! The Countersign protocol and policy.
//!
//! Everything here is a pure function of its arguments: time and randomness come in from outside, nothing is read,
//! written or awaited. That is why every rule in this crate can be tested to the millisecond and without sleeping, and
//! why the server, the client and any other implementation can share one set of vectors.

pub mod account;
pub mod authority;
pub mod encoding;
pub mod enrolment;
pub mod envelope;
pub mod event;
pub mod guessing;
pub mod id;
pub mod idempotency;
mod json;
pub mod network;
pub mod password;
pub mod permission;
pub mod problem;
pub mod replay;
pub mod secret;
pub mod session;
pub mod signature;
pub mod stream;
pub mod succession;
pub mod time;
pub mod token;
pub mod username;
pub mod verdict;
