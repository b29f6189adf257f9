use async_trait::async_trait;
use countersign_core::signature::Authentic;
use countersign_core::time::Timestamp;

use super::StoreError;

/// Remembers which requests have been seen (PROTOCOL §6).
#[async_trait]
pub trait ReplayGuard: Send + Sync {
    /// Of any number of callers bringing the same nonce of the same key, exactly one is told [`Seen::Never`].
    async fn remember(&self, request: &Authentic<'_>, now: Timestamp) -> Result<Seen, StoreError>;
}

/// Whether a request had been seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It had not, and now it has.
    Never,
    /// It had.
    Before,
    /// This key has as many nonces under way as it may have; this one was not remembered.
    TooManyOfThisKey,
    /// The guard is full; this one was not remembered, and nothing was forgotten for it.
    Full,
    /// Created at or before what the guard can vouch for after a restart; it might have been seen.
    Unknown,
}
