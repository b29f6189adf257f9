use async_trait::async_trait;
use countersign_core::time::Timestamp;

use super::StoreError;

/// Nonces of future-dated requests: refused, and burnt for as long as they could still become valid.
#[async_trait]
pub trait BurntNonces: Send + Sync {
    /// Burns a nonce; durable when it returns. At most `limit` are kept per key. A nonce that comes again is kept until
    /// the later of both times: it may have been signed anew, further ahead.
    async fn burn(&self, nonce: &BurntNonce, limit: u32) -> Result<Burning, StoreError>;

    /// All that are kept, for the guard in memory at start.
    async fn all(&self) -> Result<Vec<BurntNonce>, StoreError>;

    /// Forgets those with `keep_until` before `now`.
    async fn forget(&self, now: Timestamp) -> Result<(), StoreError>;
}

/// A nonce that must not run although its time has not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurntNonce {
    /// The `keyid` it came with.
    pub keyid: String,
    /// The decoded octets of the nonce.
    pub nonce: Vec<u8>,
    /// As [`burnt_until`](countersign_core::replay::burnt_until) says.
    pub keep_until: Timestamp,
}

/// What became of burning a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burning {
    /// It is burnt now.
    Burnt,
    /// It was burnt before.
    Already,
    /// This key has as many burnt nonces as may be kept; it must rotate.
    TooMany,
}
