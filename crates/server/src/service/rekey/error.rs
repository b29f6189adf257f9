use std::io;

use countersign_core::secret::Unsealable;
use countersign_store::port::SealedPlace;

use crate::data::NotReplaced;
use crate::service::Undecided;

/// Why an exchange was not begun, or broke off. Nothing is lost by either: the former key is there until nothing needs it.
#[derive(Debug, thiserror::Error)]
pub enum RekeyError {
    /// Somebody is at it.
    #[error("the key-encryption key is being exchanged already; `countersign doctor` shows what is left to be done")]
    UnderWay,
    /// The keys could not be replaced where they are kept.
    #[error(transparent)]
    File(#[from] NotReplaced),
    /// Something is sealed under a key that is not there, or not as it was written.
    #[error(
        "{} {} does not open, so the former key-encryption key is kept; look at the database with `countersign doctor`",
        place.table, place.id.escape_default()
    )]
    DoesNotOpen {
        /// Where it stands.
        place: SealedPlace,
        /// Why.
        source: Unsealable,
    },
    /// What a clean stop left could not be sealed anew.
    #[error("the saved ring (replay.ring) cannot be sealed anew")]
    Ring(#[source] io::Error),
    /// The store failed.
    #[error(transparent)]
    Undecided(#[from] Undecided),
}
