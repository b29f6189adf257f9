use async_trait::async_trait;
use countersign_core::account::{
    KeyOrigin, KeyRecord, KeyState, Recovers, RecoveryKind, Ticket, TicketState, UserState,
};
use countersign_core::event::Event;
use countersign_core::id::{KeyId, UserId};
use countersign_core::session::EndReason;
use countersign_core::succession::{TakeBack, may_rotate, overlap_end, take_back};
use countersign_core::time::Timestamp;

use super::{IdTaken, Kept, Memory};
use crate::meaning::{is_usable, recovers};
use crate::port::{Change, StoreError, Succeeded, Successions, TakenBack};

#[async_trait]
impl Successions for Memory {
    async fn succeed(&self, successor: &KeyRecord, event: &Event) -> Result<Succeeded, StoreError> {
        let mut kept = self.kept()?;
        let enabled = kept.is_enabled(successor.user);
        let predecessor = successor.origin.predecessor().and_then(|id| kept.keys.get(id)).cloned();
        let Some(former) =
            predecessor.filter(|key| enabled && key.user == successor.user && may_rotate(&key.origin, key.state))
        else {
            return Ok(Succeeded::NotTheSuccessor);
        };
        kept.add_key(successor)?;
        let state = KeyState::Ending { at: overlap_end(event.at) };
        kept.keys.insert(former.id.clone(), KeyRecord { state, ..former });
        kept.record(event);
        Ok(Succeeded::Done)
    }

    async fn hasten(&self, id: &KeyId, end: Timestamp, event: &Event) -> Result<Change, StoreError> {
        let mut kept = self.kept()?;
        match kept.keys.get_mut(id) {
            None => return Ok(Change::Missing),
            Some(key) => match key.state {
                KeyState::Ending { at } if end < at => key.state = KeyState::Ending { at: end },
                KeyState::Ending { .. } | KeyState::Active | KeyState::Revoked { .. } => return Ok(Change::Already),
            },
        }
        kept.record(event);
        Ok(Change::Made)
    }

    async fn end(&self, id: &KeyId, event: &Event) -> Result<Change, StoreError> {
        let mut kept = self.kept()?;
        match kept.keys.get_mut(id) {
            None => return Ok(Change::Missing),
            Some(key) => match key.state {
                KeyState::Ending { at } if at <= event.at => key.state = KeyState::Revoked { at },
                KeyState::Ending { .. } | KeyState::Active | KeyState::Revoked { .. } => return Ok(Change::Already),
            },
        }
        kept.record(event);
        kept.end_sessions_of_key(id, event);
        Ok(Change::Made)
    }

    async fn take_back(
        &self,
        user: UserId,
        target: &KeyId,
        signer: &KeyId,
        event: &Event,
    ) -> Result<TakenBack, StoreError> {
        let mut kept = self.kept()?;
        let keys: Vec<_> = kept.keys.values().filter(|key| key.user == user).cloned().collect();
        let (ended, restored) = match take_back(&keys, target, signer) {
            TakeBack::NotTheirs => return Ok(TakenBack::NotTheirs),
            TakeBack::OwnAncestor => return Ok(TakenBack::OwnAncestor),
            TakeBack::Ends { ended, restored } => (ended, restored),
        };
        for id in &ended {
            kept.set_key(id, KeyState::Revoked { at: event.at });
            kept.record(&Event { key: Some(id.clone()), ..event.clone() });
            kept.end_sessions_of_key(id, event);
        }
        if let Some(id) = restored {
            kept.set_key(&id, KeyState::Active);
        }
        Ok(TakenBack::Ended(ended))
    }

    async fn recover(&self, key: &KeyRecord, event: &Event) -> Result<Succeeded, StoreError> {
        let mut kept = self.kept()?;
        let KeyOrigin::Recovery(id) = key.origin else { return Ok(Succeeded::NotTheSuccessor) };
        let ticket = kept.tickets.get(&id).filter(|ticket| is_usable(ticket, event.at) && recovers(ticket, key.user));
        let Some(ticket) = ticket.cloned().filter(|_| kept.is_enabled(key.user)) else {
            return Ok(Succeeded::NotTheSuccessor);
        };
        kept.revoke_all(key.user, event.at);
        kept.add_key(key)?;
        let state = TicketState::Used { at: event.at, key: key.id.clone() };
        kept.tickets.insert(id, Ticket { state, ..ticket });
        kept.record(event);
        kept.end_all_sessions(key.user, EndReason::KeyRevoked, event);
        Ok(Succeeded::Done)
    }

    async fn replace_codes(&self, user: UserId, codes: &[Ticket], event: &Event) -> Result<(), StoreError> {
        let mut kept = self.kept()?;
        codes.iter().try_for_each(|code| kept.may_add(code))?;
        let code_of_user = Some(Recovers { user, by: RecoveryKind::Code });
        let open = |ticket: &&mut Ticket| ticket.recovers == code_of_user && ticket.state == TicketState::Open;
        for ticket in kept.tickets.values_mut().filter(open) {
            ticket.state = TicketState::Revoked { at: event.at };
        }
        kept.tickets.extend(codes.iter().map(|code| (code.id, code.clone())));
        kept.record(event);
        Ok(())
    }
}

impl Kept {
    fn is_enabled(&self, user: UserId) -> bool {
        self.users.get(&user).is_some_and(|user| user.state == UserState::Enabled)
    }

    fn set_key(&mut self, id: &KeyId, state: KeyState) {
        if let Some(key) = self.keys.get_mut(id) {
            key.state = state;
        }
    }

    /// Keeps a key whose id is new.
    pub(super) fn add_key(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        if self.keys.contains_key(&key.id) {
            return Err(StoreError::failed(IdTaken("key")));
        }
        self.admits(&key.root)?;
        self.keys.insert(key.id.clone(), key.clone());
        Ok(())
    }
}
