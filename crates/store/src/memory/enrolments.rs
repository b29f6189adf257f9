use async_trait::async_trait;
use countersign_core::account::{KeyOrigin, Ticket, TicketState, UserState};
use countersign_core::event::Event;
use countersign_core::time::Timestamp;

use super::{IdTaken, Kept, Memory};
use crate::meaning::is_usable;
use crate::port::{Confirmation, Confirmed, Enrolments, Noted, StoreError};

#[async_trait]
impl Enrolments for Memory {
    async fn confirm(&self, confirmation: &Confirmation, event: &Event) -> Result<Confirmed, StoreError> {
        let mut kept = self.kept()?;
        let ticket = match confirmation.key.origin {
            KeyOrigin::GroupCard | KeyOrigin::SeedMode => None,
            KeyOrigin::Ticket(id) => match kept.tickets.get(&id).filter(|ticket| is_usable(ticket, event.at)) {
                Some(ticket) => Some(ticket.clone()),
                None => return Ok(Confirmed::TicketSpent),
            },
        };
        if kept.names().any(|name| *name == confirmation.user.username) {
            return Ok(Confirmed::NameTaken);
        }
        kept.admit(confirmation)?;
        if let Some(ticket) = ticket {
            let state = TicketState::Used { at: event.at, key: confirmation.key.id.clone() };
            kept.tickets.insert(ticket.id, Ticket { state, ..ticket });
        }
        kept.record(event);
        Ok(Confirmed::Done)
    }

    async fn note(&self, hash: [u8; 32], keep_until: Timestamp) -> Result<Noted, StoreError> {
        let notes = &mut self.kept()?.notes;
        if notes.contains_key(&hash) {
            return Ok(Noted::Before);
        }
        notes.insert(hash, keep_until);
        Ok(Noted::First)
    }

    async fn forget_notes(&self, now: Timestamp) -> Result<(), StoreError> {
        self.kept()?.notes.retain(|_, keep_until| *keep_until >= now);
        Ok(())
    }
}

impl Kept {
    fn names(&self) -> impl Iterator<Item = &countersign_core::username::Username> {
        self.users.values().filter(|user| user.state != UserState::Deleted).map(|user| &user.username)
    }

    fn admit(&mut self, Confirmation { user, key }: &Confirmation) -> Result<(), StoreError> {
        if self.users.contains_key(&user.id) {
            return Err(StoreError::failed(IdTaken("user")));
        }
        if self.keys.contains_key(&key.id) {
            return Err(StoreError::failed(IdTaken("key")));
        }
        self.admits(&key.root)?;
        self.users.insert(user.id, user.clone());
        self.keys.insert(key.id.clone(), key.clone());
        Ok(())
    }
}
