use async_trait::async_trait;
use countersign_core::replay::AcceptMark;

use super::StoreError;

/// Keeps the accept mark through restarts (protocol §6, I5 and I6). A store keeps
/// [`to_octets`](AcceptMark::to_octets) and understands none of it.
#[async_trait]
pub trait AcceptMarks: Send + Sync {
    /// The mark that was kept last.
    async fn load(&self) -> Result<Option<AcceptMark>, StoreError>;

    /// Keeps this mark; durable when it returns. A mark that does not [supersede](AcceptMark::supersedes) the kept one is
    /// late: it changes nothing, and that is no error.
    async fn keep(&self, mark: &AcceptMark) -> Result<(), StoreError>;
}
