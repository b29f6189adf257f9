use async_trait::async_trait;
use countersign_core::idempotency::{Attempt, Begun, Outcome, OutcomeId, RunId, Start};
use countersign_core::time::Timestamp;

use super::StoreError;

/// What became of requests with idempotency keys (protocol §7). A store keeps
/// [`Record`](countersign_core::idempotency::Record)s and decides by
/// [`begin`](countersign_core::idempotency::begin), in one step with what follows from it.
#[async_trait]
pub trait Outcomes: Send + Sync {
    /// Says what a request meets under its key. Of any number of callers with one key, exactly one is told
    /// [`Begun::First`], and by then it is durable that this one was started. A record that is
    /// [past](countersign_core::idempotency::Record::is_past) counts as none. `quota` is in octets and for each user.
    ///
    /// After an error the request may count as started. It must not be carried out.
    async fn begin(&self, start: &Start, quota: u64) -> Result<Begun, StoreError>;

    /// Keeps the outcome of the attempt that was told to be the first of its key; durable when it returns. A record that
    /// is not started, or was started by another attempt, is left as it is.
    async fn settle(&self, id: &OutcomeId, attempt: Attempt, outcome: &Outcome) -> Result<(), StoreError>;

    /// How many requests were started by other runs than this and have no outcome: they never will.
    async fn unsettled(&self, run: RunId) -> Result<u64, StoreError>;

    /// Forgets what is past.
    async fn forget(&self, now: Timestamp, run: RunId) -> Result<(), StoreError>;
}
