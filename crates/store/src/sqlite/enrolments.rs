use async_trait::async_trait;
use countersign_core::account::{KeyOrigin, Ticket, TicketState};
use countersign_core::event::Event;
use countersign_core::secret::RowKey;
use countersign_core::time::Timestamp;
use sqlx::query;
use sqlx::sqlite::SqliteConnection;

use super::Guarded;
use super::alarm::RowName;
use super::events::insert_event;
use super::failure::Failure;
use super::keys::insert_key;
use super::row::{Kept as _, Met, Stored};
use super::tickets::{end_ticket, stored_ticket};
use super::users::insert_user;
use super::value::millis;
use crate::meaning::is_usable;
use crate::port::{Confirmation, Confirmed, Enrolments, Noted, StoreError};

const NOTE: &str = "INSERT INTO enrolment_notes (hash, keep_until_ms) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING";
const FORGET: &str = "DELETE FROM enrolment_notes WHERE keep_until_ms < ?";
const KEY_OF_TICKET: &str = "SELECT 1 FROM keys WHERE ticket_id = ?";

#[async_trait]
impl Enrolments for Guarded {
    async fn confirm(&self, confirmation: &Confirmation, event: &Event) -> Result<Confirmed, StoreError> {
        let (row_key, confirmation, event) = (self.row_key.clone(), confirmation.clone(), event.clone());
        let confirmed = self.sqlite.writer.write(move |connection| {
            Box::pin(async move { confirm(connection, &row_key, &confirmation, &event).await })
        });
        self.report(confirmed.await?).await
    }

    async fn note(&self, hash: [u8; 32], keep_until: Timestamp) -> Result<Noted, StoreError> {
        let note = query(NOTE).bind(hash.to_vec()).bind(millis(keep_until));
        let noted = self.sqlite.writer.write(|connection| {
            Box::pin(async { Ok(note.execute(connection).await?.rows_affected() > 0) })
        });
        Ok(if noted.await? { Noted::First } else { Noted::Before })
    }

    async fn forget_notes(&self, now: Timestamp) -> Result<(), StoreError> {
        let forget = query(FORGET).bind(millis(now));
        self.sqlite.writer.write(|connection| Box::pin(async { Ok(forget.execute(connection).await.map(drop)?) })).await
    }
}

/// Refuses before anything is written, or else with an insert that writes nothing; so a refusal leaves no trace.
async fn confirm(
    connection: &mut SqliteConnection,
    row_key: &RowKey,
    Confirmation { user, key }: &Confirmation,
    event: &Event,
) -> Result<Met<Confirmed>, Failure> {
    let ticket = match card(connection, row_key, key.origin, event.at).await? {
        Card::Group => None,
        Card::Ticket(ticket) => Some(ticket),
        Card::Spent(alarm) => return Ok(Met::new(Ok(Confirmed::TicketSpent), alarm)),
    };
    if !insert_user(connection, row_key, user).await? {
        return Ok(Met::new(Ok(Confirmed::NameTaken), None));
    }
    insert_key(connection, row_key, key).await?;
    if let Some(ticket) = ticket {
        let state = TicketState::Used { at: event.at, key: key.id.clone() };
        let used = Ticket { state, ..ticket };
        end_ticket(connection, &used, Some(used.mac(row_key))).await?;
    }
    insert_event(connection, event).await?;
    Ok(Met::new(Ok(Confirmed::Done), None))
}

/// By what card somebody comes.
enum Card {
    /// By one that lets many in.
    Group,
    /// By a ticket that is good.
    Ticket(Ticket),
    /// By one that is not; with the name of its row, if that is not what we wrote.
    Spent(Option<RowName>),
}

async fn card(
    connection: &mut SqliteConnection,
    row_key: &RowKey,
    origin: KeyOrigin,
    at: Timestamp,
) -> Result<Card, Failure> {
    let id = match origin {
        KeyOrigin::GroupCard | KeyOrigin::SeedMode => return Ok(Card::Group),
        KeyOrigin::Ticket(id) => id,
    };
    let ticket = match stored_ticket(connection, row_key, id).await? {
        Some(Stored::Sound(ticket)) if is_usable(&ticket, at) => ticket,
        Some(Stored::Sound(_)) | None => return Ok(Card::Spent(None)),
        Some(Stored::Tampered(name, _) | Stored::Unreadable(name, _)) => return Ok(Card::Spent(Some(name))),
    };
    // The row MAC of an old copy of the row holds too; the key that the ticket let in is still there.
    let used = query(KEY_OF_TICKET).bind(id.to_string()).fetch_optional(connection).await?;
    Ok(match used {
        None => Card::Ticket(ticket),
        Some(_) => Card::Spent(Some(RowName { table: Ticket::TABLE, id: id.to_string() })),
    })
}
