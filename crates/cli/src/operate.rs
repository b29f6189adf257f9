//! Operator's commands: through the control socket of a running server, or on the store itself when none runs. The lock
//! on the data directory decides which, so it is never both.

use anyhow::ensure;
use clap::Args;
use countersign_server::accounts::Accounts;
use countersign_server::config::{self, Checked, Config, ConfigError, Loaded, Overrides, Sources};
use countersign_server::control;
use countersign_server::data::{DataDir, Lock, LockError};
use countersign_server::edge;
use countersign_server::service::control::{Asked, Asking, Operation};
use countersign_server::service::event_log;

use crate::say;

/// Which guard is meant.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Guard {
    /// The data directory of the guard [default: ./countersign-data].
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
    pub(crate) fn load(&self, more: Overrides) -> Result<Loaded, ConfigError> {
        let overrides = Overrides { data: self.data.clone(), public_url: self.public_url.clone(), ..more };
        config::load(Sources { file: self.config.clone(), environment: environment(), overrides })
    }

    /// Reads the configuration; what is wrong with it is the end.
    pub(crate) fn configuration(&self, more: Overrides) -> anyhow::Result<Checked<Config>> {
        Ok(self.load(more)?.config)
    }

    /// Does what is asked for, wherever it has to be done. A directory without a guard is a slip of whoever named it:
    /// nothing is made there.
    pub(crate) async fn operate<O: Operation>(&self, operation: O) -> anyhow::Result<O::Reply> {
        let config = self.configuration(Overrides::default())?;
        let directory = DataDir::find(&config.data)?;
        wherever(config, &directory, Missing::Refused, operation).await
    }

    /// Every row there is: `page` asks for those that come after one.
    pub(crate) async fn all<O, T>(&self, page: impl Fn(Option<&T>) -> O) -> anyhow::Result<Vec<T>>
    where
        O: Operation<Reply = Vec<T>>,
    {
        let mut rows = Vec::new();
        loop {
            let more = self.operate(page(rows.last())).await?;
            if more.is_empty() {
                return Ok(rows);
            }
            rows.extend(more);
        }
    }

    /// [`operate`](Self::operate) for what is asked before the first start, too: the first cards can be made then.
    pub(crate) async fn operate_or_begin<O: Operation>(&self, operation: O) -> anyhow::Result<O::Reply> {
        let config = self.configuration(Overrides::default())?;
        let directory = DataDir::open(&config.data)?;
        if !directory.database().exists() {
            say::note(format_args!("a new guard begins in {}", config.data.display()));
        }
        wherever(config, &directory, Missing::Made, operation).await
    }
}

/// What is done about a store that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Made,
    Refused,
}

async fn wherever<O: Operation>(
    config: Checked<Config>,
    directory: &DataDir,
    missing: Missing,
    operation: O,
) -> anyhow::Result<O::Reply> {
    ensure!(
        missing == Missing::Made || directory.database().exists(),
        "no guard keeps its data in {}; name the directory with --data, or start `countersign serve` to make it",
        directory.path().display()
    );
    match directory.lock() {
        Ok(lock) => on_the_store(config, directory, &lock, operation).await,
        Err(LockError::Held { .. }) => {
            Ok(control::call_patiently(directory, &Asking::from(operation), O::PATIENCE).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Does what is asked for where no server runs.
pub(crate) async fn on_the_store<O: Operation>(
    config: Checked<Config>,
    directory: &DataDir,
    lock: &Lock,
    operation: O,
) -> anyhow::Result<O::Reply> {
    let accounts = Accounts::open(config, directory, lock).await?;
    accounts.load().await?;
    let asked =
        Asked { actor: format!("uid {}", rustix::process::getuid().as_raw()), session: None, at: edge::now().wall };
    // Nothing goes on beside a command, so that there is nothing to wait for.
    accounts.ending.cancel();
    let reply = operation.run(&accounts, &asked).await;
    if let Err(error) = event_log::seal(&accounts, edge::now().wall).await {
        say::note(format_args!("the end of the event log was not sealed: {error}"));
    }
    accounts.sqlite.close().await;
    Ok(reply?)
}

/// The one place where this program reads its environment for the configuration.
#[expect(clippy::disallowed_methods, reason = "the configuration takes the environment as an argument")]
fn environment() -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    std::env::vars_os().collect()
}
