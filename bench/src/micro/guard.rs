//! A whole guard in this process, with a data directory of its own that goes with it.

use std::net::SocketAddr;

use countersign_server::app::SharedApp;
use countersign_server::config::{self, Overrides, Sources};
use countersign_server::serve::{Server, StopError};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A guard that runs until it is stopped.
pub(crate) struct RunningGuard {
    app: SharedApp,
    address: SocketAddr,
    runtime: Runtime,
    stop: CancellationToken,
    running: JoinHandle<Result<(), StopError>>,
    _data: TempDir,
}

impl RunningGuard {
    /// Starts it on ports of its own choice.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Self::start_with("")
    }

    /// The same with more in its configuration file.
    pub(crate) fn start_with(configuration: &str) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let file = data.path().join("countersign.toml");
        std::fs::write(&file, configuration)?;
        let overrides = Overrides {
            data: Some(data.path().join("data").to_string_lossy().into_owned()),
            listen: Some("127.0.0.1:0".to_owned()),
            admin_listen: Some("127.0.0.1:0".to_owned()),
            ..Overrides::default()
        };
        let config = config::load(Sources { file: Some(file), overrides, ..Sources::default() })?.config;
        let runtime = Runtime::new()?;
        let server = runtime.block_on(Server::start(config))?;
        let (app, address, stop) = (server.app().clone(), server.address(), CancellationToken::new());
        let running = runtime.spawn(server.run(stop.clone()));
        Ok(Self { app, address, runtime, stop, running, _data: data })
    }

    /// The guard behind its doors.
    pub(crate) fn app(&self) -> &SharedApp {
        &self.app
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it in order.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.runtime.block_on(self.running)??)
    }
}
