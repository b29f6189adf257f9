//! The event log as a whole: its end is sealed and told elsewhere, it is looked over, and what is old is removed.

use core::time::Duration;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use countersign_core::event::{Event, EventKind, SealedHead};
use countersign_core::time::Timestamp;
use countersign_store::Stores;
use countersign_store::port::{Begun, End, Pruned, StoreError, Verification};

use crate::accounts::Accounts;
use crate::data::{end_with_line, last_lines};

/// How many old events are removed at once.
const MANY: u32 = 1_000;

/// To so many heads of each file the log is held, the last ones: what a head vouches for, each later one vouches for too.
const MOST_TOLD: usize = 300;

/// The file in the data directory to which every head is added.
pub const HEADS_FILE: &str = "events-heads";

/// What there is to do about the event log, by configuration.
#[derive(Clone, Debug)]
pub struct EventLogging {
    /// Where each new head is added as a line.
    pub files: Vec<PathBuf>,
    /// How long events are kept; for ever without.
    pub retention: Option<Duration>,
}

impl EventLogging {
    /// In this data directory, and in the file that the operator named.
    pub fn new(directory: &Path, elsewhere: Option<&PathBuf>, retention: Option<Duration>) -> Self {
        let files = [directory.join(HEADS_FILE)].into_iter().chain(elsewhere.cloned()).collect();
        Self { files, retention }
    }

    async fn tell(&self, head: SealedHead) {
        for file in self.files.clone() {
            let line = head.to_string();
            let named = file.display().to_string();
            match tokio::task::spawn_blocking(move || end_with_line(&file, &line)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, file = named, "a sealed head could not be added to its file"),
                Err(error) => tracing::error!(%error, file = named, "a sealed head could not be added to its file"),
            }
        }
    }

    /// The last heads that stand in the files, where these are there and can be read.
    async fn told(&self) -> Vec<SealedHead> {
        let mut heads = Vec::new();
        for file in self.files.clone() {
            let named = file.display().to_string();
            match tokio::task::spawn_blocking(move || last_lines(&file, MOST_TOLD)).await {
                Ok(Ok(lines)) => {
                    let before = heads.len();
                    heads.extend(lines.iter().filter_map(|line| line.parse::<SealedHead>().ok()));
                    let odd = lines.len() - (heads.len() - before);
                    if odd > 0 {
                        tracing::warn!(
                            odd,
                            file = named,
                            "lines in the file of sealed heads are none, and vouch for nothing"
                        );
                    }
                }
                Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {}
                Ok(Err(error)) => tracing::error!(%error, file = named, "the sealed heads in a file were not read"),
                Err(error) => tracing::error!(%error, file = named, "the sealed heads in a file were not read"),
            }
        }
        heads
    }
}

/// Takes rows from before the log was chained into the chain, and says so. Once, when the store is opened.
pub async fn begin(stores: &Stores, logging: &EventLogging, now: Timestamp) -> Result<(), StoreError> {
    let Some(Begun { taken, first }) = stores.event_chain.begin(now).await? else { return Ok(()) };
    logging.tell(first).await;
    if taken == 0 {
        return Ok(());
    }
    tracing::warn!(events = taken, "the event log is a chain from now on; what stood in it is taken as it was found");
    let detail = format!("{taken} events from before were taken into the chain as they were found");
    stores.events.record(&of_the_log(now, EventKind::LogChained, detail)).await
}

/// Seals the end of the log, and sees to it that the last head stands in the files: one that is not new may not have got
/// there. That it cannot be written is told in the log of the process: the head is kept in the store all the same.
pub async fn seal(accounts: &Accounts, now: Timestamp) -> Result<SealedHead, StoreError> {
    let (End::New(head) | End::Already(head)) = accounts.stores.event_chain.seal(now).await?;
    accounts.event_logging.tell(head).await;
    Ok(head)
}

/// Removes what is older than events are to be kept, and says how much it was.
pub async fn remove_old(accounts: &Accounts, now: Timestamp) -> Result<(), StoreError> {
    let Some(retention) = accounts.event_logging.retention else { return Ok(()) };
    let (before, mut removed) = (now.saturating_sub(retention), 0);
    let through = loop {
        match accounts.stores.event_chain.prune(before, MANY, now).await? {
            Pruned::Done { rows, through } => {
                removed += rows;
                if rows < u64::from(MANY) {
                    break through;
                }
            }
            Pruned::Refused { sequence } => {
                tracing::error!(sequence, "old events are not removed: one of them is not as it was written");
                return Ok(());
            }
        }
    };
    if removed == 0 {
        return Ok(());
    }
    let detail = format!("{removed} events that had been kept for their time, up to number {through}");
    accounts.stores.events.record(&of_the_log(now, EventKind::LogPruned, detail)).await
}

/// Holds the log to its chain, to the heads that are kept with it, to those that were added to the files, and to these.
pub async fn verify(accounts: &Accounts, given: Vec<SealedHead>) -> Result<Verification, StoreError> {
    // Before the store is read: what stands in a file was kept before it was told there.
    let mut heads = accounts.event_logging.told().await;
    heads.extend(given);
    accounts.stores.event_chain.verify(&heads).await
}

/// Looks the log over. What is found is said in the log of the process, and recorded unless it is what was found before.
pub async fn look_over(
    accounts: &Accounts,
    found_before: Option<&Verification>,
    now: Timestamp,
) -> Result<Verification, StoreError> {
    let found = verify(accounts, Vec::new()).await?;
    let Some(first) = found.faults.first() else { return Ok(found) };
    for fault in &found.faults {
        tracing::error!(%fault, "the event log is not as it was written");
    }
    if found_before.is_none_or(|before| before.faults != found.faults) {
        let others = found.faults.len() as u64 - 1 + found.more_faults;
        let detail = if others == 0 { first.to_string() } else { format!("{first}, and {others} more") };
        accounts.stores.events.record(&of_the_log(now, EventKind::LogTampered, detail)).await?;
    }
    Ok(found)
}

/// An event about the log itself.
fn of_the_log(at: Timestamp, kind: EventKind, detail: String) -> Event {
    Event { at, kind, user: None, key: None, session: None, actor: "guard".to_owned(), detail }
}
