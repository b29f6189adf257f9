//! `countersign key`

use clap::{Args, Subcommand};
use countersign_server::service::control::{KeyRow, ListKeys, RevokeKey};

use crate::exit::Exit;
use crate::key_show;
use crate::operate::Guard;
use crate::print::{self, moment, table};
use crate::say;

/// Signing keys: your own, and those of a guard.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Show(key_show::Args),
    /// List the keys of a guard.
    List(ListArgs),
    /// End a key of a guard for ever.
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
        Command::List(args) => list(args).await?,
        Command::Revoke(RevokeArgs { keyid, guard }) => {
            guard.operate(RevokeKey { keyid: keyid.clone() }).await?;
            say::line(format_args!("{keyid} is revoked"))?;
        }
    }
    Ok(Exit::Done)
}

async fn list(args: ListArgs) -> anyhow::Result<()> {
    let mut rows: Vec<KeyRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.keyid.clone());
        let page = args.guard.operate(ListKeys { username: args.user.clone(), after }).await?;
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    if args.json {
        return print::json_lines(&rows);
    }
    let nobody = || "(deleted)".to_owned();
    let lines = rows.into_iter().map(|row| {
        [row.keyid, row.username.unwrap_or_else(nobody), row.device, row.state, row.origin, moment(row.created_ms)]
    });
    table(["key", "user", "device", "state", "came by", "since"], lines)
}
