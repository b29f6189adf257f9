//! What happens when a row is not what we wrote.

use core::fmt;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::event::{Event, EventKind};
use countersign_core::time::Timestamp;

use super::Sqlite;
use super::events::insert_event;

/// Tells the time of an alarm: the ports that read have no time of their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How many rows are reported one by one: a wrong row key makes every row look tampered with.
const MOST: usize = 1_000;

/// Which row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RowName {
    pub(super) table: &'static str,
    pub(super) id: String,
}

impl fmt::Display for RowName {
    /// Escaped, because the id is what stands in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.table, self.id.escape_default())
    }
}

/// Reports rows that are not what we wrote, each once while the store is open.
pub(super) struct Alarm {
    sqlite: Sqlite,
    clock: Clock,
    raised: Mutex<HashSet<RowName>>,
}

impl Alarm {
    pub(super) fn new(sqlite: Sqlite, clock: Clock) -> Self {
        Self { sqlite, clock, raised: Mutex::default() }
    }

    /// Records an event for each of these rows that has not been reported yet. That it could not be recorded changes
    /// nothing for the caller: the row is distrusted either way, and the log says so.
    pub(super) async fn raise(&self, rows: impl IntoIterator<Item = &RowName>) {
        let fresh = self.not_yet_raised(rows);
        if fresh.is_empty() {
            return;
        }
        let events: Vec<_> = fresh.iter().map(|row| self.event(row)).collect();
        for event in &events {
            tracing::error!(detail = event.detail, "the row MAC does not hold");
        }
        let recorded = self.sqlite.writer.write(move |connection| {
            Box::pin(async move {
                for event in &events {
                    insert_event(connection, event).await?;
                }
                Ok(())
            })
        });
        if let Err(error) = recorded.await {
            tracing::error!(%error, "an alarm could not be recorded");
            self.forget(&fresh);
        }
    }

    fn not_yet_raised<'r>(&self, rows: impl IntoIterator<Item = &'r RowName>) -> Vec<RowName> {
        // What a panic has left half done here is a set of names; it is still right.
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = rows.into_iter().filter(|row| raised.len() < MOST && raised.insert((*row).clone()));
        fresh.cloned().collect()
    }

    fn forget(&self, rows: &[RowName]) {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            raised.remove(row);
        }
    }

    fn event(&self, row: &RowName) -> Event {
        Event {
            at: (self.clock)(),
            kind: EventKind::RowTampered,
            user: None,
            key: None,
            actor: "store".to_owned(),
            detail: format!("{row}: the row is not as it was written and is not trusted"),
        }
    }
}
