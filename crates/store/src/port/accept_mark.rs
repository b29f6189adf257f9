use async_trait::async_trait;
use countersign_core::time::Timestamp;

use super::StoreError;

/// The persisted part of the accept clock (protocol §6, I5 and I6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptMark {
    /// No request has been accepted with the accept clock beyond this.
    pub mark: Timestamp,
    /// Nothing created at or before this is accepted any more, whatever the clock says.
    pub low_water: Timestamp,
}

/// Keeps the accept mark through restarts.
#[async_trait]
pub trait AcceptMarks: Send + Sync {
    /// The mark that was kept last.
    async fn load(&self) -> Result<Option<AcceptMark>, StoreError>;

    /// Keeps this mark; durable when it returns.
    async fn keep(&self, mark: AcceptMark) -> Result<(), StoreError>;
}
