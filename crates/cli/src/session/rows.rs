//! Sessions as they are printed: to their user, who sees those that are open, and to an operator, who sees all.

use countersign_client::session::SessionRow;

use crate::print::{moment, printable, table};
use crate::say;

/// A user's own.
pub(super) fn own(rows: &[SessionRow]) -> anyhow::Result<()> {
    let lines = rows.iter().map(|row| {
        let this = if row.current { "this one" } else { "" };
        let [since, last_used] = times(row);
        let SessionRow { reference, ip_address, opened_by, .. } = row.clone();
        [reference, this.to_owned(), ip_address, device(row), opened_by, since, last_used]
    });
    table(["session", "", "address", "device", "opened by", "since", "last used"], lines)
}

/// Those of everybody.
pub(super) fn all(rows: &[SessionRow]) -> anyhow::Result<()> {
    let lines = rows.iter().map(|row| {
        let [since, last_used] = times(row);
        let SessionRow { reference, username, ip_address, opened_by, .. } = row.clone();
        [reference, username, state(row), ip_address, device(row), opened_by, since, last_used]
    });
    table(["session", "user", "state", "address", "device", "opened by", "since", "last used"], lines)
}

/// Everything that is known of one.
pub(super) fn one(row: &SessionRow, json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(say::line(serde_json::to_string(row)?)?);
    }
    let [since, last_used] = times(row);
    let fields = [
        ("session", row.reference.clone()),
        ("user", row.username.clone()),
        ("user id", row.user_id.clone()),
        ("state", state(row)),
        ("ended", row.ended_ms.map(moment).unwrap_or_default()),
        ("device", row.device.clone()),
        ("program", row.user_agent.clone().unwrap_or_default()),
        ("address", row.ip_address.clone()),
        ("proof", row.proof.clone()),
        ("opened by", row.opened_by.clone()),
        ("since", since),
        ("last used", last_used),
        ("logged in", moment(row.auth_time_ms)),
        ("until", moment(row.expires_ms)),
    ];
    let lines = fields.iter().map(|(name, value)| format!("{name:<10} {}\n", printable(value)));
    Ok(say::result(lines.collect::<String>().as_bytes())?)
}

fn times(row: &SessionRow) -> [String; 2] {
    [moment(row.created_ms), moment(row.last_used_ms)]
}

/// What its user calls it, else what the program calls itself.
fn device(row: &SessionRow) -> String {
    let program = row.user_agent.clone().unwrap_or_default();
    if row.device.is_empty() { program } else { row.device.clone() }
}

fn state(row: &SessionRow) -> String {
    match &row.why {
        Some(why) => format!("{}: {why}", row.state),
        None => row.state.clone(),
    }
}
