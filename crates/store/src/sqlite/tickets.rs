use async_trait::async_trait;
use countersign_core::account::{Recovers, RecoveryKind, Ticket, TicketState};
use countersign_core::event::Event;
use countersign_core::id::{TicketId, UserId};
use countersign_core::secret::{RowKey, RowMac};
use countersign_core::time::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

use super::Guarded;
use super::failure::Failure;
use super::ledger::Ledger;
use super::row::{Kept, Stored, Trust, canonical};
use super::value::{UnknownValue, Unreadable, millis, timestamp};
use crate::port::{Change, StoreError, Tickets};

const FIND: &str = "SELECT id, role, not_after_ms, created_ms, state, ended_ms, key_id, recovers, recovery, mac FROM tickets WHERE id = ?";

const LIST: &str = "SELECT id, role, not_after_ms, created_ms, state, ended_ms, key_id, recovers, recovery, mac FROM tickets \
    WHERE id > ? ORDER BY id";

const OPEN_CODES: &str = "SELECT id, role, not_after_ms, created_ms, state, ended_ms, key_id, recovers, recovery, mac FROM tickets \
    WHERE recovers = ? AND recovery = 'code' AND state = 0";

const ADD: &str = "INSERT INTO tickets (id, role, not_after_ms, created_ms, state, ended_ms, key_id, recovers, recovery, mac) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const END: &str = "UPDATE tickets SET state = ?, ended_ms = ?, key_id = ?, mac = coalesce(?, mac) \
    WHERE id = ? AND state = 0";

#[async_trait]
impl Tickets for Guarded {
    async fn issue(&self, ticket: &Ticket, event: &Event) -> Result<(), StoreError> {
        let (ticket, event) = (ticket.clone(), event.clone());
        let issued = self.change(move |mut ledger| {
            Box::pin(async move {
                ledger.add_ticket(&ticket).await?;
                ledger.record(&event).await
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
        let event = event.clone();
        self.change(move |mut ledger| Box::pin(async move { ledger.revoke_ticket(id, &event).await })).await
    }
}

impl Ledger<'_> {
    async fn revoke_ticket(&mut self, id: TicketId, event: &Event) -> Result<Change, Failure> {
        let Some(stored) = self.ticket(id).await? else {
            return Ok(Change::Missing);
        };
        let (ticket, trust) = stored.raw()?;
        if ticket.state != TicketState::Open {
            return Ok(Change::Already);
        }
        self.end_ticket(&Ticket { state: TicketState::Revoked { at: event.at }, ..ticket }, trust).await?;
        self.record(event).await?;
        Ok(Change::Made)
    }

    /// The ticket of this id, as it is found.
    pub(super) async fn ticket(&mut self, id: TicketId) -> Result<Option<Stored<Ticket>>, Failure> {
        let row = query(FIND).bind(id.to_string()).fetch_optional(&mut *self.connection).await?;
        Ok(row.map(|row| self.warden.read(&row)))
    }

    /// Revokes the open recovery codes of a user.
    pub(super) async fn revoke_codes_of(&mut self, user: UserId, at: Timestamp) -> Result<(), Failure> {
        for row in query(OPEN_CODES).bind(user.to_string()).fetch_all(&mut *self.connection).await? {
            let (ticket, trust) = self.warden.read::<Ticket>(&row).raw()?;
            self.end_ticket(&Ticket { state: TicketState::Revoked { at }, ..ticket }, trust).await?;
        }
        Ok(())
    }

    /// Keeps the end of a ticket that was open.
    pub(super) async fn end_ticket(&mut self, ticket: &Ticket, former: Trust) -> Result<(), Failure> {
        let (state, ended, key) = columns(&ticket.state);
        let mac = self.warden.new_mac(ticket, former);
        let end = query(END).bind(state).bind(ended).bind(key).bind(mac).bind(ticket.id.to_string());
        end.execute(&mut *self.connection).await?;
        Ok(())
    }

    /// Adds a ticket.
    pub(super) async fn add_ticket(&mut self, ticket: &Ticket) -> Result<(), Failure> {
        let (state, ended, key) = columns(&ticket.state);
        let add = query(ADD)
            .bind(ticket.id.to_string())
            .bind(ticket.role.as_str())
            .bind(millis(ticket.not_after))
            .bind(millis(ticket.created))
            .bind(state)
            .bind(ended)
            .bind(key)
            .bind(ticket.recovers.map(|recovers| recovers.user.to_string()))
            .bind(ticket.recovers.map(|recovers| recovery_name(recovers.by)))
            .bind(self.warden.mac(ticket));
        add.execute(&mut *self.connection).await?;
        Ok(())
    }
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
        (1, Some(at), Some(key)) => Ok(TicketState::Used { at, key: canonical(key)? }),
        (2, Some(at), None) => Ok(TicketState::Revoked { at }),
        _ => Err(UnknownValue(code, "state").into()),
    }
}

const fn recovery_name(kind: RecoveryKind) -> &'static str {
    match kind {
        RecoveryKind::Card => "card",
        RecoveryKind::Code => "code",
    }
}

fn recovers(user: Option<&str>, kind: Option<&str>) -> Result<Option<Recovers>, Unreadable> {
    let by = match kind {
        None => None,
        Some("card") => Some(RecoveryKind::Card),
        Some("code") => Some(RecoveryKind::Code),
        Some(_) => return Err(UnknownRecovery.into()),
    };
    match (user, by) {
        (None, None) => Ok(None),
        (Some(user), Some(by)) => Ok(Some(Recovers { user: canonical(user)?, by })),
        (None, Some(_)) | (Some(_), None) => Err(UnknownRecovery.into()),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("columns recovers and recovery do not say whom a ticket recovers")]
struct UnknownRecovery;

impl Kept for Ticket {
    const TABLE: &'static str = "tickets";

    fn read(row: &SqliteRow) -> Result<Self, Unreadable> {
        let ended = row.try_get::<Option<i64>, _>("ended_ms")?.map(timestamp).transpose()?;
        Ok(Self {
            id: canonical(row.try_get("id")?)?,
            role: canonical(row.try_get("role")?)?,
            recovers: recovers(row.try_get("recovers")?, row.try_get("recovery")?)?,
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
