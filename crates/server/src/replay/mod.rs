//! The replay guard of the server: the clock, the guard in memory, and what of them is durable, tied together.

mod saved_ring;

#[cfg(test)]
mod tests;

pub use saved_ring::SavedRing;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_core::replay::{AcceptClock, AcceptMark, Judgement, Reading, burnt_until};
use countersign_core::secret::Secret32;
use countersign_core::signature::Authentic;
use countersign_core::time::{Freshness, Timestamp};
use countersign_core::verdict::Refusal;
use countersign_store::memory::{Burn, Limits, MemoryReplayGuard, Usage};
use countersign_store::port::{AcceptMarks, Burning, BurntNonce, BurntNonces, Seen, StoreError};

/// How many nonces of future-dated requests a key may have burnt. Beyond that it has to wait, or rotate.
const BURNT_PER_KEY: u32 = 64;

/// What the replay guard is made of.
pub struct ReplayParts {
    /// W.
    pub freshness: Freshness,
    /// How much it remembers.
    pub limits: Limits,
    /// The secret of the names of nonces; the same at every start.
    pub names: Secret32,
    /// Where a clean stop leaves the ring.
    pub saved_ring: SavedRing,
    /// Keeps the mark.
    pub marks: Arc<dyn AcceptMarks>,
    /// Keeps the nonces of future-dated requests.
    pub burnt: Arc<dyn BurntNonces>,
}

/// The replay guard of a running server.
pub struct ReplayState {
    guard: MemoryReplayGuard,
    /// `None` once the guard has been stopped.
    clock: Mutex<Option<AcceptClock>>,
    /// Held while a mark is on its way to the store: one at a time, and none beside a stop.
    keeping: tokio::sync::Mutex<()>,
    saved_ring: SavedRing,
    marks: Arc<dyn AcceptMarks>,
    burnt: Arc<dyn BurntNonces>,
}

impl ReplayState {
    /// Starts the guard after whatever was before: a clean stop, a crash, or nothing. The saved ring is gone from the disk
    /// and the first mark is durable when this returns; only then may anybody listen.
    ///
    /// # Errors
    /// When the store cannot say what was kept last, or cannot keep the first mark.
    pub async fn start(parts: ReplayParts, reading: Reading) -> Result<Self, StoreError> {
        let ReplayParts { freshness, limits, names, saved_ring, marks, burnt } = parts;
        let persisted = marks.load().await?;
        let saved = take(&saved_ring).await;
        let empty = || MemoryReplayGuard::new(&names, freshness, limits);
        let restored = saved.zip(persisted.as_ref()).and_then(|(saved, mark)| restore(empty(), &saved, mark));
        let clock = AcceptClock::start(persisted.as_ref(), restored.is_some(), reading, freshness);
        let guard = restored.unwrap_or_else(empty).behind(clock.fence().clone());
        for nonce in burnt.all().await? {
            guard.burn(&nonce.keyid, &nonce.nonce, nonce.keep_until, u32::MAX)?;
        }
        let (clock, keeping) = (Mutex::new(Some(clock)), tokio::sync::Mutex::new(()));
        let state = Self { guard, clock, keeping, saved_ring, marks, burnt };
        state.keep_mark(reading).await?;
        Ok(state)
    }

    /// The time by which a request is judged, or why none can be judged now.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the clock is in doubt, the mark has not been kept in time, or the guard has stopped.
    pub fn now(&self, reading: Reading) -> Result<Timestamp, Refusal> {
        match self.with_clock(|clock| clock.observe(reading)) {
            Some(Judgement::Now(now)) => Ok(now),
            Some(Judgement::Behind | Judgement::Jumped | Judgement::BeyondMark) | None => Err(Refusal::Unavailable),
        }
    }

    /// Remembers an authentic request, once. `now` is the time by which it was judged.
    ///
    /// # Errors
    /// The outer error means that the guard could not decide; the inner one that it refuses.
    pub async fn remember(&self, request: &Authentic<'_>, now: Timestamp) -> Result<Result<(), Refusal>, StoreError> {
        // What `ReplayGuard` does of this guard, without a future in a box: nothing here waits.
        Ok(first(self.guard.remember_at(request.keyid(), request.nonce(), request.created(), now)?))
    }

    /// Burns the nonce of a future-dated request, and says what to answer. The burn is durable by then.
    ///
    /// # Errors
    /// When it could not be made durable; then the request must not be told that it will never run.
    pub async fn burn(&self, request: &Authentic<'_>) -> Result<Refusal, StoreError> {
        self.burn_nonce(request.keyid(), request.nonce(), request.created()).await
    }

    /// Memory comes first: while the store writes, the request's time may come, and its copy must find the nonce burnt.
    async fn burn_nonce(&self, keyid: &str, nonce: &[u8], created: Timestamp) -> Result<Refusal, StoreError> {
        let keep_until = burnt_until(created);
        match self.guard.burn(keyid, nonce, keep_until, BURNT_PER_KEY)? {
            Burn::Done => {}
            Burn::Accepted => return Ok(Refusal::Replayed),
            Burn::TooMany => return Ok(Refusal::Throttled),
        }
        let burnt = BurntNonce { keyid: keyid.into(), nonce: nonce.into(), keep_until };
        match self.burnt.burn(&burnt, BURNT_PER_KEY).await? {
            Burning::Burnt | Burning::Already => Ok(Refusal::FutureDated),
            Burning::TooMany => Ok(Refusal::Throttled),
        }
    }

    /// How long whoever is told [`Refusal::WarmingUp`] has to wait; whole seconds, at least one.
    pub fn retry_after(&self, now: Timestamp) -> Duration {
        self.with_clock(|clock| clock.fence().retry_after(now)).unwrap_or(Duration::from_secs(1))
    }

    /// Makes the next mark durable, and says what the clock is worth with it.
    ///
    /// # Errors
    /// When the store did not keep it.
    pub async fn keep_mark(&self, reading: Reading) -> Result<Judgement, StoreError> {
        let _one_at_a_time = self.keeping.lock().await;
        let Some(mark) = self.with_clock(|clock| {
            clock.observe(reading);
            clock.mark_to_keep()
        }) else {
            return Ok(Judgement::BeyondMark);
        };
        if self.with_clock(|clock| clock.durable() != Some(&mark)) == Some(true) {
            self.marks.keep(&mark).await?;
        }
        let judged = self.with_clock(|clock| {
            clock.kept(mark);
            clock.observe(reading)
        });
        Ok(judged.unwrap_or(Judgement::BeyondMark))
    }

    /// Frees what may be forgotten at `now`, in memory and, if `burnt` says so, in the store.
    ///
    /// # Errors
    /// When the guard has stopped or the store fails; nothing is lost by that.
    pub async fn forget(&self, now: Timestamp, burnt: bool) -> Result<(), StoreError> {
        self.guard.move_on(now)?;
        if burnt { self.burnt.forget(now).await } else { Ok(()) }
    }

    /// How full the guard is.
    ///
    /// # Errors
    /// When the guard has stopped.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        self.guard.usage()
    }

    /// Stops the guard and saves the ring beside the mark that is durable. No request is accepted any more. `nonce` is
    /// random.
    ///
    /// # Errors
    /// When it could not be saved; the next start is then as after a crash.
    pub async fn stop(&self, nonce: [u8; 12]) -> Result<(), StoreError> {
        let _no_mark_beside_us = self.keeping.lock().await;
        let clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mark) = clock.as_ref().and_then(AcceptClock::durable) else { return Ok(()) };
        let ring = self.guard.save(mark)?;
        let file = self.saved_ring.clone();
        let written = tokio::task::spawn_blocking(move || file.write(&ring, nonce)).await;
        written.map_err(io::Error::other).flatten().map_err(|error| StoreError::Failed(error.into()))
    }

    /// `None` once stopped, and when a thread died with the clock in its hand.
    fn with_clock<T>(&self, act: impl FnOnce(&mut AcceptClock) -> T) -> Option<T> {
        self.clock.lock().ok()?.as_mut().map(act)
    }
}

impl fmt::Debug for ReplayState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayState").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// Whether a request is the first of its nonce, as an answer.
const fn first(seen: Seen) -> Result<(), Refusal> {
    match seen {
        Seen::Never => Ok(()),
        Seen::Before => Err(Refusal::Replayed),
        Seen::TooManyOfThisKey => Err(Refusal::Throttled),
        Seen::Full => Err(Refusal::Unavailable),
        Seen::Unknown => Err(Refusal::WarmingUp),
    }
}

/// The ring of the last stop. Every way of not getting it leads to a start as after a crash.
async fn take(saved_ring: &SavedRing) -> Option<Vec<u8>> {
    let file = saved_ring.clone();
    let taken = tokio::task::spawn_blocking(move || file.take()).await.map_err(io::Error::other).flatten();
    taken.unwrap_or_else(|error| {
        tracing::warn!(%error, "the saved ring cannot be used; starting as after a crash");
        None
    })
}

fn restore(guard: MemoryReplayGuard, saved: &[u8], mark: &AcceptMark) -> Option<MemoryReplayGuard> {
    match guard.restore(saved, mark) {
        Ok(guard) => Some(guard),
        Err(error) => {
            tracing::warn!(%error, "the saved ring cannot be used; starting as after a crash");
            None
        }
    }
}
