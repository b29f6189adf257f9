use async_trait::async_trait;
use countersign_core::event::Event;

use super::StoreError;

/// The longest actor that is kept, in octets; a longer one is cut.
pub const MAX_ACTOR: usize = 128;

/// The longest detail that is kept, in octets; a longer one is cut.
pub const MAX_DETAIL: usize = 512;

/// The event log. Rows are added, never changed.
///
/// Whoever adds an event, by whichever port, has its `actor` and `detail` cut at [`MAX_ACTOR`] and [`MAX_DETAIL`].
#[async_trait]
pub trait Events: Send + Sync {
    /// Adds an event that tells of no change in the store.
    async fn record(&self, event: &Event) -> Result<(), StoreError>;

    /// At most `limit` events, oldest first, after this sequence number.
    async fn list(&self, after: u64, limit: u32) -> Result<Vec<Recorded>, StoreError>;

    /// The newest `limit` events, oldest first.
    async fn latest(&self, limit: u32) -> Result<Vec<Recorded>, StoreError>;
}

/// An event and its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Grows by one for each event, from one.
    pub sequence: u64,
    /// The event.
    pub event: Event,
}
