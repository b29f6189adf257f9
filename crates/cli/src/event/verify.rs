//! `countersign event verify`

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use countersign_core::event::SealedHead;
use countersign_server::service::control::{VerifiedEvents, VerifyEvents};

use crate::exit::Exit;
use crate::operate::Guard;
use crate::{print, say};

/// So many of the newest heads are used: what a head vouches for, each later one vouches for too.
const MOST_HEADS: usize = 300;

/// What to hold the log to.
#[derive(Debug, clap::Args)]
#[command(after_help = r#"Examples:
  countersign event verify
  countersign event verify --head /mnt/elsewhere/countersign-heads"#)]
pub(crate) struct Args {
    #[command(flatten)]
    guard: Guard,
    /// A file with heads that were kept elsewhere, one a line, as `event head` prints them.
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Says whether the log is what was written; 1 when it is not.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let heads = args.head.as_ref().map(read).transpose()?.unwrap_or_default();
    let given = heads.len();
    let found = args.guard.operate(VerifyEvents { heads }).await?;
    let exit = if found.faults.is_empty() { Exit::Done } else { Exit::Usage };
    if args.json {
        print::json_lines(&[found])?;
        return Ok(exit);
    }
    tell(&found, given)?;
    Ok(exit)
}

fn tell(found: &VerifiedEvents, given: usize) -> anyhow::Result<()> {
    let VerifiedEvents { events, last, removed_through, heads, unchecked_heads, faults, more_faults } = found;
    for fault in faults {
        say::line(format_args!("FAULT  {fault}"))?;
    }
    if *more_faults > 0 {
        say::line(format_args!("FAULT  and {more_faults} more"))?;
    }
    if *removed_through > 0 {
        say::line(format_args!("events up to {removed_through} were removed in their time"))?;
    }
    if *unchecked_heads > 0 {
        say::line(format_args!("{unchecked_heads} heads are of events that were removed and could not be compared"))?;
    }
    if faults.is_empty() {
        say::line(format_args!("{events} events up to number {last} are as they were written, by {heads} heads"))?;
        if given == 0 {
            say::note("no head from elsewhere was given: whoever can write to the database can have cut the log short");
        }
    }
    Ok(())
}

/// The newest heads in a file. One line that is none is the end: a file that is read wrongly must not look like a check.
fn read(path: &PathBuf) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut heads = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let head = line.trim().parse::<SealedHead>();
        heads.push(head.with_context(|| format!("{}, line {}", path.display(), number + 1))?);
    }
    if heads.is_empty() {
        bail!("there is no head in {}; `countersign event head` prints one", path.display());
    }
    heads.sort_by_key(|head| head.sequence);
    let surplus = heads.len().saturating_sub(MOST_HEADS);
    Ok(heads.split_off(surplus).iter().map(ToString::to_string).collect())
}
