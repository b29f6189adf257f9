//! `countersign user list` and `show`

use clap::Args;
use countersign_server::service::control::{ListUsers, ShowUser, UserRow};

use super::ListArgs;
use crate::operate::Guard;
use crate::print::{self, moment, table};
use crate::say;

/// Whom to show.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The username.
    username: String,
    #[command(flatten)]
    guard: Guard,
    /// Print JSON instead.
    #[arg(long)]
    json: bool,
}

/// Runs `countersign user show NAME`.
pub(super) async fn run(args: ShowArgs) -> anyhow::Result<()> {
    let user = args.guard.operate(ShowUser { username: args.username }).await?;
    if args.json {
        return Ok(say::line(serde_json::to_string(&user)?)?);
    }
    let row = user.row;
    for (what, value) in [
        ("username", row.username),
        ("id", row.user_id),
        ("role", row.role),
        ("state", row.state),
        ("permissions", words(&row.permissions)),
        ("password", if row.has_password { "yes" } else { "no" }.to_owned()),
        ("keys", user.keys.to_string()),
        ("sessions", user.sessions.to_string()),
        ("generation", row.generation.to_string()),
        ("since", moment(row.created_ms)),
    ] {
        say::line(format_args!("{what:<12} {value}"))?;
    }
    Ok(())
}

/// Permissions for people to read.
pub(super) fn words(permissions: &[String]) -> String {
    if permissions.is_empty() { "none".to_owned() } else { permissions.join(" ") }
}

/// Runs `countersign user list`.
pub(super) async fn list(args: ListArgs) -> anyhow::Result<()> {
    let after = |row: &UserRow| row.username.clone();
    let rows = args.guard.all(|last| ListUsers { after: last.map(after) }).await?;
    if args.json {
        return print::json_lines(&rows);
    }
    let lines = rows.into_iter().map(|row| {
        let password = if row.has_password { "yes" } else { "no" }.to_owned();
        [row.username, row.role, row.state, password, moment(row.created_ms), row.user_id]
    });
    table(["username", "role", "state", "password", "since", "id"], lines)
}
