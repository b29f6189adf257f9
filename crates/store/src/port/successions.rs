use async_trait::async_trait;
use countersign_core::account::{KeyRecord, Ticket};
use countersign_core::event::Event;
use countersign_core::id::{KeyId, UserId};
use countersign_core::time::Timestamp;

use super::{Change, StoreError};

/// How the further keys of a user come into being, and how keys end one another (protocol §10). The rules are those of
/// [`succession`](countersign_core::succession).
#[async_trait]
pub trait Successions: Send + Sync {
    /// Keeps a key in the place of another, which its origin names, at `event.at`: the other one ends when its
    /// [overlap](countersign_core::succession::overlap_end) does. Of any number of successors of one key, exactly one is
    /// kept; after [`Succeeded::NotTheSuccessor`] nothing has changed. An id of a key that exists is an error.
    async fn succeed(&self, successor: &KeyRecord, event: &Event) -> Result<Succeeded, StoreError>;

    /// A key that is ending ends no later than `end`. [`Change::Already`] when it is not ending, or not later than that.
    async fn hasten(&self, id: &KeyId, end: Timestamp, event: &Event) -> Result<Change, StoreError>;

    /// Revokes a key whose end has come by `event.at`, as of that end. Its successors stay. [`Change::Already`] when it is
    /// not ending, or not yet.
    async fn end(&self, id: &KeyId, event: &Event) -> Result<Change, StoreError>;

    /// Does what [`take_back`](countersign_core::succession::take_back) says to the keys of this user, at `event.at`. Each
    /// key that ends has its own event, which is `event` for that key.
    async fn take_back(
        &self,
        user: UserId,
        target: &KeyId,
        signer: &KeyId,
        event: &Event,
    ) -> Result<TakenBack, StoreError>;

    /// Uses up the ticket that the key's origin names, revokes all keys of the user and keeps this one, all or nothing, at
    /// `event.at`. After [`Succeeded::NotTheSuccessor`] nothing has changed: the ticket is not good, or is not this user's,
    /// or the user is not enabled.
    async fn recover(&self, key: &KeyRecord, event: &Event) -> Result<Succeeded, StoreError>;

    /// Keeps these recovery codes of a user, and revokes those that were open before.
    async fn replace_codes(&self, user: UserId, codes: &[Ticket], event: &Event) -> Result<(), StoreError>;
}

/// What became of a key that was to take the place of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succeeded {
    /// It has.
    Done,
    /// What it comes by gives it no place: it was ended, replaced or used meanwhile.
    NotTheSuccessor,
}

/// What became of a user's word against a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// These keys have ended now.
    Ended(Vec<KeyId>),
    /// The user has no such key.
    NotTheirs,
    /// The key that spoke has come from it.
    OwnAncestor,
}
