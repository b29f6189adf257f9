//! Idempotency keys (protocol §7): a request that may have been carried out can be sent again, and acts once.
//!
//! The guard keeps a [`Record`] for each user and key. [`begin`] says what a request meets there, [`Finality`] what an
//! answer says about the request behind it. Nothing here reads or writes; a store does both in one step.

mod answer;
mod fingerprint;
mod key;
mod record;

pub use answer::{KeptAnswer, MAX_KEPT};
pub use fingerprint::{Fingerprint, OutcomeId, OutcomeNames};
pub use key::{IdempotencyKey, MalformedKey};
pub use record::{Attempt, Begun, Finality, Outcome, RETENTION, Record, RunId, Start, State, begin};
