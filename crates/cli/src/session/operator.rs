//! The same for an operator: all sessions of a guard, through its control socket or in its store.

use std::path::PathBuf;

use clap::Args;
use countersign_client::session::SessionRow;
use countersign_core::id::SessionRef;
use countersign_server::service::control::{ListSessions, RevokeSession, RevokeUserSessions, ShowSession};
use countersign_server::service::session_row as control;

use super::rows;
use crate::operate::Guard;
use crate::{print, say};

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
    let after = |row: &control::SessionRow| row.reference.clone();
    let listed = guard.all(|last| ListSessions { username: username.clone(), after: last.map(after) }).await?;
    let sessions = listed.iter().map(row).collect::<anyhow::Result<Vec<_>>>()?;
    if json { print::json_lines(&sessions) } else { rows::all(&sessions) }
}

pub(super) async fn show(guard: &Guard, session: SessionRef, json: bool) -> anyhow::Result<()> {
    let shown = guard.operate(ShowSession { reference: session.to_string() }).await?;
    rows::one(&row(&shown)?, json)
}

/// The same row as a client reads it: the guard writes one form for everybody.
fn row(row: &control::SessionRow) -> anyhow::Result<SessionRow> {
    Ok(serde_json::from_value(serde_json::to_value(row)?)?)
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
