//! The replay guard of one machine.
//!
//! A nonce is kept from its first use until the accept clock has passed `created + W + 1 s`, whatever happens: pressure is
//! refused, never made room for (protocol §6, I1, I3, I4). The design asks for one bucket per second, dropped whole; here
//! the second stands in the entry and a sweep drops what has passed. A bucket is found by `created`, so one nonce under
//! two `created` values would be two; here it is one, as it is in any shared store that is keyed by nonce.

mod counts;
mod name;
mod saved;
mod shard;
mod table;

#[cfg(test)]
mod tests;

pub use saved::Unrestorable;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use countersign_core::replay::Fence;
use countersign_core::secret::Secret32;
use countersign_core::signature::Authentic;
use countersign_core::time::{Freshness, Timestamp};

use self::name::{Names, SHARDS};
use self::shard::{Rules, Shard};
use crate::port::{ReplayGuard, Seen, StoreError};

/// How many nonces may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one key. At W = 5 s a key that keeps on sending has six seconds' worth of nonces under way.
    pub per_key: u32,
    /// Of all keys; each takes less than 32 octets of memory.
    pub total: usize,
}

impl Default for Limits {
    /// 10,000 requests a second of one key at W = 5 s, and 128 MiB in all.
    fn default() -> Self {
        Self { per_key: 60_000, total: 4 << 20 }
    }
}

/// How full the guard is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Nonces that are remembered.
    pub nonces: usize,
    /// Keys that they are of.
    pub keys: usize,
    /// Octets of memory for the nonces.
    pub octets: usize,
}

/// What became of burning a nonce in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burn {
    /// It is burnt, now or before.
    Done,
    /// Too late: a request with this nonce has been accepted.
    Accepted,
    /// This key has as many burnt nonces as it may have.
    TooMany,
}

/// A replay guard in memory, for any number of threads.
pub struct MemoryReplayGuard {
    names: Names,
    /// `None` once the shard has been saved.
    shards: Box<[Mutex<Option<Shard>>]>,
    rules: Rules,
    fence: Fence,
}

impl MemoryReplayGuard {
    /// An empty guard that refuses what `fence` refuses. The secret is the same at every start, or a saved ring is of no
    /// use, and known to nobody, or names can be made to collide.
    pub fn new(secret: &Secret32, freshness: Freshness, limits: Limits) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Some(Shard::default()))).collect();
        let rules = Rules { freshness, limits, live: AtomicUsize::new(0) };
        Self { names: Names::new(secret), shards, rules, fence: Fence::default() }
    }

    /// The same guard, refusing what this run cannot vouch for.
    #[must_use]
    pub fn behind(self, fence: Fence) -> Self {
        Self { fence, ..self }
    }

    /// Remembers a nonce of a key, or says why not. Of any number of threads bringing the same one, exactly one is told
    /// [`Seen::Never`]. The caller has checked the MAC, and that `created` is within the window at `now`.
    ///
    /// # Errors
    /// When the guard has been saved, or a thread died while it held the lock.
    pub fn remember_at(
        &self,
        keyid: &str,
        nonce: &[u8],
        created: Timestamp,
        now: Timestamp,
    ) -> Result<Seen, StoreError> {
        if self.fence.refuses(created) {
            return Ok(Seen::Unknown);
        }
        let name = self.names.of(keyid, nonce);
        self.within(name.shard, |shard| shard.remember(name, created, now, &self.rules))
    }

    /// Burns the nonce of a future-dated request, at most `limit` per key.
    ///
    /// # Errors
    /// As [`remember_at`](Self::remember_at).
    pub fn burn(&self, keyid: &str, nonce: &[u8], keep_until: Timestamp, limit: u32) -> Result<Burn, StoreError> {
        let name = self.names.of(keyid, nonce);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.within(name.shard, |shard| shard.burn(name, keep_until, limit))
    }

    /// Frees the memory of what may be forgotten at `now`. Shards that are in use do it by themselves; those that lie idle
    /// need to be told, or what they hold counts against the total.
    ///
    /// # Errors
    /// As [`remember_at`](Self::remember_at).
    pub fn move_on(&self, now: Timestamp) -> Result<(), StoreError> {
        (0..SHARDS).try_for_each(|shard| self.within(shard, |shard| shard.move_on(now, &self.rules)))
    }

    /// How full it is.
    ///
    /// # Errors
    /// As [`remember_at`](Self::remember_at).
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let nonces = self.rules.live.load(Ordering::Relaxed);
        (0..SHARDS).try_fold(Usage { nonces, ..Usage::default() }, |usage, shard| {
            let (octets, keys) = self.within(shard, |shard| shard.size())?;
            Ok(Usage { octets: usage.octets + octets, keys: usage.keys + keys, ..usage })
        })
    }

    fn within<T>(&self, shard: usize, act: impl FnOnce(&mut Shard) -> T) -> Result<T, StoreError> {
        let mut shard = lock(self.shards.get(shard).ok_or_else(closed)?)?;
        shard.as_mut().map(act).ok_or_else(closed)
    }
}

/// A thread that died with the lock in its hand may have left half a change: that shard can't decide any more.
fn lock(shard: &Mutex<Option<Shard>>) -> Result<MutexGuard<'_, Option<Shard>>, StoreError> {
    shard.lock().map_err(|_| StoreError::Failed("the replay guard is damaged".into()))
}

fn closed() -> StoreError {
    StoreError::Failed("the replay guard is closed".into())
}

#[async_trait]
impl ReplayGuard for MemoryReplayGuard {
    async fn remember(&self, request: &Authentic<'_>, now: Timestamp) -> Result<Seen, StoreError> {
        self.remember_at(request.keyid(), request.nonce(), request.created(), now)
    }
}

impl fmt::Debug for MemoryReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplayGuard")
            .field("rules", &self.rules)
            .field("fence", &self.fence)
            .finish_non_exhaustive()
    }
}
