use async_trait::async_trait;
use countersign_core::account::{Credentials, KeyOrigin, Ticket, TicketState};
use countersign_core::event::Event;
use countersign_core::id::TicketId;
use countersign_core::time::Timestamp;
use sqlx::query;

use super::Guarded;
use super::alarm::RowName;
use super::failure::Failure;
use super::ledger::Ledger;
use super::row::{Kept as _, Stored, Trust};
use super::value::millis;
use crate::meaning::is_usable;
use crate::port::{Confirmation, Confirmed, Enrolments, Noted, StoreError};

const NOTE: &str = "INSERT INTO enrolment_notes (hash, keep_until_ms) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING";
const FORGET: &str = "DELETE FROM enrolment_notes WHERE keep_until_ms < ?";
const KEY_OF_TICKET: &str = "SELECT 1 FROM keys WHERE ticket_id = ?";

#[async_trait]
impl Enrolments for Guarded {
    async fn confirm(&self, confirmation: &Confirmation, event: &Event) -> Result<Confirmed, StoreError> {
        let (confirmation, event) = (confirmation.clone(), event.clone());
        self.change(move |mut ledger| Box::pin(async move { ledger.confirm(&confirmation, &event).await })).await
    }

    async fn note(&self, hash: [u8; 32], keep_until: Timestamp) -> Result<Noted, StoreError> {
        let note = query(NOTE).bind(hash.to_vec()).bind(millis(keep_until));
        let noted = self
            .sqlite
            .writer
            .write(|connection| Box::pin(async { Ok(note.execute(connection).await?.rows_affected() > 0) }));
        Ok(if noted.await? { Noted::First } else { Noted::Before })
    }

    async fn forget_notes(&self, now: Timestamp) -> Result<(), StoreError> {
        let forget = query(FORGET).bind(millis(now));
        self.sqlite.writer.write(|connection| Box::pin(async { Ok(forget.execute(connection).await.map(drop)?) })).await
    }
}

impl Ledger<'_> {
    /// Refuses before anything is written, or else by an insert that writes nothing; so a refusal leaves no trace.
    async fn confirm(&mut self, confirmation: &Confirmation, event: &Event) -> Result<Confirmed, Failure> {
        let Confirmation { user, key } = confirmation;
        let ticket = match self.card(&key.origin, event.at).await? {
            Card::Group => None,
            Card::Ticket(ticket) => Some(ticket),
            Card::Spent => return Ok(Confirmed::TicketSpent),
        };
        if !self.add_user(&Credentials::new(user.clone(), None)).await? {
            return Ok(Confirmed::NameTaken);
        }
        self.add_key(key).await?;
        if let Some(ticket) = ticket {
            let state = TicketState::Used { at: event.at, key: key.id.clone() };
            self.end_ticket(&Ticket { state, ..ticket }, Trust::Holds).await?;
        }
        self.record(event).await?;
        Ok(Confirmed::Done)
    }

    async fn card(&mut self, origin: &KeyOrigin, at: Timestamp) -> Result<Card, Failure> {
        let id = match origin {
            KeyOrigin::GroupCard | KeyOrigin::SeedMode => return Ok(Card::Group),
            KeyOrigin::Rotation(_) | KeyOrigin::Recovery(_) => return Ok(Card::Spent),
            KeyOrigin::Ticket(id) => *id,
        };
        let ticket = self.usable_ticket(id, at).await?.filter(|ticket| ticket.recovers.is_none());
        Ok(ticket.map_or(Card::Spent, Card::Ticket))
    }

    /// The ticket of this id, if it can be used.
    pub(super) async fn usable_ticket(&mut self, id: TicketId, at: Timestamp) -> Result<Option<Ticket>, Failure> {
        let ticket = match self.ticket(id).await? {
            Some(Stored::Sound(ticket)) if is_usable(&ticket, at) => ticket,
            Some(Stored::Sound(_) | Stored::Tampered(_) | Stored::Unreadable(_)) | None => return Ok(None),
        };
        // An old copy of the whole row has a MAC that holds. The key that the ticket let in is there all the same.
        let used = query(KEY_OF_TICKET).bind(id.to_string()).fetch_optional(&mut *self.connection).await?;
        if used.is_none() {
            return Ok(Some(ticket));
        }
        self.warden.alarm.note(RowName { table: Ticket::TABLE, id: id.to_string() });
        Ok(None)
    }
}

/// By what card somebody comes.
enum Card {
    /// By one that lets many in.
    Group,
    /// By a ticket that is good.
    Ticket(Ticket),
    /// By one that is not.
    Spent,
}
