use async_trait::async_trait;
use countersign_core::account::{Ticket, TicketState};
use countersign_core::event::Event;
use countersign_core::id::TicketId;
use countersign_core::secret::{RowKey, RowMac};
use countersign_core::time::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query};

use super::Guarded;
use super::events::insert_event;
use super::failure::Failure;
use super::row::{Kept, Met, Stored};
use super::value::{Unreadable, UnknownValue, millis, timestamp};
use crate::port::{Change, StoreError, Tickets};

const FIND: &str = "SELECT id, role, not_after_ms, created_ms, state, ended_ms, key_id, mac FROM tickets WHERE id = ?";

const LIST: &str = "SELECT id, role, not_after_ms, created_ms, state, ended_ms, key_id, mac FROM tickets \
    WHERE id > ? ORDER BY id";

const INSERT: &str = "INSERT INTO tickets (id, role, not_after_ms, created_ms, state, ended_ms, key_id, mac) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

const END: &str = "UPDATE tickets SET state = ?, ended_ms = ?, key_id = ?, mac = coalesce(?, mac) \
    WHERE id = ? AND state = 0";

#[async_trait]
impl Tickets for Guarded {
    async fn issue(&self, ticket: &Ticket, event: &Event) -> Result<(), StoreError> {
        let (row_key, ticket, event) = (self.row_key.clone(), ticket.clone(), event.clone());
        let issued = self.sqlite.writer.write(move |connection| {
            Box::pin(async move {
                insert_ticket(connection, &row_key, &ticket).await?;
                insert_event(connection, &event).await
            })
        });
        issued.await
    }

    async fn find(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        self.one(query(FIND).bind(id.to_string()).fetch_optional(&self.sqlite.readers)).await
    }

    async fn list(&self, after: Option<TicketId>, limit: u32) -> Result<Vec<Ticket>, StoreError> {
        // No id is empty, so the empty text comes before them all.
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        self.values(query(LIST).bind(after).fetch(&self.sqlite.readers), limit).await
    }

    async fn revoke(&self, id: TicketId, event: &Event) -> Result<Change, StoreError> {
        let (row_key, event) = (self.row_key.clone(), event.clone());
        let revoked = self.sqlite.writer.write(move |connection| {
            Box::pin(async move { revoke(connection, &row_key, id, &event).await })
        });
        self.report(revoked.await?).await
    }
}

async fn revoke(
    connection: &mut SqliteConnection,
    row_key: &RowKey,
    id: TicketId,
    event: &Event,
) -> Result<Met<Change>, Failure> {
    let Some(stored) = stored_ticket(connection, row_key, id).await? else {
        return Ok(Met::new(Ok(Change::Missing), None));
    };
    let (ticket, sound, alarm) = match stored.as_it_stands() {
        Ok(found) => found,
        Err((failure, name)) => return Ok(Met::new(Err(failure), Some(name))),
    };
    if ticket.state != TicketState::Open {
        return Ok(Met::new(Ok(Change::Already), alarm));
    }
    let revoked = Ticket { state: TicketState::Revoked { at: event.at }, ..ticket };
    end_ticket(connection, &revoked, sound.then(|| revoked.mac(row_key))).await?;
    insert_event(connection, event).await?;
    Ok(Met::new(Ok(Change::Made), alarm))
}

/// The ticket of this id as it is found.
pub(super) async fn stored_ticket(
    connection: &mut SqliteConnection,
    row_key: &RowKey,
    id: TicketId,
) -> Result<Option<Stored<Ticket>>, Failure> {
    let row = query(FIND).bind(id.to_string()).fetch_optional(connection).await?;
    Ok(row.map(|row| Stored::read(&row, row_key)))
}

/// Keeps the end of a ticket that is open; without a MAC the row keeps the one it has.
pub(super) async fn end_ticket(
    connection: &mut SqliteConnection,
    ticket: &Ticket,
    mac: Option<RowMac>,
) -> Result<(), Failure> {
    let (state, ended, key) = columns(&ticket.state);
    let end = query(END).bind(state).bind(ended).bind(key).bind(mac.map(|mac| mac.0.to_vec())).bind(ticket.id.to_string());
    end.execute(connection).await?;
    Ok(())
}

async fn insert_ticket(connection: &mut SqliteConnection, row_key: &RowKey, ticket: &Ticket) -> Result<(), Failure> {
    let (state, ended, key) = columns(&ticket.state);
    let insert = query(INSERT)
        .bind(ticket.id.to_string())
        .bind(ticket.role.as_str())
        .bind(millis(ticket.not_after))
        .bind(millis(ticket.created))
        .bind(state)
        .bind(ended)
        .bind(key)
        .bind(ticket.mac(row_key).0.to_vec());
    insert.execute(connection).await?;
    Ok(())
}

/// `state`, `ended_ms` and `key_id`.
fn columns(state: &TicketState) -> (i64, Option<i64>, Option<&str>) {
    match state {
        TicketState::Open => (0, None, None),
        TicketState::Used { at, key } => (1, Some(millis(*at)), Some(key.as_str())),
        TicketState::Revoked { at } => (2, Some(millis(*at)), None),
    }
}

fn state(code: i64, ended: Option<Timestamp>, key: Option<&str>) -> Result<TicketState, Unreadable> {
    match (code, ended, key) {
        (0, None, None) => Ok(TicketState::Open),
        (1, Some(at), Some(key)) => Ok(TicketState::Used { at, key: key.parse()? }),
        (2, Some(at), None) => Ok(TicketState::Revoked { at }),
        _ => Err(UnknownValue(code, "state").into()),
    }
}

impl Kept for Ticket {
    const TABLE: &'static str = "tickets";

    fn read(row: &SqliteRow) -> Result<Self, Unreadable> {
        let ended = row.try_get::<Option<i64>, _>("ended_ms")?.map(timestamp).transpose()?;
        Ok(Self {
            id: row.try_get::<&str, _>("id")?.parse()?,
            role: row.try_get::<&str, _>("role")?.parse()?,
            not_after: timestamp(row.try_get("not_after_ms")?)?,
            created: timestamp(row.try_get("created_ms")?)?,
            state: state(row.try_get("state")?, ended, row.try_get("key_id")?)?,
        })
    }

    fn mac(&self, key: &RowKey) -> RowMac {
        self.row_mac(key)
    }

    fn verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        self.row_verifies(key, mac)
    }

    /// Revoked since it was made: nobody knows since when it has not been ours.
    fn distrusted(self) -> Self {
        match self.state {
            TicketState::Open => Self { state: TicketState::Revoked { at: self.created }, ..self },
            TicketState::Used { .. } | TicketState::Revoked { .. } => self,
        }
    }
}
