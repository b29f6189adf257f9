use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::session::{Epoch, Revocation};
use countersign_core::time::Timestamp;

use super::StoreError;

/// The log of what was taken back. Whatever ends a session or raises a generation appends to it in its own transaction.
#[async_trait]
pub trait Revocations: Send + Sync {
    /// At most `limit` entries, oldest first, after this sequence number. An error when one of them cannot be read: nobody
    /// knows whom it is about.
    async fn after(&self, sequence: u64, limit: u32) -> Result<Vec<Revocation>, StoreError>;

    /// How far the log has come.
    async fn head(&self) -> Result<Head, StoreError>;

    /// Begins the next epoch at `event.at`: everything that anybody was issued before is void.
    async fn raise_epoch(&self, event: &Event) -> Result<Epoch, StoreError>;

    /// Forgets the entries whose [`keep_until`](Revocation::keep_until) is before `now`.
    async fn forget(&self, now: Timestamp) -> Result<(), StoreError>;
}

/// How far the log has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The current epoch.
    pub epoch: Epoch,
    /// The sequence number of the last entry, forgotten or not; zero before the first.
    pub sequence: u64,
}
