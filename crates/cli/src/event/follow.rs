//! `countersign event tail`

use countersign_server::service::control::{EventRow, FollowEvents, Followed};

use super::Which;
use crate::exit::Exit;
use crate::operate::Guard;
use crate::print::{self, moment, printable};
use crate::say;

/// Which events to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    guard: Guard,
    /// Begin with so many of the newest.
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    limit: u32,
    #[command(flatten)]
    which: Which,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// Shows the newest events and then each new one, until the guard stops.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let Args { guard, limit, which, json } = args;
    let newest = guard.operate(which.ask(None, limit)).await?;
    show(&newest.events, json)?;
    let mut next = newest.next;
    loop {
        let Followed { page, goes_on } = guard.operate(FollowEvents { events: which.ask(Some(next), 1_000) }).await?;
        show(&page.events, json)?;
        next = page.next;
        if !goes_on {
            say::note("no guard runs here (any more), so nothing will be added");
            return Ok(Exit::Done);
        }
    }
}

fn show(rows: &[EventRow], json: bool) -> anyhow::Result<()> {
    if json {
        return print::json_lines(rows);
    }
    for EventRow { sequence, at_ms, event, user_id, keyid, session, actor, detail } in rows {
        let user = user_id.as_ref().map(|user| format!("user {user}"));
        let session = session.as_ref().map(|session| format!("session {session}"));
        let (whom, how) = ([user.as_ref(), keyid.as_ref(), session.as_ref()], [Some(actor), Some(detail)]);
        let parts = [Some(event)].into_iter().chain(whom).chain(how).flatten();
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).map(|part| printable(part)).collect();
        say::line(format_args!("{sequence}  {}  {}", moment(*at_ms), parts.join("  ")))?;
    }
    Ok(())
}
