use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::id::{KeyId, UserId};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query};

use super::Guarded;
use super::alarm::RowName;
use super::failure::Failure;
use super::value::{Unreadable, millis, timestamp};
use crate::meaning::bounded;
use crate::port::{Events, Recorded, StoreError};

const INSERT: &str = "INSERT INTO events (at_ms, kind, user_id, key_id, actor, detail) VALUES (?, ?, ?, ?, ?, ?)";

const AFTER: &str = "SELECT sequence, at_ms, kind, user_id, key_id, actor, detail FROM events \
    WHERE sequence > ? ORDER BY sequence";

const NEWEST_FIRST: &str = "SELECT sequence, at_ms, kind, user_id, key_id, actor, detail FROM events \
    ORDER BY sequence DESC";

#[async_trait]
impl Events for Guarded {
    async fn record(&self, event: &Event) -> Result<(), StoreError> {
        let event = event.clone();
        self.sqlite
            .writer
            .write(move |connection| Box::pin(async move { insert_event(connection, &event).await }))
            .await
    }

    async fn list(&self, after: u64, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = query(AFTER).bind(after).fetch(&self.sqlite.readers);
        self.page(rows, limit, |row| self.readable(row)).await
    }

    async fn latest(&self, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        let rows = query(NEWEST_FIRST).fetch(&self.sqlite.readers);
        let mut events = self.page(rows, limit, |row| self.readable(row)).await?;
        events.reverse();
        Ok(events)
    }
}

impl Guarded {
    /// Events have no MAC; one that cannot be read is left out of lists and reported.
    fn readable(&self, row: &SqliteRow) -> Option<Recorded> {
        let recorded = read(row).ok();
        if recorded.is_none() {
            let id = row.try_get::<i64, _>("sequence").unwrap_or_default().to_string();
            self.warden.alarm.note(RowName { table: "events", id });
        }
        recorded
    }
}

/// Adds an event within the transaction of the change that it tells of.
pub(super) async fn insert_event(connection: &mut SqliteConnection, event: &Event) -> Result<(), Failure> {
    let event = bounded(event);
    let insert = query(INSERT)
        .bind(millis(event.at))
        .bind(event.kind.as_str())
        .bind(event.user.map(|user| user.to_string()))
        .bind(event.key.map(|key| key.to_string()))
        .bind(event.actor)
        .bind(event.detail);
    insert.execute(connection).await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Recorded, Unreadable> {
    let event = Event {
        at: timestamp(row.try_get("at_ms")?)?,
        kind: row.try_get::<&str, _>("kind")?.parse()?,
        user: row.try_get::<Option<&str>, _>("user_id")?.map(str::parse::<UserId>).transpose()?,
        key: row.try_get::<Option<&str>, _>("key_id")?.map(str::parse::<KeyId>).transpose()?,
        actor: row.try_get("actor")?,
        detail: row.try_get("detail")?,
    };
    Ok(Recorded { sequence: u64::try_from(row.try_get::<i64, _>("sequence")?)?, event })
}
