//! The ports over maps under one lock, without I/O: what each operation means, for every other adapter to be held to.

mod accept_marks;
mod burnt_nonces;
mod enrolments;
mod event_chain;
mod events;
mod keys;
mod outcomes;
mod replay;
mod revocations;
mod sealings;
mod server_secrets;
mod sessions;
mod successions;
mod tickets;
mod token_families;
mod users;

pub use replay::{Burn, Limits, MemoryReplayGuard, Unrestorable, Usage};

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use countersign_core::account::{KeyRecord, Ticket, User};
use countersign_core::id::{FamilyId, KeyId, SessionRef, TicketId, UserId};
use countersign_core::idempotency::{OutcomeId, Record};
use countersign_core::password::PasswordHash;
use countersign_core::replay::AcceptMark;
use countersign_core::secret::Sealed;
use countersign_core::session::{Epoch, Family, Revocation, Session};
use countersign_core::time::Timestamp;

use crate::port::StoreError;
use event_chain::Log;

/// Everything a guard keeps, for as long as the process lives.
///
/// One lock over all of it makes each operation atomic. A lock that a panic has poisoned is never opened again: its
/// maps may be half changed, and a store that cannot answer is refused, not believed.
#[derive(Debug, Default)]
pub struct Memory {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    secrets: BTreeMap<String, Sealed>,
    users: BTreeMap<UserId, User>,
    passwords: BTreeMap<UserId, PasswordHash>,
    keys: BTreeMap<KeyId, KeyRecord>,
    tickets: BTreeMap<TicketId, Ticket>,
    log: Log,
    mark: Option<AcceptMark>,
    burnt: BTreeMap<(String, Vec<u8>), Timestamp>,
    notes: BTreeMap<[u8; 32], Timestamp>,
    outcomes: BTreeMap<OutcomeId, Record>,
    sessions: BTreeMap<SessionRef, Session>,
    families: BTreeMap<FamilyId, Family>,
    revocations: Vec<Revocation>,
    /// The sequence number of the last revocation, forgotten or not.
    revoked: u64,
    epoch: Epoch,
    /// The oldest version of the key-encryption key under which anything may be taken in.
    oldest: u32,
}

impl Memory {
    fn kept(&self) -> Result<MutexGuard<'_, Kept>, StoreError> {
        self.kept.lock().map_err(|_| StoreError::failed(Poisoned))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a panic has left the store in memory half changed")]
struct Poisoned;

/// An id that is random enough never to come twice has come twice.
#[derive(Debug, thiserror::Error)]
#[error("there is a {0} of this id already")]
struct IdTaken(&'static str);

/// What is kept for a user needs one.
#[derive(Debug, thiserror::Error)]
#[error("there is no user of this id")]
struct NoUser;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::port::Events as _;

    #[tokio::test]
    async fn after_a_panic_under_the_lock_every_operation_fails() {
        let memory = Arc::new(Memory::default());
        let held = Arc::clone(&memory);
        let panicked = std::thread::spawn(move || {
            let _kept = held.kept.lock().unwrap();
            panic!("while the lock is held");
        });
        assert!(panicked.join().is_err());
        assert!(matches!(memory.latest(1).await, Err(StoreError::Failed(_))));
    }
}
