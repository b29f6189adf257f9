use async_trait::async_trait;
use countersign_core::account::KeyRecord;
use countersign_core::event::Event;
use countersign_core::id::{KeyId, UserId};

use super::{Change, StoreError};

/// Signing keys. They come into being by [`Enrolments`](super::Enrolments) and [`Successions`](super::Successions) only, and
/// are never forgotten.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The key of this id, revoked ones included. A row whose MAC does not hold is given back as revoked, and nothing
    /// else in it can be relied upon: its root may not open.
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError>;

    /// At most `limit` keys by id, after this one; for the table in memory at start. Here and in other lists a row that
    /// cannot even be read is left out and reported, so that it harms nobody else; only the last page is short.
    async fn list(&self, after: Option<&KeyId>, limit: u32) -> Result<Vec<KeyRecord>, StoreError>;

    /// All keys of a user, by id.
    async fn of_user(&self, user: UserId) -> Result<Vec<KeyRecord>, StoreError>;

    /// Revokes the key at `event.at`, for ever, and all that have come from it by rotation: whoever held a key that must
    /// not be trusted may have made them. Each key that ends has its own event, which is `event` for that key.
    async fn revoke(&self, id: &KeyId, event: &Event) -> Result<Change, StoreError>;
}
