//! The same for an operator: all sessions of a guard, through its control socket or in its store.

use std::path::PathBuf;

use clap::Args;
use countersign_core::id::SessionRef;
use countersign_server::service::control::{ListSessions, RevokeSession, RevokeUserSessions, ShowSession};
use countersign_server::service::session_row::SessionRow;

use crate::operate::Guard;
use crate::print::{self, moment, table};
use crate::say;

/// Which guard an operator means; nobody's, when the command is a user's.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Operator {
    /// As an operator: the data directory of the guard
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// As an operator: the configuration file of the guard (TOML)
    #[arg(long, value_name = "FILE", requires = "data")]
    config: Option<PathBuf>,
}

impl Operator {
    /// The guard, when this is an operator's command.
    pub(super) fn guard(&self) -> Option<Guard> {
        let data = Some(self.data.clone()?);
        Some(Guard { data, config: self.config.clone(), public_url: None })
    }
}

pub(super) async fn list(guard: &Guard, username: Option<String>, json: bool) -> anyhow::Result<()> {
    let mut rows: Vec<SessionRow> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.reference.clone());
        let page = guard.operate(ListSessions { username: username.clone(), after }).await?;
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    if json {
        return print::json_lines(&rows);
    }
    table(["session", "user", "state", "address", "device", "opened by", "since", "last used"], rows.iter().map(cells))
}

fn cells(row: &SessionRow) -> [String; 8] {
    [
        row.reference.clone(),
        row.username.clone(),
        state(row),
        row.ip_address.clone(),
        super::device(&row.device, row.user_agent.as_deref()),
        row.opened_by.clone(),
        moment(row.created_ms),
        moment(row.last_used_ms),
    ]
}

fn state(row: &SessionRow) -> String {
    match &row.why {
        Some(why) => format!("{}: {why}", row.state),
        None => row.state.clone(),
    }
}

pub(super) async fn show(guard: &Guard, session: SessionRef, json: bool) -> anyhow::Result<()> {
    let row = guard.operate(ShowSession { reference: session.to_string() }).await?;
    if json {
        say::line(serde_json::to_string(&row)?)?;
        return Ok(());
    }
    let agent = row.user_agent.clone().unwrap_or_default();
    let (ended, state) = (row.ended_ms.map(moment).unwrap_or_default(), state(&row));
    let fields = [
        ("session", row.reference.as_str()),
        ("user", &row.username),
        ("state", &state),
        ("ended", &ended),
        ("device", &row.device),
        ("program", &agent),
        ("address", &row.ip_address),
        ("proof", &row.proof),
        ("opened by", &row.opened_by),
        ("since", &moment(row.created_ms)),
        ("last used", &moment(row.last_used_ms)),
        ("logged in", &moment(row.auth_time_ms)),
        ("until", &moment(row.expires_ms)),
    ];
    let lines = fields.iter().map(|(name, value)| format!("{name:<10} {}\n", print::printable(value)));
    say::result(lines.collect::<String>().as_bytes())?;
    Ok(())
}

pub(super) async fn revoke(guard: &Guard, session: SessionRef) -> anyhow::Result<()> {
    guard.operate(RevokeSession { reference: session.to_string() }).await?;
    Ok(())
}

pub(super) async fn revoke_user(guard: &Guard, username: String, keys: bool) -> anyhow::Result<()> {
    let revoked = guard.operate(RevokeUserSessions { username: username.clone(), keys }).await?;
    let keys = if keys { ", with all keys" } else { "" };
    say::line(format_args!("{username}: {} sessions are revoked{keys}", revoked.sessions))?;
    Ok(())
}
