//! One trait per file. A port states an intention, and whatever must be atomic is one method.
//!
//! Every change takes the [`Event`](countersign_core::event::Event) that tells of it, written in the same transaction,
//! so that nothing happens unrecorded and nothing is recorded that did not happen.
//!
//! Any operation may be dropped half way. A read is then forgotten; a change is either not begun or made whole, and its
//! caller, having no answer, must take it for either.

mod accept_mark;
mod burnt_nonces;
mod enrolments;
mod event_chain;
mod events;
mod keys;
mod outcomes;
mod replay_guard;
mod revocations;
mod sealings;
mod server_secrets;
mod sessions;
mod successions;
mod tickets;
mod token_families;
mod users;

pub use accept_mark::AcceptMarks;
pub use burnt_nonces::{Burning, BurntNonce, BurntNonces};
pub use enrolments::{Confirmation, Confirmed, Enrolments, Noted};
pub use event_chain::{Begun, ChainFault, End, EventChain, MAX_FAULTS, Pruned, Verification};
pub use events::{Events, MAX_ACTOR, MAX_DETAIL, Recorded, Selection};
pub use keys::Keys;
pub use outcomes::Outcomes;
pub use replay_guard::{ReplayGuard, Seen};
pub use revocations::{Head, Revocations};
pub use sealings::{Reseal, Resealed, Retirement, SealedPage, SealedPlace, Sealing, Sealings};
pub use server_secrets::{OWNER_OF_SERVER_SECRETS, ServerSecrets};
pub use sessions::{Opened, Sessions, Touched};
pub use successions::{Succeeded, Successions, TakenBack};
pub use tickets::Tickets;
pub use token_families::{Presentation, Refreshed, TokenFamilies, UsedToken};
pub use users::{Added, PasswordSet, Users};

use std::error::Error;

/// Why a store could not do what it was asked. The guard then refuses; it never admits.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It may have been done or not.
    #[error("the store did not answer in time")]
    TimedOut,
    /// It was not done.
    #[error("the store failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// The disk has failed under a change, which may have been made or not. Nothing is written any more: after an
    /// error of the disk nobody knows what it holds, until the store is opened again.
    #[error("the store has stopped after an error of the disk; start again to find out what was kept")]
    Halted,
    /// What was stored is not what we wrote.
    #[error("stored {what} cannot be read back")]
    Corrupt {
        /// The kind of row.
        what: &'static str,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// A failure that has done nothing.
    pub(crate) fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(source.into())
    }
}

/// What became of a change that is made at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was made now, and its event recorded.
    Made,
    /// It had been made before; no event was recorded.
    Already,
    /// There is no such thing.
    Missing,
}
