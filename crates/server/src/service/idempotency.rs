//! Has a request carried out once under its idempotency key, however often it comes (protocol §7).

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_core::encoding::hex;
use countersign_core::event::{Event, EventKind};
use countersign_core::idempotency::{
    Attempt, Begun, Fingerprint, KeptAnswer, MalformedKey, Outcome, OutcomeId, RunId, Start,
};
use countersign_core::replay::Reading;
use countersign_core::secret::{Sealed, Unsealable};
use countersign_core::signature::Received;
use countersign_core::time::Timestamp;
use countersign_core::verdict::Prover;
use countersign_core::verdict::{Principal, Refusal};
use countersign_store::port::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::Undecided;
use super::verify_request::report;
use crate::app::{App, SharedApp};
use crate::edge;

/// How long a store that failed is left alone before it is asked again to keep an outcome.
const PAUSE: Duration = Duration::from_secs(1);

/// How often it is asked.
const TRIES: u32 = 60;

/// The requests with keys that are under way.
#[derive(Debug)]
pub struct Idempotency {
    run: RunId,
    attempts: AtomicU64,
    places: Arc<Semaphore>,
    under_way: TaskTracker,
}

impl Idempotency {
    /// Nothing is under way. `run` is random; `most` may be under way at one time: they go on when their clients have
    /// gone, so that the limits of connections do not bound them.
    pub fn new(run: RunId, most: usize) -> Self {
        let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { run, attempts: AtomicU64::new(0), places, under_way: TaskTracker::new() }
    }

    /// This run of the guard.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Carries something out to its end, even if nobody waits for it any more. False, and nothing is done, when as much
    /// is under way as may be.
    pub fn carry_out(&self, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return false };
        self.under_way.spawn(in_place(place, work));
        true
    }

    /// Waits until nothing is under way, and no longer than `patience`: what is still under way then has no outcome.
    pub async fn finish(&self, patience: Duration) {
        self.under_way.close();
        if tokio::time::timeout(patience, self.under_way.wait()).await.is_err() {
            tracing::warn!(requests = self.under_way.len(), "stopping while requests are under way");
        }
    }

    fn next(&self) -> Attempt {
        Attempt { run: self.run, number: self.attempts.fetch_add(1, Ordering::Relaxed) }
    }
}

async fn in_place(_place: OwnedSemaphorePermit, work: impl Future<Output = ()>) {
    work.await;
}

/// An admitted request with a key.
#[derive(Clone, Debug)]
pub struct Keyed {
    id: OutcomeId,
    fingerprint: Fingerprint,
    prover: Prover,
    from: IpAddr,
}

impl Keyed {
    /// The request of this principal, if its signature covers a key.
    ///
    /// # Errors
    /// It covers something else in the key's place.
    pub fn of(
        app: &App,
        principal: &Principal,
        request: &Received,
        from: IpAddr,
    ) -> Result<Option<Self>, MalformedKey> {
        let names = &app.accounts.secrets.outcomes.names;
        Ok(request.idempotency_key()?.map(|key| Self {
            id: names.id(principal.user, &key),
            fingerprint: names.fingerprint(request),
            prover: principal.prover.clone(),
            from,
        }))
    }
}

/// What is to be done with a request under its key.
#[derive(Debug)]
pub enum Beginning {
    /// It is the first: carry it out, and settle what became of it.
    First(UnderWay),
    /// Answer as the first was answered.
    Answered(KeptAnswer),
    /// Refuse it; it does not run.
    Refused(Refusal),
}

/// What became of a request.
#[derive(Clone, Debug)]
pub enum Ending {
    /// It was answered so.
    Answered(KeptAnswer),
    /// Nobody knows, or its answer is none that can be kept.
    Unknown,
    /// It was certainly not carried out.
    NotCarriedOut,
}

/// Says what is to be done with a request. When it is the first, that it was started is durable by then.
///
/// Whoever calls this must not be dropped before its end: a request that is durably started and not carried out keeps
/// its key in use.
pub async fn begin(app: &SharedApp, keyed: &Keyed, reading: Reading) -> Result<Beginning, Undecided> {
    let at = match app.replay.now(reading) {
        Ok(now) => now,
        Err(refusal) => return Ok(Beginning::Refused(refusal)),
    };
    let start = Start { id: keyed.id, fingerprint: keyed.fingerprint, at, attempt: app.idempotency.next() };
    let under_way = UnderWay { app: app.clone(), start };
    let begun = match app.accounts.stores.outcomes.begin(&under_way.start, app.accounts.config.max_kept_per_user).await
    {
        Ok(begun) => begun,
        Err(error) => {
            // It may be kept as started, by this attempt; it will not be carried out.
            let take_back = async move { under_way.settle_in_the_end(Ending::NotCarriedOut).await };
            app.idempotency.under_way.spawn(take_back);
            return Err(error.into());
        }
    };
    let refusal = match begun {
        Begun::First => return Ok(Beginning::First(under_way)),
        Begun::Answered(sealed) => match under_way.open(&sealed) {
            Ok(answer) => return Ok(Beginning::Answered(answer)),
            Err(error) => {
                tracing::error!(%error, "a kept answer is not what was kept");
                Refusal::OutcomeUnknown
            }
        },
        Begun::InFlight => Refusal::InFlight,
        Begun::Different => Refusal::KeyOfAnother,
        Begun::OutcomeUnknown => Refusal::OutcomeUnknown,
        Begun::TooMuch => Refusal::TooMuchKept,
    };
    report(app, &keyed.prover.to_string(), refusal, keyed.from, at).await?;
    Ok(Beginning::Refused(refusal))
}

/// A request that is being carried out under its key.
#[derive(Debug)]
pub struct UnderWay {
    app: SharedApp,
    start: Start,
}

impl UnderWay {
    /// Keeps what became of it; durable when this returns.
    pub async fn settle(&self, ending: &Ending) -> Result<(), Undecided> {
        let outcome = match ending {
            Ending::Answered(answer) => answer.write().map_or(Ok(Outcome::Unknown), |text| self.seal(&text))?,
            Ending::Unknown => Outcome::Unknown,
            Ending::NotCarriedOut => Outcome::NotCarriedOut,
        };
        Ok(self.app.accounts.stores.outcomes.settle(&self.start.id, self.start.attempt, &outcome).await?)
    }

    /// The same, again and again until it is kept, the guard stops, or a minute is over. Until it is kept it counts as
    /// under way, and after the next start as unknown; never may it run again.
    pub async fn settle_in_the_end(&self, ending: Ending) {
        for _ in 0..TRIES {
            match self.settle(&ending).await {
                Ok(()) => return,
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "an outcome was not kept"),
            }
            let stopped = self.app.stopping.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none();
            if stopped || self.app.accounts.sqlite.has_halted() {
                return;
            }
        }
    }

    fn seal(&self, text: &[u8]) -> Result<Outcome, Unsealable> {
        let (name, owner) = self.place();
        self.app.accounts.secrets.outcomes.seal.seal(&name, &owner, text, edge::random()).map(Outcome::Answered)
    }

    fn open(&self, sealed: &Sealed) -> Result<KeptAnswer, Unsealable> {
        let (name, owner) = self.place();
        let text = self.app.accounts.secrets.outcomes.seal.open(&name, &owner, sealed)?;
        KeptAnswer::read(&text).ok_or(Unsealable::DoesNotOpen)
    }

    /// What an answer is sealed for: this key of this user, and this very request. Laid into another row it does not open.
    fn place(&self) -> (String, String) {
        let Start { id, fingerprint, .. } = &self.start;
        (format!("outcome {} {}", hex(&id.name), hex(&fingerprint.0)), id.user.to_string())
    }
}

/// Tells operators of the requests whose outcome an earlier run has taken with it.
pub async fn tell_of_the_unsettled(app: &App, at: Timestamp) -> Result<(), StoreError> {
    let stores = &app.accounts.stores;
    let count = stores.outcomes.unsettled(app.idempotency.run).await?;
    if count == 0 {
        return Ok(());
    }
    tracing::warn!(requests = count, "requests were under way when the guard ended; they are not carried out again");
    let detail =
        format!("{count} under way when an earlier run ended; under their keys they are not carried out again");
    let kind = EventKind::OutcomeUnknown;
    stores.events.record(&Event { at, kind, user: None, key: None, session: None, actor: "guard".into(), detail }).await
}
