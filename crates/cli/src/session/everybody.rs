//! `countersign session revoke-everybody`

use countersign_server::service::control::RevokeEverybody;

use crate::exit::Exit;
use crate::operate::Guard;
use crate::{input, say};

/// End all sessions of everybody, and void every token: for when it isn't known who has got hold of what
///
/// It counts from the next request on, and for ever: what was issued before is worth nothing, at this guard and wherever else its
/// tokens are verified. Keys and passwords stay, and whoever has one logs in again. It asks first, unless --yes is given.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign session revoke-everybody --data ./countersign-data
  countersign session revoke-everybody --data ./countersign-data --yes"#)]
pub(crate) struct Args {
    #[command(flatten)]
    guard: Guard,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Asks, and revokes.
pub(crate) async fn run(args: Args) -> anyhow::Result<Exit> {
    if !args.yes {
        input::confirm("End every session of everybody, and void every token?")?;
    }
    args.guard.operate(RevokeEverybody {}).await?;
    say::line("everything that anybody was issued is taken back; whoever has a key or a password can log in again")?;
    Ok(Exit::Done)
}
