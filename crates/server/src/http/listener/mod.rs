//! The accept loop: connections, their limits, and the guard that lets only well-formed messages through.
//!
//! ```text
//!   socket → gate (caps) → guard (strict framing, in place) → hyper → door (refusals, peer) → service
//!                             └────────── ledger ──────────────────────┘
//!                                            └── driver (one clock: every timeout)
//! ```

mod accept;
mod answer;
mod body;
mod caller;
mod connection;
mod door;
mod drive;
mod framing;
mod gate;
mod guard;
mod held;
mod ledger;
mod limits;
mod patience;
mod preamble;

pub use self::accept::serve;
pub use self::body::RequestBody;
pub use self::framing::BodyViolation;
pub use self::limits::{Limits, Pace};

#[cfg(test)]
mod tests;
