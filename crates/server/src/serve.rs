//! The guard as a process: put together, listening, and stopped in order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use countersign_core::event::{Event, EventKind};
use countersign_store::port::StoreError;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Accounts, OpenError};
use crate::app::{App, SharedApp};
use crate::config::{Checked, Config};
use crate::control::{BindError, ControlSocket};
use crate::data::{DataDir, DataError, Lock, LockError};
use crate::edge;
use crate::http::buffer::Budget;
use crate::http::listener::{self, Limits};
use crate::http::proxy::Upstream;
use crate::http::router::{admin_router, main_router};
use crate::replay::{ReplayError, ReplayState};
use crate::service::Undecided;
use crate::service::control::{Asked, dispatch};
use crate::worker::{accept_mark, housekeeping};

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
    #[error("cannot listen on {address} ({key}): {source}; is another server using it?")]
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
    /// What has been seen before.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The keys could not be loaded.
    #[error(transparent)]
    Keyring(#[from] Undecided),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    lock: Lock,
}
