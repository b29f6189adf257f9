//! `countersign server-key`

use clap::{Args, Subcommand};
use countersign_server::service::control::{
    AnnounceServerKey, RetireServerKey, ServerKeys, ShowServerKeys, SwitchServerKey,
};

use crate::exit::Exit;
use crate::operate::Guard;
use crate::print::moment;
use crate::say;

/// The static key of a guard, which stands on every card: shown and replaced.
///
/// To replace it: `next` announces a new one, which cards name from then on; after some days, when clients have heard of
/// it, `switch` puts it in its place; when the cards of the former one are used or expired, `retire` forgets that.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the public keys, and what open cards still name an older one.
    Show(Common),
    /// Make the next key and announce it in every signed answer.
    Next(Common),
    /// Put the announced key in the place of the current one; cards of the former one are still good.
    Switch(Common),
    /// Forget the former key; cards that name it open nothing any more.
    Retire {
        #[command(flatten)]
        common: Common,
        /// Void the open tickets, recovery cards and codes that name the former key.
        #[arg(long)]
        void_cards: bool,
    },
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

/// Runs `countersign server-key …`.
pub(crate) async fn run(command: Command) -> anyhow::Result<Exit> {
    let (keys, common) = match command {
        Command::Show(common) => (common.guard.operate(ShowServerKeys {}).await?, common),
        Command::Next(common) => (common.guard.operate(AnnounceServerKey {}).await?, common),
        Command::Switch(common) => (common.guard.operate(SwitchServerKey {}).await?, common),
        Command::Retire { common, void_cards } => (common.guard.operate(RetireServerKey { void_cards }).await?, common),
    };
    if common.json {
        say::line(serde_json::to_string(&keys)?)?;
    } else {
        shown(&keys)?;
    }
    Ok(Exit::Done)
}

fn shown(keys: &ServerKeys) -> anyhow::Result<()> {
    say::line(format_args!("current  {}", keys.current))?;
    if let Some(next) = &keys.next {
        say::line(format_args!("next     {next}"))?;
    }
    if let Some(former) = &keys.former {
        say::line(format_args!("former   {former}"))?;
    }
    if let Some(since) = keys.cards_since_ms {
        let ServerKeys { older_tickets, older_recovery_cards, older_recovery_codes, .. } = keys;
        say::line(format_args!(
            "cards name the newest since {}; open ones from before: {older_tickets} tickets, {older_recovery_cards} \
             recovery cards, {older_recovery_codes} recovery codes, and whatever group cards were handed out",
            moment(since)
        ))?;
    }
    Ok(())
}
