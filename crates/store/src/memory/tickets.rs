use core::ops::Bound;

use async_trait::async_trait;
use countersign_core::account::{Ticket, TicketState};
use countersign_core::event::Event;
use countersign_core::id::TicketId;

use super::{IdTaken, Kept, Memory, NoUser};
use crate::port::{Change, StoreError, Tickets};

#[async_trait]
impl Tickets for Memory {
    async fn issue(&self, ticket: &Ticket, event: &Event) -> Result<(), StoreError> {
        let mut kept = self.kept()?;
        kept.may_add(ticket)?;
        kept.tickets.insert(ticket.id, ticket.clone());
        kept.record(event);
        Ok(())
    }

    async fn find(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        Ok(self.kept()?.tickets.get(&id).cloned())
    }

    async fn list(&self, after: Option<TicketId>, limit: u32) -> Result<Vec<Ticket>, StoreError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let kept = self.kept()?;
        let tickets = kept.tickets.range((start, Bound::Unbounded));
        Ok(tickets.map(|(_, ticket)| ticket.clone()).take(limit as usize).collect())
    }

    async fn revoke(&self, id: TicketId, event: &Event) -> Result<Change, StoreError> {
        let mut kept = self.kept()?;
        match kept.tickets.get_mut(&id) {
            None => return Ok(Change::Missing),
            Some(Ticket { state: TicketState::Used { .. } | TicketState::Revoked { .. }, .. }) => {
                return Ok(Change::Already);
            }
            Some(ticket) => ticket.state = TicketState::Revoked { at: event.at },
        }
        kept.record(event);
        Ok(Change::Made)
    }
}

impl Kept {
    /// Whether a ticket is new, and for a user who exists if it is for one.
    pub(super) fn may_add(&self, ticket: &Ticket) -> Result<(), StoreError> {
        if self.tickets.contains_key(&ticket.id) {
            return Err(StoreError::failed(IdTaken("ticket")));
        }
        match ticket.recovers {
            Some(recovers) if !self.users.contains_key(&recovers.user) => Err(StoreError::failed(NoUser)),
            Some(_) | None => Ok(()),
        }
    }
}
