//! The guard as a process: put together, listening, and stopped in order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use countersign_store::port::StoreError;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::SharedApp;
use crate::config::{self, Checked, Config};
use crate::data::{DataDir, DataError, LockError};
pub use crate::guard::StopError;
use crate::guard::{Guard, OpenError};
use crate::http::listener::{self, Limits, Pace, Sockets};
use crate::http::router::{admin_router, main_router};
use crate::tls::{Terminal, TlsError};
use crate::worker::certificate;

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
    /// The certificate, or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A guard that is ready: everything is open and bound, nothing is accepted yet.
#[derive(Debug)]
pub struct Server {
    guard: Guard,
    main: TcpListener,
    admin: TcpListener,
    address: SocketAddr,
    admin_address: SocketAddr,
    is_new: bool,
    tls: Option<Arc<Terminal>>,
}

impl Server {
    /// Opens the data directory, loads what is known, and binds the addresses.
    pub async fn start(config: Checked<Config>) -> Result<Self, StartError> {
        let tls = config.tls.clone().map(Terminal::open).transpose()?.map(Arc::new);
        let directory = DataDir::open(&config.data)?;
        let lock = directory.lock()?;
        let (main, address) = bind("listen", config.listen).await?;
        let (admin, admin_address) = bind("admin_listen", config.admin_listen).await?;
        let guard = Guard::open_in(&directory, &lock, config.bound_to(address).admin_bound_to(admin_address)).await?;
        let stores = &guard.app().accounts.stores;
        let is_new = stores.users.list(None, 1).await?.is_empty() && stores.tickets.list(None, 1).await?.is_empty();
        Ok(Self { guard, main, admin, address, admin_address, is_new, tls })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a URL: `http://127.0.0.1:8470`.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where it listens for operators, always without TLS.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Whether nobody is enrolled and nobody has been invited.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The guard behind the doors.
    pub fn app(&self) -> &SharedApp {
        self.guard.app()
    }

    /// Serves until `stop`; then finishes what is in flight and saves what must outlive the process.
    pub async fn run(self, stop: CancellationToken) -> Result<(), StopError> {
        let Self { guard, main, admin, tls, .. } = self;
        let app = guard.app();
        let config = &app.accounts.config;
        let limits = limits(&config.limits);
        let clients = config.client_address.clone();
        let mut doors = JoinSet::new();
        if let Some(terminal) = &tls {
            doors.spawn(certificate::run(app.clone(), terminal.clone(), stop.clone()));
        }
        let main = Sockets::new(main, tls);
        doors.spawn(listener::serve(main, limits, clients.clone(), main_router(app.clone()), stop.clone()));
        doors.spawn(listener::serve(admin, limits, clients, admin_router(app.clone()), stop.clone()));
        tokio::select! {
            () = stop.cancelled() => {}
            () = guard.halted() => stop.cancel(),
        }
        guard.wind_down();
        doors.join_all().await;
        guard.stop().await
    }
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { key, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
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
