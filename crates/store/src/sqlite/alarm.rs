//! What happens when a row is not what we wrote.

use core::{fmt, mem};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::event::{Event, EventKind};
use countersign_core::id::SessionRef;
use countersign_core::session::Session;
use countersign_core::time::Timestamp;

use super::row::Kept;
use super::writer::Writer;

/// Tells the time of an alarm: the ports that read have no time of their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How many rows are reported at most; a wrong row key makes every row look tampered with.
const MOST: usize = 1_000;

/// Which row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RowName {
    pub(super) table: &'static str,
    pub(super) id: String,
}

impl RowName {
    /// The session whose row it is. What stands in the file in the place of its name may be none.
    fn session(&self) -> Option<SessionRef> {
        (self.table == Session::TABLE).then(|| self.id.parse().ok()).flatten()
    }
}

impl fmt::Display for RowName {
    /// Escaped, because the id is what stands in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.table, self.id.escape_default())
    }
}

/// Reports rows that are not what we wrote, each once while the store is open.
pub(super) struct Alarm {
    writer: Writer,
    clock: Clock,
    met: Mutex<Met>,
}

#[derive(Default)]
struct Met {
    ever: HashSet<RowName>,
    unreported: Vec<RowName>,
}

impl Alarm {
    pub(super) fn new(writer: Writer, clock: Clock) -> Self {
        Self { writer, clock, met: Mutex::default() }
    }

    /// Notes a row that is not what we wrote.
    pub(super) fn note(&self, row: RowName) {
        let mut met = self.met();
        if met.ever.len() < MOST && met.ever.insert(row.clone()) {
            met.unreported.push(row);
        }
    }

    /// Records an event for each row that has been noted since, in a task of its own, so that a caller who goes away
    /// takes no alarm along. That one cannot be recorded changes nothing for the caller: the row is distrusted either
    /// way, and the next alarm tries again.
    pub(super) async fn raise(self: &Arc<Self>) {
        let unreported = mem::take(&mut self.met().unreported);
        if unreported.is_empty() {
            return;
        }
        let alarm = Arc::clone(self);
        if let Err(error) = tokio::spawn(async move { alarm.record(unreported).await }).await {
            tracing::error!(%error, "the task that records an alarm has ended");
        }
    }

    async fn record(&self, rows: Vec<RowName>) {
        let events: Vec<_> = rows.iter().map(|row| self.event(row)).collect();
        for event in &events {
            tracing::error!(detail = event.detail, "a row of the store is not as it was written");
        }
        let chain = self.writer.chain().clone();
        let recorded = self.writer.write(move |connection| {
            Box::pin(async move {
                for event in &events {
                    chain.append(connection, event).await?;
                }
                Ok(())
            })
        });
        if let Err(error) = recorded.await {
            tracing::error!(%error, "an alarm could not be recorded");
            self.met().unreported.extend(rows);
        }
    }

    fn met(&self) -> MutexGuard<'_, Met> {
        // What a panic may have left half done here is a list of names to report.
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn event(&self, row: &RowName) -> Event {
        Event {
            at: (self.clock)(),
            kind: EventKind::RowTampered,
            user: None,
            key: None,
            session: row.session(),
            actor: "store".to_owned(),
            detail: format!("{row}: the row is not as it was written and is not trusted"),
        }
    }
}
