//! Which requests have been seen, and by which clock they are accepted: the replay guard of this process, and what of it
//! survives a restart (protocol §6).

mod saved_ring;

use std::io;
use std::sync::{Mutex, PoisonError};

use countersign_core::replay::{AcceptClock, Judgement, Reading, burnt_until};
use countersign_core::signature::Authentic;
use countersign_core::time::Timestamp;
use countersign_core::verdict::Refusal;
use countersign_store::Stores;
use countersign_store::memory::{Limits, MemoryReplayGuard, Usage};
use countersign_store::port::{Burning, BurntNonce, ReplayGuard as _, Seen, StoreError};

use crate::accounts::Accounts;
use crate::data::DataDir;

/// How many nonces of future-dated requests one key may have burnt; then it must be replaced.
const BURNT_PER_KEY: u32 = 64;

/// Why what has been seen could not be loaded or saved.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file of a clean stop.
    #[error("the saved ring of the replay guard cannot be {action}: {source}")]
    Ring {
        /// `read`, `removed` or `written`.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The ring could not be sealed.
    #[error("the saved ring of the replay guard cannot be sealed")]
    Unsealable,
}

/// The replay guard of this process.
#[derive(Debug)]
pub struct ReplayState {
    clock: Mutex<AcceptClock>,
    guard: MemoryReplayGuard,
    stores: Stores,
}

impl ReplayState {
    /// Takes over from the last run: its mark, its burnt nonces and, after a clean stop, all that it had seen. The ring is
    /// gone from the disk before this returns, so that no later start can take it for its own. The first mark is durable
    /// by then.
    pub async fn start(accounts: &Accounts, directory: &DataDir, reading: Reading) -> Result<Self, ReplayError> {
        let freshness = accounts.config.freshness;
        let stores = accounts.stores.clone();
        let persisted = stores.accept_marks.load().await?;
        let empty = || MemoryReplayGuard::new(&accounts.secrets.fingerprint, freshness, limits(accounts));
        let saved = saved_ring::take(directory, &accounts.secrets.kek)?;
        let restored = saved.zip(persisted.as_ref()).and_then(|(ring, mark)| match empty().restore(&ring, mark) {
            Ok(guard) => Some(guard),
            Err(error) => {
                tracing::warn!(%error, "going on as after a crash");
                None
            }
        });
        let clock = AcceptClock::start(persisted.as_ref(), restored.is_some(), reading, freshness);
        let guard = restored.unwrap_or_else(empty).behind(clock.fence().clone());
        for burnt in stores.burnt_nonces.all().await? {
            guard.burn(&burnt.keyid, &burnt.nonce, burnt.keep_until, u32::MAX)?;
        }
        let state = Self { clock: Mutex::new(clock), guard, stores };
        state.keep_mark(reading).await?;
        Ok(state)
    }

    /// The time by which a request is accepted, or why none can be now.
    pub fn now(&self, reading: Reading) -> Result<Timestamp, Refusal> {
        match self.observe(reading) {
            Judgement::Now(now) => Ok(now),
            Judgement::Behind | Judgement::Jumped | Judgement::BeyondMark => Err(Refusal::Unavailable),
        }
    }

    /// What the accept clock makes of a reading.
    pub fn observe(&self, reading: Reading) -> Judgement {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).observe(reading)
    }

    /// Remembers a request, or says why it must not run.
    pub async fn remember(&self, request: &Authentic<'_>, now: Timestamp) -> Result<Seen, StoreError> {
        self.guard.remember(request, now).await
    }

    /// Burns the nonce of a future-dated request, durably before this returns.
    pub async fn burn(&self, request: &Authentic<'_>) -> Result<Burning, StoreError> {
        let keep_until = burnt_until(request.created());
        let (keyid, nonce) = (request.keyid().to_owned(), request.nonce().to_vec());
        let burning = self.stores.burnt_nonces.burn(&BurntNonce { keyid, nonce, keep_until }, BURNT_PER_KEY).await?;
        if burning != Burning::TooMany {
            self.guard.burn(request.keyid(), request.nonce(), keep_until, u32::MAX)?;
        }
        Ok(burning)
    }

    /// Makes the accept mark durable, which lets the accept clock run on, and frees what may be forgotten.
    pub async fn keep_mark(&self, reading: Reading) -> Result<Judgement, StoreError> {
        let (judgement, mark) = {
            let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
            (clock.observe(reading), clock.mark_to_keep())
        };
        self.stores.accept_marks.keep(&mark).await?;
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).kept(mark);
        if let Judgement::Now(now) = judgement {
            self.guard.move_on(now)?;
        }
        Ok(judgement)
    }

    /// How many nonces are remembered, and what that takes.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        self.guard.usage()
    }

    /// Saves everything that has been seen for the next start. From now on every request is refused.
    pub fn stop(&self, accounts: &Accounts, directory: &DataDir) -> Result<(), ReplayError> {
        let durable = self.clock.lock().unwrap_or_else(PoisonError::into_inner).durable().cloned();
        let Some(mark) = durable else { return Ok(()) };
        saved_ring::put(directory, &accounts.secrets.kek, &self.guard.save(&mark)?)
    }
}

fn limits(accounts: &Accounts) -> Limits {
    let quotas = &accounts.config.replay;
    Limits { per_key: quotas.per_key, total: usize::try_from(quotas.total).unwrap_or(usize::MAX) }
}
