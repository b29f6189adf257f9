use async_trait::async_trait;
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{SessionRef, UserId};
use countersign_core::time::Timestamp;
use tokio::sync::watch;

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

    /// The events that are asked for, oldest first.
    async fn select(&self, selection: &Selection) -> Result<Vec<Recorded>, StoreError>;

    /// The number of the last event whenever there is a new one. Whoever is told reads what is new by [`select`](Self::select).
    fn last(&self) -> watch::Receiver<u64>;

    /// At most `limit` events, oldest first, after this sequence number.
    async fn list(&self, after: u64, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.select(&Selection { after: Some(after), limit, ..Selection::default() }).await
    }

    /// The newest `limit` events, oldest first.
    async fn latest(&self, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.select(&Selection { limit, ..Selection::default() }).await
    }
}

/// Which events are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The oldest after this sequence number; without one the newest.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: u32,
    /// Of these kinds only; of any where it is empty.
    pub kinds: Vec<EventKind>,
    /// About this user only.
    pub user: Option<UserId>,
    /// About this session only.
    pub session: Option<SessionRef>,
    /// Not from before this time.
    pub since: Option<Timestamp>,
}

/// An event and its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Grows by one for each event, from one.
    pub sequence: u64,
    /// The event.
    pub event: Event,
}
