//! Use cases, one per file. They know ports and the core, never HTTP and never an adapter.

pub mod claim;
pub mod confirm;
pub mod control;
pub mod enrol;
pub mod folding;
pub mod handshakes;
pub mod seed_enrol;
pub mod throttle;
pub mod verify_request;

use countersign_core::secret::Unsealable;
use countersign_store::port::StoreError;

use crate::keyring::InDoubt;

/// Nothing could be decided. The caller is refused with 503; nobody is ever admitted by this.
#[derive(Debug, thiserror::Error)]
pub enum Undecided {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault left the table of keys in doubt.
    #[error(transparent)]
    Keyring(#[from] InDoubt),
    /// A stored secret does not open.
    #[error(transparent)]
    Unsealable(#[from] Unsealable),
    /// More work is waiting than may wait.
    #[error("too much work is waiting")]
    Overloaded,
}
