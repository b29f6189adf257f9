//! Operator's commands: through the control socket of a running server, or on the store itself when none runs. The lock
//! on the data directory decides which, so it is never both.

use anyhow::Context as _;
use clap::Args;
use countersign_server::accounts::Accounts;
use countersign_server::config::{self, Checked, Config, Overrides, Sources};
use countersign_server::control;
use countersign_server::data::{DataDir, LockError};
use countersign_server::edge;
use countersign_server::service::control::{Asked, Asking, Operation};

/// Which guard is meant.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Guard {
    /// The data directory of the guard.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// The configuration file of the guard (TOML).
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<std::path::PathBuf>,
    /// The URL by which clients reach the guard; it stands on cards. A running guard knows its own.
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
}

impl Guard {
    /// Reads the configuration.
    pub(crate) fn configuration(&self, more: Overrides) -> anyhow::Result<Checked<Config>> {
        let overrides = Overrides { data: self.data.clone(), public_url: self.public_url.clone(), ..more };
        let sources = Sources { file: self.config.clone(), environment: environment(), overrides };
        Ok(config::load(sources)?.config)
    }

    /// Does what is asked for, wherever it has to be done.
    pub(crate) async fn operate<O: Operation>(&self, operation: O) -> anyhow::Result<O::Reply> {
        let config = self.configuration(Overrides::default())?;
        let directory = DataDir::open(&config.data)?;
        match directory.lock() {
            Ok(lock) => {
                let accounts = Accounts::open(config, &directory, &lock).await?;
                let asked =
                    Asked { actor: format!("uid {}", rustix::process::getuid().as_raw()), at: edge::now().wall };
                Ok(operation.run(&accounts, &asked).await?)
            }
            Err(LockError::Held { .. }) => control::call(&directory, &Asking::from(operation))
                .await
                .context("through the control socket of the running server"),
            Err(error) => Err(error.into()),
        }
    }
}

/// The one place where this program reads its environment for the configuration.
#[expect(clippy::disallowed_methods, reason = "the configuration takes the environment as an argument")]
fn environment() -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    std::env::vars_os().collect()
}
