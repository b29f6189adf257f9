//! `countersign token-key`

use clap::{Args, Subcommand};
use countersign_server::service::control::{
    RetireTokenKeys, RotateTokenKey, ShowTokenKeys, TokenKeyRow, TokenKeyState,
};

use crate::exit::Exit;
use crate::operate::Guard;
use crate::print::moment;
use crate::say;

/// The keys that sign access tokens: shown and replaced.
///
/// The guard replaces them by itself, every 90 days unless `token_key_days` says otherwise. The next key is always published
/// beforehand, and what a former one has signed stays good until it expires. When a key may be known to somebody else:
/// `rotate --at-once`, twice if the next one may be known too, and then `retire`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the keys by their names, as in `kid`.
    Show(Common),
    /// Put the next key in the place of the current one; what that has signed is still good.
    Rotate {
        #[command(flatten)]
        common: Common,
        /// Although the next key was published less than ten minutes ago.
        #[arg(long)]
        at_once: bool,
    },
    /// Forget the former keys; what they have signed is refused, and clients refresh.
    Retire(Common),
}

/// Which guard, and how to show it.
#[derive(Debug, Args)]
pub(crate) struct Common {
    #[command(flatten)]
    guard: Guard,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs `countersign token-key …`.
pub(crate) async fn run(command: Command) -> anyhow::Result<Exit> {
    let (keys, common) = match command {
        Command::Show(common) => (common.guard.operate(ShowTokenKeys {}).await?, common),
        Command::Rotate { common, at_once } => (common.guard.operate(RotateTokenKey { at_once }).await?, common),
        Command::Retire(common) => (common.guard.operate(RetireTokenKeys {}).await?, common),
    };
    if common.json {
        say::line(serde_json::json!({ "keys": keys }))?;
    } else {
        keys.iter().try_for_each(shown)?;
    }
    Ok(Exit::Done)
}

fn shown(key: &TokenKeyRow) -> anyhow::Result<()> {
    let TokenKeyRow { kid, state, since_ms, until_ms } = key;
    let (since, until) = (since_ms.map(moment).unwrap_or_default(), until_ms.map(moment).unwrap_or_default());
    say::line(match state {
        TokenKeyState::Current => format!("current  {kid}  signs since {since}"),
        TokenKeyState::Next => format!("next     {kid}  published since {since}"),
        TokenKeyState::Former => format!("former   {kid}  its tokens are good until {until} at the latest"),
    })?;
    Ok(())
}
