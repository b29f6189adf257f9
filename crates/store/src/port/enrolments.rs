use async_trait::async_trait;
use countersign_core::account::{KeyRecord, User};
use countersign_core::event::Event;
use countersign_core::time::Timestamp;

use super::StoreError;

/// How a user and a first key come into being.
#[async_trait]
pub trait Enrolments: Send + Sync {
    /// Takes the name, consumes the ticket and keeps the key, all or nothing, at `event.at`. A ticket that is used,
    /// revoked or past its `not_after` at that time gives [`Confirmed::TicketSpent`], and only then a name that is taken
    /// [`Confirmed::NameTaken`]; after either nothing has changed. An id of a user or key that exists is an error.
    async fn confirm(&self, confirmation: &Confirmation, event: &Event) -> Result<Confirmed, StoreError>;

    /// Notes the hash of an enrolment message until `keep_until`. Of any number of callers bringing the same hash,
    /// exactly one is told [`Noted::First`].
    async fn note(&self, hash: [u8; 32], keep_until: Timestamp) -> Result<Noted, StoreError>;

    /// Forgets the notes with `keep_until` before `now`.
    async fn forget_notes(&self, now: Timestamp) -> Result<(), StoreError>;
}

/// What a first signed request confirms.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// The user to be.
    pub user: User,
    /// The first key; its origin names the ticket to consume, if it came by one.
    pub key: KeyRecord,
}

/// What became of a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// User and key exist, the ticket is used.
    Done,
    /// Somebody else has taken the name.
    NameTaken,
    /// The ticket is used, revoked, expired or unknown.
    TicketSpent,
}

/// Whether a hash had been noted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It had not.
    First,
    /// It had.
    Before,
}
