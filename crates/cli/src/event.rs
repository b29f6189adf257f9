//! `countersign event`

use clap::{Args, Subcommand};
use countersign_server::service::control::{EventRow, LatestEvents, ListEvents};

use crate::exit::Exit;
use crate::operate::Guard;
use crate::print::{self, moment, table};

/// The event log of a guard.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List events, oldest first.
    List(ListArgs),
}

/// Which events to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    guard: Guard,
    /// At most so many, the newest; 0 for all.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u32,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// Runs `countersign event …`.
pub(crate) async fn run(Command::List(args): Command) -> anyhow::Result<Exit> {
    let rows = match args.limit {
        0 => all(&args.guard).await?,
        limit => args.guard.operate(LatestEvents { limit }).await?,
    };
    if args.json {
        print::json_lines(&rows)?;
        return Ok(Exit::Done);
    }
    let lines = rows.into_iter().map(|row| {
        let EventRow { sequence, at_ms, event, keyid, actor, detail, .. } = row;
        [sequence.to_string(), moment(at_ms), event, keyid.unwrap_or_default(), actor, detail]
    });
    table(["no.", "when", "event", "key", "by", "detail"], lines)?;
    Ok(Exit::Done)
}

async fn all(guard: &Guard) -> anyhow::Result<Vec<EventRow>> {
    let mut rows: Vec<EventRow> = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row| row.sequence);
        let page = guard.operate(ListEvents { after }).await?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}
