//! How an event is added at the end of the chain, within the transaction of the change that it tells of.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::event::{ChainValue, Event, EventKey};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query};
use tokio::sync::watch;

use super::failure::Failure;
use super::value::Unreadable;
use crate::event_row::{EventRow, Tip};
use crate::meaning::bounded;
use crate::port::Recorded;

const INSERT: &str = "INSERT INTO events (sequence, at_ms, kind, user_id, key_id, session, actor, detail, chain) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// The last row, or what was removed last, or the beginning; and the highest number that was ever given out, as far as the file knows.
const TIP: &str = "SELECT sequence, chain, \
    max(sequence, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0), \
        coalesce((SELECT max(sequence) FROM event_heads), 0)) AS highest \
    FROM (SELECT sequence, chain FROM events UNION ALL SELECT sequence, chain FROM event_pruning \
        UNION ALL SELECT 0, NULL) \
    ORDER BY sequence DESC LIMIT 1";

/// The end of the chain, as the connection that writes has left it. Clones share it.
///
/// It is held in memory, which saves a look-up for each event and shows when somebody cuts the log while it is written.
#[derive(Clone, Debug)]
pub(super) struct Chain(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: Mutex<Option<EventKey>>,
    tip: Mutex<Option<Tip>>,
    last: watch::Sender<u64>,
}

impl Default for Chain {
    fn default() -> Self {
        Self(Arc::new(Inner { key: Mutex::default(), tip: Mutex::default(), last: watch::Sender::default() }))
    }
}

impl Chain {
    /// From now on this is the key.
    pub(super) fn set_key(&self, key: EventKey) {
        *locked(&self.0.key) = Some(key);
    }

    /// The key; an error before it is known, when nothing can be recorded yet.
    pub(super) fn key(&self) -> Result<EventKey, Failure> {
        let key = locked(&self.0.key).clone();
        key.ok_or_else(|| Failure::Corrupt { what: "event", source: NoKey.into() })
    }

    /// Adds an event.
    pub(super) async fn append(&self, connection: &mut SqliteConnection, event: &Event) -> Result<(), Failure> {
        let (key, event) = (self.key()?, bounded(event));
        let tip = self.tip(connection).await?;
        let next = match insert(connection, &key, tip, &event).await {
            // Somebody else has written to the file. What we do is told of all the same, behind what stands there.
            Err(Failure::Sql(error)) if is_taken(&error) => {
                let found = read_tip(connection).await?;
                insert(connection, &key, Tip { sequence: found.sequence, ..tip }, &event).await?
            }
            inserted => inserted?,
        };
        *locked(&self.0.tip) = Some(next);
        Ok(())
    }

    /// The end of the chain, read from the file when it is not known.
    pub(super) async fn tip(&self, connection: &mut SqliteConnection) -> Result<Tip, Failure> {
        match self.known() {
            Some(tip) => Ok(tip),
            None => read_tip(connection).await,
        }
    }

    /// The end of the chain, when it is known; to go back to when a change is undone.
    pub(super) fn known(&self) -> Option<Tip> {
        *locked(&self.0.tip)
    }

    /// Goes back to an earlier end: what was added since was undone.
    pub(super) fn rewind(&self, tip: Option<Tip>) {
        *locked(&self.0.tip) = tip;
    }

    /// Tells of what has been committed.
    pub(super) fn publish(&self) {
        if let Some(Tip { sequence, .. }) = self.known() {
            self.0.last.send_if_modified(|last| std::mem::replace(last, sequence) != sequence);
        }
    }

    /// The number of the last event that was committed, and of each one from now on.
    pub(super) fn last(&self) -> watch::Receiver<u64> {
        self.0.last.subscribe()
    }
}

async fn insert(connection: &mut SqliteConnection, key: &EventKey, tip: Tip, event: &Event) -> Result<Tip, Failure> {
    let sequence = tip.sequence.saturating_add(1);
    let row = EventRow::of(&Recorded { sequence, event: event.clone() });
    let chain = row.value(key, &tip.chain);
    let EventRow { sequence: number, at_ms, kind, user_id, key_id, session, actor, detail } = row;
    let insert = query(INSERT).bind(number).bind(at_ms).bind(kind).bind(user_id).bind(key_id).bind(session);
    insert.bind(actor).bind(detail).bind(chain.0.to_vec()).execute(connection).await?;
    Ok(Tip { sequence, chain })
}

/// Where the chain ends in the file. Its number is never one that was given out before: rows that somebody has cut off
/// leave a gap.
async fn read_tip(connection: &mut SqliteConnection) -> Result<Tip, Failure> {
    let row = query(TIP).fetch_one(connection).await?;
    let read = || -> Result<Tip, Unreadable> {
        let sequence = u64::try_from(row.try_get::<i64, _>("highest")?)?;
        Ok(Tip { sequence, chain: chain_value(&row)?.unwrap_or(ChainValue::BEGINNING) })
    };
    read().map_err(|source| Failure::Corrupt { what: "event", source })
}

/// The value in a row's column `chain`; none in rows from before the log was chained.
pub(super) fn chain_value(row: &SqliteRow) -> Result<Option<ChainValue>, Unreadable> {
    let octets: Option<&[u8]> = row.try_get("chain")?;
    Ok(octets.map(<[u8; 32]>::try_from).transpose()?.map(ChainValue))
}

fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each holds one value that is replaced whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, thiserror::Error)]
#[error("the key of the event log is not known yet")]
struct NoKey;
