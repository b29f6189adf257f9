//! The guard, opened on a data directory: everything but the doors.

use std::sync::Arc;

use axum::Router;
use countersign_core::event::{Event, EventKind};
use countersign_core::idempotency::RunId;
use countersign_core::verdict::Prover;
use countersign_store::memory;
use countersign_store::port::StoreError;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::{self, Accounts};
use crate::app::{App, SharedApp};
use crate::config::{Checked, Config};
use crate::control::{Actor, BindError, ControlError, ControlSocket};
use crate::data::{DataDir, DataError, Lock, LockError};
use crate::edge;
use crate::http::buffer::Budget;
use crate::http::layer::VerifyLayer;
#[cfg(feature = "standalone")]
use crate::http::proxy::{Patience, Upstream};
use crate::http::router::own_router;
use crate::replay::{ReplayParts, ReplayState};
use crate::service::Undecided;
use crate::service::control::{Asked, dispatch};
use crate::service::event_log;
use crate::service::folding::Folding;
use crate::service::guessing::Guessing;
use crate::service::idempotency::{self, Idempotency};
use crate::service::password::Passwords;
use crate::service::pool::Pool;
use crate::service::revocation_feed::Polls;
use crate::service::throttle::Throttle;
use crate::worker::accept_mark::AcceptMarkKeeper;
use crate::worker::{event_log as event_log_worker, housekeeping, key_ends, rekey, sessions, token_keys};

/// Why the guard was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Somebody else has the data directory.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What is in it.
    #[error(transparent)]
    Accounts(#[from] accounts::OpenError),
    /// The control socket.
    #[error(transparent)]
    Control(#[from] BindError),
    /// The keys could not be loaded.
    #[error(transparent)]
    Keyring(#[from] Undecided),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the guard did not stop in order. What had been acknowledged is safe all the same.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// Writing has failed for good; a new start finds out what was kept.
    #[error("the disk failed while writing; nothing was acknowledged after that: free or repair it and start again")]
    Disk,
    /// What has been seen could not be saved: after the next start signed requests wait for a few seconds.
    #[error("what has been seen could not be saved")]
    Unsaved(#[from] StoreError),
}

/// A guard that is open: it decides on requests, keeps its accept mark, sweeps, and answers operators on the control
/// socket of its data directory. It listens nowhere and sends nothing.
///
/// It must be opened within a runtime of tokio, and [stopped](Self::stop) before the program ends: one that is dropped
/// behaves like one that crashed, so that signed requests wait for a few seconds after the next start.
#[derive(Debug)]
pub struct Guard {
    app: SharedApp,
    control: JoinSet<()>,
    workers: JoinSet<()>,
    end_of_control: CancellationToken,
    end_of_work: CancellationToken,
}

impl Guard {
    /// Opens the data directory, or makes it, and begins to work. Nobody else can have it open at the same time.
    pub async fn open(config: Checked<Config>) -> Result<Self, OpenError> {
        let directory = DataDir::open(&config.data)?;
        let lock = directory.lock()?;
        Self::open_in(&directory, &lock, config).await
    }

    /// The same in a directory that is locked already.
    pub(crate) async fn open_in(directory: &DataDir, lock: &Lock, config: Checked<Config>) -> Result<Self, OpenError> {
        let accounts = Accounts::open(config, directory, lock).await?;
        accounts.load().await?;
        let replay = Arc::new(ReplayState::start(replay_parts(&accounts), edge::now()).await?);
        let socket = ControlSocket::bind(directory, lock)?;
        let app = Arc::new(app(accounts, replay));
        app.accounts.stores.events.record(&event(EventKind::Started, env!("CARGO_PKG_VERSION"))).await?;
        idempotency::tell_of_the_unsettled(&app, edge::now().wall).await?;
        Ok(Self::work(app, socket))
    }

    fn work(app: SharedApp, socket: ControlSocket) -> Self {
        let (end_of_control, end_of_work) = (CancellationToken::new(), CancellationToken::new());
        let mut control = JoinSet::new();
        control.spawn(socket.serve(end_of_control.clone().cancelled_owned(), operator(app.clone())));
        let mut workers = JoinSet::new();
        workers.spawn(housekeeping::run(app.clone(), end_of_work.clone()));
        workers.spawn(event_log_worker::run(app.clone(), end_of_work.clone()));
        workers.spawn(rekey::run(app.clone(), end_of_work.clone()));
        workers.spawn(key_ends::run(app.clone(), end_of_work.clone()));
        workers.spawn(sessions::run(app.clone(), end_of_work.clone()));
        workers.spawn(token_keys::run(app.clone(), end_of_work.clone()));
        let keeper = AcceptMarkKeeper::new(app.replay.clone(), app.accounts.stores.events.clone());
        workers.spawn(keeper.run(edge::now, end_of_work.clone()));
        Self { app, control, workers, end_of_control, end_of_work }
    }

    /// The layer that puts this guard in front of a service.
    pub fn layer(&self) -> VerifyLayer {
        VerifyLayer::new(self.app.clone())
    }

    /// The guard's own endpoints, such as `/api/auth/enrol`. They are not to stand behind [`layer`](Self::layer): an
    /// enrolment is unsigned. An API is put beside them as the `fallback_service`.
    pub fn routes(&self) -> Router {
        own_router(self.app.clone())
    }

    /// What every use case needs; for operations such as inviting somebody from within the program.
    pub fn app(&self) -> &SharedApp {
        &self.app
    }

    /// Completes when writing has failed for good. Nothing is admitted any more then; stop, repair, start again.
    pub async fn halted(&self) {
        self.app.accounts.sqlite.halted().await;
    }

    /// Ends what would go on for long, such as connections that were upgraded. New requests are still decided.
    pub fn wind_down(&self) {
        self.app.stopping.cancel();
        self.app.accounts.rekeying.stop();
        self.app.accounts.ending.cancel();
    }

    /// Completes once what this key or session has begun must not go on: it was taken back, or the guard stops. For what
    /// lasts longer than a request, such as a WebSocket that the program itself answers.
    pub async fn ends(&self, prover: &Prover) {
        self.app.ends(prover).await;
    }

    /// Saves what must outlive the process. Call it when the last request has been answered.
    pub async fn stop(self) -> Result<(), StopError> {
        self.wind_down();
        let Self { app, control, workers, end_of_control, end_of_work } = self;
        app.lasting.close();
        app.lasting.wait().await;
        end_of_control.cancel();
        control.join_all().await;
        app.idempotency.finish(app.accounts.config.upstream_timeout).await;
        end_of_work.cancel();
        workers.join_all().await;
        if app.accounts.sqlite.halted().now_or_never().is_some() {
            return Err(StopError::Disk);
        }
        app.accounts.stores.events.record(&event(EventKind::Stopped, "")).await?;
        // The next start can seal the end, and nobody else the state of this run.
        if let Err(error) = event_log::seal(&app.accounts, edge::now().wall).await {
            tracing::error!(%error, "the end of the event log was not sealed");
        }
        app.replay.stop(edge::random()).await?;
        app.accounts.sqlite.close().await;
        Ok(())
    }
}

fn replay_parts(accounts: &Accounts) -> ReplayParts {
    let quotas = &accounts.config.replay;
    ReplayParts {
        freshness: accounts.config.freshness,
        limits: memory::Limits { per_key: quotas.per_key, total: usize::try_from(quotas.total).unwrap_or(usize::MAX) },
        names: accounts.secrets.fingerprint.clone(),
        saved_ring: accounts.saved_ring.clone(),
        marks: accounts.stores.accept_marks.clone(),
        burnt: accounts.stores.burnt_nonces.clone(),
    }
}

fn app(accounts: Accounts, replay: Arc<ReplayState>) -> App {
    let config = &accounts.config;
    App {
        freshness: config.freshness,
        folding: Folding::default(),
        idempotency: Idempotency::new(RunId(edge::random()), config.limits.max_connections as usize),
        handshakes: Pool::of_handshakes(),
        passwords: Passwords::new(&config.passwords),
        guessing: Guessing::default(),
        throttle: Throttle::default(),
        polls: Polls::default(),
        opened: edge::now(),
        budget: Budget::new(config.sizes.max_buffered),
        spool_budget: Budget::new(config.sizes.max_spooled),
        #[cfg(feature = "standalone")]
        upstream: config.upstream.as_ref().map(|api| Upstream::new(api.authority().clone(), patience(config))),
        stopping: CancellationToken::new(),
        lasting: TaskTracker::new(),
        replay,
        accounts,
    }
}

#[cfg(feature = "standalone")]
fn patience(config: &Config) -> Patience {
    Patience { answer: config.upstream_timeout, silence: config.limits.idle }
}

/// An event of the process itself.
fn event(kind: EventKind, detail: &str) -> Event {
    let actor = format!("pid {}", std::process::id());
    Event { at: edge::now().wall, kind, user: None, key: None, session: None, actor, detail: detail.to_owned() }
}

/// What the control socket does with a question.
fn operator(
    app: SharedApp,
) -> impl Fn(Actor, Value) -> BoxFuture<'static, Result<Value, ControlError>> + Clone + Send + Sync + 'static {
    move |actor, question| {
        let app = app.clone();
        let asked = Asked { actor: actor.to_string(), session: None, at: edge::now().wall };
        // In a task of its own: an operator who goes away must not leave a change half made.
        let work = tokio::spawn(async move { dispatch(&app.accounts, &asked, question).await });
        Box::pin(async move { work.await.map_err(Undecided::from)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_can_be_opened_and_stopped_in_a_task_of_its_own() {
        fn as_a_task(_: impl Future + Send + 'static) {}
        let _ = |config, guard: Guard| (as_a_task(Guard::open(config)), as_a_task(guard.stop()));
    }
}
