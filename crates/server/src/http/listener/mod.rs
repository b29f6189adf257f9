//! The accept loop: connections, their limits, and the guard that lets only well-formed messages through.
//!
//! ```text
//!   socket → gate (caps) → guard (strict framing, in place) → hyper → door (refusals, peer) → service
//!                             └────────── ledger ──────────────────────┘
//!                                            └── driver (one clock: every timeout)
//! ```
//!
//! With TLS, a greeting comes before the guard. What was agreed upon there may be HTTP/2 (`streams`): then hyper reads the
//! frames, the guard only watches the writing, and a door of its own judges heads that have no octets any more.

mod accept;
mod answer;
mod body;
mod caller;
mod connection;
mod door;
mod drive;
mod framing;
mod gate;
mod greeting;
mod guard;
mod held;
mod ledger;
mod limits;
mod patience;
mod preamble;
mod streams;

pub use self::accept::{Sockets, serve};
pub use self::body::RequestBody;
pub use self::framing::BodyViolation;
pub use self::limits::{Limits, Pace};

#[cfg(test)]
mod tests;
