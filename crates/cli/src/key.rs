//! `countersign key`

use clap::{Args, Subcommand};
use countersign_server::service::control::{KeyRow, ListKeys, RevokeKey, RevokedKeys};

use crate::exit::Exit;
use crate::operate::Guard;
use crate::print::{self, moment, table};
use crate::say;
use crate::{key_own, key_recover, key_rotate, key_show};

/// Signing keys: your own, and those of a guard.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Show(key_show::Args),
    Rotate(key_rotate::Args),
    Recover(key_recover::Args),
    Mine(key_own::MineArgs),
    End(key_own::EndArgs),
    RecoveryCodes(key_own::CodesArgs),
    /// List the keys of a guard.
    List(ListArgs),
    /// End a key of a guard for ever, and every key that came from it by rotation.
    Revoke(RevokeArgs),
}

/// Which keys to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only the keys of this user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    #[command(flatten)]
    guard: Guard,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// Which key to end.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The keyid, as `countersign key list` shows it.
    keyid: String,
    #[command(flatten)]
    guard: Guard,
}

/// Runs `countersign key …`.
pub(crate) async fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Show(args) => return key_show::run(&args),
        Command::Rotate(args) => return key_rotate::run(&args).await,
        Command::Recover(args) => return key_recover::run(&args).await,
        Command::Mine(args) => return key_own::mine(&args).await,
        Command::End(args) => return key_own::end(&args).await,
        Command::RecoveryCodes(args) => return key_own::codes(&args).await,
        Command::List(args) => list(args).await?,
        Command::Revoke(RevokeArgs { keyid, guard }) => {
            let RevokedKeys { with_it, predecessor } = guard.operate(RevokeKey { keyid: keyid.clone() }).await?;
            say::line(format_args!("{keyid} is revoked"))?;
            for came_from_it in with_it {
                say::line(format_args!("{came_from_it} came from it and is revoked too"))?;
            }
            if let Some(predecessor) = predecessor {
                say::note(format_args!(
                    "it stood in the place of {predecessor}, which still signs for a while; if the device is lost, revoke \
                     that one too"
                ));
            }
        }
    }
    Ok(Exit::Done)
}

async fn list(args: ListArgs) -> anyhow::Result<()> {
    let after = |row: &KeyRow| row.keyid.clone();
    let rows = args.guard.all(|last| ListKeys { username: args.user.clone(), after: last.map(after) }).await?;
    if args.json {
        return print::json_lines(&rows);
    }
    let nobody = || "(deleted)".to_owned();
    let lines = rows.into_iter().map(|row| {
        let ends = row.ends_ms.map(moment).unwrap_or_default();
        let since = moment(row.created_ms);
        [row.keyid, row.username.unwrap_or_else(nobody), row.device, row.state, row.origin, since, ends]
    });
    table(["key", "user", "device", "state", "came by", "since", "until"], lines)
}
