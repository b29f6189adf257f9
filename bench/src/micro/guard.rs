//! A whole guard in this process, with a data directory of its own that goes with it.

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
    runtime: Runtime,
    stop: CancellationToken,
    running: JoinHandle<Result<(), StopError>>,
    _data: TempDir,
}

impl RunningGuard {
    /// Starts it on ports of its own choice.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let overrides = Overrides {
            data: Some(data.path().join("data").to_string_lossy().into_owned()),
            listen: Some("127.0.0.1:0".to_owned()),
            admin_listen: Some("127.0.0.1:0".to_owned()),
            ..Overrides::default()
        };
        let config = config::load(Sources { overrides, ..Sources::default() })?.config;
        let runtime = Runtime::new()?;
        let server = runtime.block_on(Server::start(config))?;
        let (app, stop) = (server.app().clone(), CancellationToken::new());
        let running = runtime.spawn(server.run(stop.clone()));
        Ok(Self { app, runtime, stop, running, _data: data })
    }

    /// The guard behind its doors.
    pub(crate) fn app(&self) -> &SharedApp {
        &self.app
    }

    /// Stops it in order.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.runtime.block_on(self.running)??)
    }
}
