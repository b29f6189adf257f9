use async_trait::async_trait;
use countersign_core::account::{User, UserState};
use countersign_core::event::Event;
use countersign_core::id::UserId;
use countersign_core::username::Username;

use super::{Change, StoreError};

/// Users. They come into being by [`Enrolments`](super::Enrolments) only, and are never forgotten.
///
/// A row whose MAC does not hold is given back as disabled, or deleted if it says so, and cannot be enabled again.
#[async_trait]
pub trait Users: Send + Sync {
    /// The user of this id, deleted ones included.
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user of this name who is not deleted.
    async fn named(&self, name: &Username) -> Result<Option<User>, StoreError>;

    /// At most `limit` users who are not deleted, by name, after this one.
    async fn list(&self, after: Option<&Username>, limit: u32) -> Result<Vec<User>, StoreError>;

    /// Sets the state. A deleted user stays deleted ([`Change::Missing`]), and deleting revokes all keys of the user at
    /// `event.at`, which needs no events of their own. Leaving `Enabled` raises the generation.
    async fn set_state(&self, id: UserId, state: UserState, event: &Event) -> Result<Change, StoreError>;
}
