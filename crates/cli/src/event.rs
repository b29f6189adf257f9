//! `countersign event`

mod follow;
mod verify;

use std::time::UNIX_EPOCH;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use countersign_server::edge;
use countersign_server::service::control::{EventRow, ListEvents, ListHeads, SealEvents};

use crate::exit::Exit;
use crate::operate::Guard;
use crate::print::{self, moment, table};
use crate::say;

/// As many events as one answer holds.
const PAGE: u32 = 1_000;

/// The event log of a guard.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List events, oldest first.
    List(ListArgs),
    /// Show the newest events, and go on with each new one.
    Tail(follow::Args),
    /// Find out whether the log is still what was written: nothing changed, removed or cut off.
    Verify(verify::Args),
    /// Seal the end of the log and print the head, a line to be kept on another machine.
    Head(GuardArgs),
    /// Print all heads that were sealed, oldest first.
    Heads(GuardArgs),
}

/// Which guard.
#[derive(Debug, Args)]
pub(crate) struct GuardArgs {
    #[command(flatten)]
    guard: Guard,
}

/// Which events to list.
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  countersign event list --limit 20
  countersign event list --kind replay --kind row_tampered --since 24h
  countersign event list --user alice --after 0 --json
  countersign event list --session nPZ2vS1kQ0qVYx8m3r5u7w"#)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    guard: Guard,
    /// The oldest after this number; without it the newest are listed.
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    /// At most so many; 0 for all.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    which: Which,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// What events must be like.
#[derive(Clone, Debug, Args)]
struct Which {
    /// Of this kind only; may be repeated.
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// About this user only: a name, or the id of one who was deleted.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// About this session only, by the reference that `countersign session list` shows.
    #[arg(long, value_name = "REF", allow_hyphen_values = true)]
    session: Option<String>,
    /// Not from before this: a time such as 2026-11-24T15:00:00Z, or how long ago, such as 24h.
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<u64>,
}

impl Which {
    fn ask(&self, after: Option<u64>, limit: u32) -> ListEvents {
        let Self { kinds, user, session, since } = self.clone();
        ListEvents { after, limit, kinds, user, session, since_ms: since }
    }
}

/// Runs `countersign event …`.
pub(crate) async fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::List(args) => list(args).await,
        Command::Tail(args) => follow::run(args).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Head(args) => {
            say::line(args.guard.operate(SealEvents {}).await?)?;
            Ok(Exit::Done)
        }
        Command::Heads(args) => heads(&args.guard).await,
    }
}

async fn list(args: ListArgs) -> anyhow::Result<Exit> {
    let ListArgs { guard, after, limit, which, json } = args;
    let rows = match (after, limit) {
        (None, 1..=PAGE) => guard.operate(which.ask(None, limit)).await?.events,
        (after, limit) => many(&guard, &which, after, limit).await?,
    };
    if json {
        print::json_lines(&rows)?;
        return Ok(Exit::Done);
    }
    let lines = rows.into_iter().map(|row| {
        let EventRow { sequence, at_ms, event, user_id, keyid, session, actor, detail } = row;
        let (user, key) = (user_id.unwrap_or_default(), keyid.unwrap_or_default());
        let session = session.unwrap_or_default();
        [sequence.to_string(), moment(at_ms), event, user, key, session, actor, detail]
    });
    table(["no.", "when", "event", "user", "key", "session", "by", "detail"], lines)?;
    Ok(Exit::Done)
}

/// Page by page: from a number on, or all; of the newest when there are more than one page holds, those at the end.
async fn many(guard: &Guard, which: &Which, after: Option<u64>, limit: u32) -> anyhow::Result<Vec<EventRow>> {
    let most = if limit == 0 { usize::MAX } else { limit as usize };
    let enough = if after.is_some() { most } else { usize::MAX };
    let (mut rows, mut from) = (Vec::new(), after.unwrap_or_default());
    while rows.len() < enough {
        let ask = u32::try_from(enough - rows.len()).unwrap_or(PAGE).min(PAGE);
        let page = guard.operate(which.ask(Some(from), ask)).await?;
        let is_last = page.events.len() < ask as usize;
        from = page.next;
        rows.extend(page.events);
        if is_last {
            break;
        }
    }
    let surplus = rows.len().saturating_sub(most);
    Ok(rows.split_off(surplus))
}

async fn heads(guard: &Guard) -> anyhow::Result<Exit> {
    let mut after = None;
    loop {
        let heads = guard.operate(ListHeads { after }).await?;
        let Some(last) = heads.last() else { return Ok(Exit::Done) };
        let sequence = last.split('.').nth(1).and_then(|sequence| sequence.parse().ok());
        after = Some(sequence.context("the guard gave a head that cannot be read")?);
        for head in heads {
            say::line(head)?;
        }
    }
}

/// A point in time, or so long before now, in milliseconds since the Unix epoch.
fn since(text: &str) -> Result<u64, String> {
    let at = humantime::parse_rfc3339_weak(text).ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    if let Some(at) = at {
        return Ok(u64::try_from(at.as_millis()).unwrap_or(u64::MAX));
    }
    let ago = humantime::parse_duration(text);
    let ago = ago.map_err(|_| "write a time such as 2026-11-24T15:00:00Z, or how long ago, such as 24h".to_owned())?;
    Ok(edge::now().wall.saturating_sub(ago).as_millis())
}
