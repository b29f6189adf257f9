//! The guard as a process: put together, listening, and stopped in order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use countersign_core::event::{Event, EventKind};
use countersign_store::memory;
use countersign_store::port::StoreError;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Accounts, OpenError};
use crate::app::{App, SharedApp};
use crate::config::{self, Checked, Config};
use crate::control::{Actor, BindError, ControlError, ControlSocket};
use crate::data::{DataDir, DataError, LockError};
use crate::edge;
use crate::http::buffer::Budget;
use crate::http::listener::{self, Limits, Pace};
use crate::http::proxy::Upstream;
use crate::http::router::{admin_router, main_router};
use crate::replay::{ReplayParts, ReplayState};
use crate::service::Undecided;
use crate::service::control::{Asked, dispatch};
use crate::service::folding::Folding;
use crate::service::handshakes::Handshakes;
use crate::service::throttle::Throttle;
use crate::worker::accept_mark::AcceptMarkKeeper;
use crate::worker::{housekeeping, rekey};

/// Why the guard did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Somebody else has the data directory.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What is in it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An address to listen on.
    #[error("cannot listen on {address}; choose another address for {key}, or stop what listens there")]
    Listen {
        /// The key of the configuration.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
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

/// A guard that is ready: everything is open and bound, nothing is accepted yet.
#[derive(Debug)]
pub struct Server {
    app: SharedApp,
    main: TcpListener,
    admin: TcpListener,
    control: ControlSocket,
    address: SocketAddr,
    admin_address: SocketAddr,
    is_new: bool,
}

impl Server {
    /// Opens the data directory, loads what is known, and binds the addresses.
    pub async fn start(config: Checked<Config>) -> Result<Self, StartError> {
        let directory = DataDir::open(&config.data)?;
        let lock = directory.lock()?;
        let (main, address) = bind("listen", config.listen).await?;
        let (admin, admin_address) = bind("admin_listen", config.admin_listen).await?;
        let accounts = Accounts::open(config.bound_to(address), &directory, &lock).await?;
        accounts.load_keyring().await?;
        let replay = Arc::new(ReplayState::start(replay_parts(&accounts), edge::now()).await?);
        let control = ControlSocket::bind(&directory, &lock)?;
        let is_new = accounts.stores.users.list(None, 1).await?.is_empty()
            && accounts.stores.tickets.list(None, 1).await?.is_empty();
        let app = Arc::new(app(accounts, replay));
        app.accounts.stores.events.record(&event(EventKind::Started, env!("CARGO_PKG_VERSION"))).await?;
        Ok(Self { app, main, admin, control, address, admin_address, is_new })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for operators.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Whether nobody is enrolled and nobody has been invited.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The guard behind the doors.
    pub fn app(&self) -> &SharedApp {
        &self.app
    }

    /// Serves until `stop`; then finishes what is in flight and saves what must outlive the process.
    pub async fn run(self, stop: CancellationToken) -> Result<(), StopError> {
        let Self { app, main, admin, control, .. } = self;
        let workers = CancellationToken::new();
        let mut working = JoinSet::new();
        working.spawn(housekeeping::run(app.clone(), workers.clone()));
        working.spawn(rekey::run(app.clone(), workers.clone()));
        let keeper = AcceptMarkKeeper::new(app.replay.clone(), app.accounts.stores.events.clone());
        working.spawn(keeper.run(edge::now, workers.clone()));
        let mut doors = JoinSet::new();
        let config = &app.accounts.config;
        let limits = limits(&config.limits);
        let clients = config.client_address.clone();
        doors.spawn(listener::serve(main, limits, clients.clone(), main_router(app.clone()), stop.clone()));
        doors.spawn(listener::serve(admin, limits, clients, admin_router(app.clone()), stop.clone()));
        doors.spawn(control.serve(stop.clone().cancelled_owned(), answer(app.clone())));
        let halted = tokio::select! {
            () = stop.cancelled() => false,
            () = app.accounts.sqlite.halted() => true,
        };
        stop.cancel();
        app.accounts.rekeying.stop();
        doors.join_all().await;
        workers.cancel();
        working.join_all().await;
        if halted {
            return Err(StopError::Disk);
        }
        app.accounts.stores.events.record(&event(EventKind::Stopped, "")).await?;
        app.replay.stop(edge::random()).await?;
        app.accounts.sqlite.close().await;
        Ok(())
    }
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { key, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
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
        handshakes: Handshakes::default(),
        throttle: Throttle::default(),
        budget: Budget::new(config.sizes.max_buffered),
        spool_budget: Budget::new(config.sizes.max_spooled),
        upstream: config.upstream.as_ref().map(|api| Upstream::new(api.authority().clone(), config.upstream_timeout)),
        replay,
        accounts,
    }
}

/// What the operator set, among what a listener grants.
fn limits(set: &config::Limits) -> Limits {
    let granted = Limits::default();
    Limits {
        connections: set.max_connections as usize,
        per_network: set.max_connections_per_address as usize,
        head: set.head,
        idle: set.idle,
        body: Pace {
            stall: set.body,
            octets_per_second: u32::try_from(set.min_body_rate).unwrap_or(u32::MAX),
            ..granted.body
        },
        ..granted
    }
}

/// An event of the process itself.
fn event(kind: EventKind, detail: &str) -> Event {
    let actor = format!("pid {}", std::process::id());
    Event { at: edge::now().wall, kind, user: None, key: None, actor, detail: detail.to_owned() }
}

/// What the control socket does with a question.
fn answer(
    app: SharedApp,
) -> impl Fn(Actor, Value) -> BoxFuture<'static, Result<Value, ControlError>> + Clone + Send + Sync + 'static {
    move |actor, question| {
        let app = app.clone();
        let asked = Asked { actor: actor.to_string(), at: edge::now().wall };
        // In a task of its own: an operator who goes away must not leave a change half made.
        let work = tokio::spawn(async move { dispatch(&app.accounts, &asked, question).await });
        Box::pin(async move { work.await.map_err(Undecided::from)? })
    }
}
