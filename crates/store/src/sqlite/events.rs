use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::id::{KeyId, SessionRef, UserId};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{QueryBuilder, Row as _};
use tokio::sync::watch;

use super::Guarded;
use super::alarm::RowName;
use super::value::{Unreadable, millis, timestamp};
use crate::port::{Events, Recorded, Selection, StoreError};

const SELECT: &str =
    "SELECT sequence, at_ms, kind, user_id, key_id, session, actor, detail FROM events WHERE sequence > ";

#[async_trait]
impl Events for Guarded {
    async fn record(&self, event: &Event) -> Result<(), StoreError> {
        let event = event.clone();
        self.change(move |mut ledger| Box::pin(async move { ledger.record(&event).await })).await
    }

    async fn select(&self, selection: &Selection) -> Result<Vec<Recorded>, StoreError> {
        let mut select = select(selection);
        let rows = select.build().fetch(&self.sqlite.readers);
        let mut events = self.page(rows, selection.limit, |row| self.readable(row)).await?;
        if selection.after.is_none() {
            events.reverse();
        }
        Ok(events)
    }

    fn last(&self) -> watch::Receiver<u64> {
        self.warden.chain.last()
    }
}

/// Oldest first behind a number, else newest first. The texts are our own; what is asked for is bound.
fn select(selection: &Selection) -> QueryBuilder<Sqlite> {
    let after = selection.after.map_or(0, |after| i64::try_from(after).unwrap_or(i64::MAX));
    let mut select = QueryBuilder::new(SELECT);
    select.push_bind(after);
    if let Some(user) = selection.user {
        select.push(" AND user_id = ").push_bind(user.to_string());
    }
    if let Some(session) = selection.session {
        select.push(" AND session = ").push_bind(session.to_string());
    }
    if let Some(since) = selection.since {
        select.push(" AND at_ms >= ").push_bind(millis(since));
    }
    if !selection.kinds.is_empty() {
        select.push(" AND kind IN (");
        let mut kinds = select.separated(", ");
        for kind in &selection.kinds {
            kinds.push_bind(kind.as_str());
        }
        select.push(")");
    }
    select.push(if selection.after.is_some() { " ORDER BY sequence" } else { " ORDER BY sequence DESC" });
    select
}

impl Guarded {
    /// One that cannot be read is left out of lists and reported. Whether an event is what was written is for
    /// [`verify`](crate::port::EventChain::verify) to say: a row by itself cannot show it.
    fn readable(&self, row: &SqliteRow) -> Option<Recorded> {
        let recorded = read(row).ok();
        if recorded.is_none() {
            let id = row.try_get::<i64, _>("sequence").unwrap_or_default().to_string();
            self.warden.alarm.note(RowName { table: "events", id });
        }
        recorded
    }
}

fn read(row: &SqliteRow) -> Result<Recorded, Unreadable> {
    let event = Event {
        at: timestamp(row.try_get("at_ms")?)?,
        kind: row.try_get::<&str, _>("kind")?.parse()?,
        user: row.try_get::<Option<&str>, _>("user_id")?.map(str::parse::<UserId>).transpose()?,
        key: row.try_get::<Option<&str>, _>("key_id")?.map(str::parse::<KeyId>).transpose()?,
        session: row.try_get::<Option<&str>, _>("session")?.map(str::parse::<SessionRef>).transpose()?,
        actor: row.try_get("actor")?,
        detail: row.try_get("detail")?,
    };
    Ok(Recorded { sequence: u64::try_from(row.try_get::<i64, _>("sequence")?)?, event })
}
