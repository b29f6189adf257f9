use async_trait::async_trait;
use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, Ticket, TicketState};
use countersign_core::event::Event;
use countersign_core::id::{KeyId, UserId};
use countersign_core::session::EndReason;
use countersign_core::succession::{TakeBack, may_rotate, overlap_end, take_back};
use countersign_core::time::Timestamp;

use super::Guarded;
use super::failure::Failure;
use super::ledger::Ledger;
use super::row::Trust;
use crate::meaning::recovers;
use crate::port::{Change, StoreError, Succeeded, Successions, TakenBack};

#[async_trait]
impl Successions for Guarded {
    async fn succeed(&self, successor: &KeyRecord, event: &Event) -> Result<Succeeded, StoreError> {
        let (successor, event) = (successor.clone(), event.clone());
        self.change(move |mut ledger| Box::pin(async move { ledger.succeed(&successor, &event).await })).await
    }

    async fn hasten(&self, id: &KeyId, end: Timestamp, event: &Event) -> Result<Change, StoreError> {
        let (id, event) = (id.clone(), event.clone());
        let sooner = move |state| match state {
            KeyState::Ending { at } if end < at => Some(KeyState::Ending { at: end }),
            KeyState::Ending { .. } | KeyState::Active | KeyState::Revoked { .. } => None,
        };
        self.change(move |mut ledger| Box::pin(async move { ledger.move_key(&id, sooner, &event).await })).await
    }

    async fn end(&self, id: &KeyId, event: &Event) -> Result<Change, StoreError> {
        let (id, event) = (id.clone(), event.clone());
        let now = event.at;
        let ended = move |state| match state {
            KeyState::Ending { at } if at <= now => Some(KeyState::Revoked { at }),
            KeyState::Ending { .. } | KeyState::Active | KeyState::Revoked { .. } => None,
        };
        self.change(move |mut ledger| Box::pin(async move { ledger.move_key(&id, ended, &event).await })).await
    }

    async fn take_back(
        &self,
        user: UserId,
        target: &KeyId,
        signer: &KeyId,
        event: &Event,
    ) -> Result<TakenBack, StoreError> {
        let (target, signer, event) = (target.clone(), signer.clone(), event.clone());
        let taken = self.change(move |mut ledger| {
            Box::pin(async move { ledger.take_back(user, (&target, &signer), &event).await })
        });
        taken.await
    }

    async fn recover(&self, key: &KeyRecord, event: &Event) -> Result<Succeeded, StoreError> {
        let (key, event) = (key.clone(), event.clone());
        self.change(move |mut ledger| Box::pin(async move { ledger.recover(&key, &event).await })).await
    }

    async fn replace_codes(&self, user: UserId, codes: &[Ticket], event: &Event) -> Result<(), StoreError> {
        let (codes, event) = (codes.to_vec(), event.clone());
        let replaced = self.change(move |mut ledger| {
            Box::pin(async move {
                ledger.revoke_codes_of(user, event.at).await?;
                for code in &codes {
                    ledger.add_ticket(code).await?;
                }
                ledger.record(&event).await
            })
        });
        replaced.await
    }
}

impl Ledger<'_> {
    async fn succeed(&mut self, successor: &KeyRecord, event: &Event) -> Result<Succeeded, Failure> {
        let KeyOrigin::Rotation(predecessor) = &successor.origin else { return Ok(Succeeded::NotTheSuccessor) };
        let former = self.sound_key(predecessor).await?;
        let former = former.filter(|key| key.user == successor.user && may_rotate(&key.origin, key.state));
        let Some(former) = former else { return Ok(Succeeded::NotTheSuccessor) };
        if !self.is_enabled(successor.user).await? {
            return Ok(Succeeded::NotTheSuccessor);
        }
        self.add_key(successor).await?;
        self.keep_key_state(&KeyRecord { state: KeyState::Ending { at: overlap_end(event.at) }, ..former }).await?;
        self.record(event).await?;
        Ok(Succeeded::Done)
    }

    /// Brings a key into another state, if it is in one from which it gets there. A row that is not ours counts as revoked
    /// and stays as it is.
    async fn move_key(
        &mut self,
        id: &KeyId,
        to: impl Fn(KeyState) -> Option<KeyState>,
        event: &Event,
    ) -> Result<Change, Failure> {
        let Some(key) = self.sound_key(id).await? else { return Ok(Change::Missing) };
        let Some(state) = to(key.state) else { return Ok(Change::Already) };
        self.keep_key_state(&KeyRecord { state, ..key }).await?;
        self.record(event).await?;
        if matches!(state, KeyState::Revoked { .. }) {
            self.end_sessions_of_key(id, event).await?;
        }
        Ok(Change::Made)
    }

    async fn take_back(
        &mut self,
        user: UserId,
        (target, signer): (&KeyId, &KeyId),
        event: &Event,
    ) -> Result<TakenBack, Failure> {
        let keys = self.keys_of(user).await?;
        let (ended, restored) = match take_back(&keys, target, signer) {
            TakeBack::NotTheirs => return Ok(TakenBack::NotTheirs),
            TakeBack::OwnAncestor => return Ok(TakenBack::OwnAncestor),
            TakeBack::Ends { ended, restored } => (ended, restored),
        };
        for id in &ended {
            self.revoke_one(id, event.at).await?;
            self.record(&Event { key: Some(id.clone()), ..event.clone() }).await?;
            self.end_sessions_of_key(id, event).await?;
        }
        if let Some(id) = restored
            && let Some(key) = self.sound_key(&id).await?
        {
            self.keep_key_state(&KeyRecord { state: KeyState::Active, ..key }).await?;
        }
        Ok(TakenBack::Ended(ended))
    }

    async fn recover(&mut self, key: &KeyRecord, event: &Event) -> Result<Succeeded, Failure> {
        let KeyOrigin::Recovery(id) = key.origin else { return Ok(Succeeded::NotTheSuccessor) };
        let ticket = self.usable_ticket(id, event.at).await?.filter(|ticket| recovers(ticket, key.user));
        let Some(ticket) = ticket else { return Ok(Succeeded::NotTheSuccessor) };
        if !self.is_enabled(key.user).await? {
            return Ok(Succeeded::NotTheSuccessor);
        }
        self.revoke_keys_of(key.user, event.at).await?;
        self.add_key(key).await?;
        let state = TicketState::Used { at: event.at, key: key.id.clone() };
        self.end_ticket(&Ticket { state, ..ticket }, Trust::Holds).await?;
        self.record(event).await?;
        self.end_all_sessions(key.user, EndReason::KeyRevoked, event).await?;
        Ok(Succeeded::Done)
    }
}
