mod ending;
mod opening;
mod row;

use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::id::{SessionRef, UserId};
use countersign_core::session::{EndReason, Epoch, Family, Limit, Proof, Scope, Session};
use countersign_core::time::Timestamp;
use sqlx::query;

use super::Guarded;
use super::failure::Failure;
use super::ledger::Ledger;
use super::row::{Stored, Trust};
use super::value::millis;
use crate::meaning::touched;
use crate::port::{Opened, Sessions, StoreError, Touched};

const FIND: &str = "SELECT * FROM active_sessions WHERE ref = ?";
pub(super) const LIST: &str = "SELECT * FROM active_sessions WHERE ref > ? ORDER BY ref";
pub(super) const OF_USER: &str = "SELECT * FROM active_sessions WHERE user_id = ? AND ref > ? ORDER BY ref";

pub(super) const FORGET_ENDED: &str = "DELETE FROM active_sessions WHERE ref IN \
    (SELECT ref FROM active_sessions WHERE state = 1 AND proof = ? AND ended_at < ? ORDER BY ended_at LIMIT ?)";

pub(super) const FORGET_EXPIRED: &str = "DELETE FROM active_sessions WHERE ref IN \
    (SELECT ref FROM active_sessions WHERE state = 0 AND proof = ? AND expires_at < ? ORDER BY expires_at LIMIT ?)";

#[async_trait]
impl Sessions for Guarded {
    async fn open(
        &self,
        session: &Session,
        family: &Family,
        limit: Option<Limit>,
        event: &Event,
    ) -> Result<Opened, StoreError> {
        let (session, family, event) = (session.clone(), family.clone(), event.clone());
        let opened = self.change(move |mut ledger| {
            Box::pin(async move { ledger.open_session((&session, &family), limit, &event).await })
        });
        opened.await
    }

    async fn find(&self, session: SessionRef) -> Result<Option<Session>, StoreError> {
        // Before the row, so that what is opened after the epoch was read is not taken for earlier.
        let epoch = self.epoch().await?;
        let find = query(FIND).bind(session.0.as_slice());
        let found: Option<Session> = self.one(find.fetch_optional(&self.sqlite.readers)).await?;
        Ok(found.map(|session| session.in_epoch(epoch)))
    }

    async fn of_user(&self, user: UserId, after: Option<SessionRef>, limit: u32) -> Result<Vec<Session>, StoreError> {
        let epoch = self.epoch().await?;
        let of_user = query(OF_USER).bind(user.to_string()).bind(start(after));
        let sessions: Vec<Session> = self.values(of_user.fetch(&self.sqlite.readers), limit).await?;
        Ok(sessions.into_iter().map(|session| session.in_epoch(epoch)).collect())
    }

    async fn list(&self, after: Option<SessionRef>, limit: u32) -> Result<Vec<Session>, StoreError> {
        let epoch = self.epoch().await?;
        let list = query(LIST).bind(start(after));
        let sessions: Vec<Session> = self.values(list.fetch(&self.sqlite.readers), limit).await?;
        Ok(sessions.into_iter().map(|session| session.in_epoch(epoch)).collect())
    }

    async fn end(&self, scope: &Scope, why: EndReason, event: &Event) -> Result<Vec<SessionRef>, StoreError> {
        let (scope, event) = (scope.clone(), event.clone());
        self.change(move |mut ledger| Box::pin(async move { ledger.end(&scope, why, &event).await })).await
    }

    async fn touch(&self, uses: &[Touched]) -> Result<(), StoreError> {
        let uses = uses.to_vec();
        let touch = self.change(move |mut ledger| {
            Box::pin(async move {
                let epoch = ledger.epoch().await?;
                for of_session in &uses {
                    ledger.touch(of_session, epoch).await?;
                }
                Ok(())
            })
        });
        touch.await
    }

    async fn forget_expired(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        let forget = self.sqlite.writer.write(move |connection| {
            Box::pin(async move {
                let mut rest = limit;
                for proof in [Proof::Key, Proof::Bearer] {
                    for sql in [FORGET_ENDED, FORGET_EXPIRED] {
                        let forget = query(sql).bind(proof.as_str()).bind(millis(proof.forgets(now))).bind(rest);
                        let forgotten = forget.execute(&mut *connection).await?.rows_affected();
                        rest = rest.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX));
                    }
                }
                Ok(limit - rest)
            })
        });
        forget.await
    }
}

/// No reference is empty, so no octets come before them all.
fn start(after: Option<SessionRef>) -> Vec<u8> {
    after.map(|SessionRef(octets)| octets.to_vec()).unwrap_or_default()
}

impl Ledger<'_> {
    /// The session of this name as it counts now, if its row is ours.
    pub(super) async fn sound_session(&mut self, reference: SessionRef) -> Result<Option<Session>, Failure> {
        let epoch = self.epoch().await?;
        self.sound_session_in(epoch, reference).await
    }

    async fn sound_session_in(&mut self, epoch: Epoch, reference: SessionRef) -> Result<Option<Session>, Failure> {
        let row = query(FIND).bind(reference.0.as_slice()).fetch_optional(&mut *self.connection).await?;
        Ok(row.and_then(|row| match self.warden.read::<Session>(&row) {
            Stored::Sound(session) => Some(session.in_epoch(epoch)),
            Stored::Tampered(_) | Stored::Unreadable(_) => None,
        }))
    }

    async fn touch(&mut self, of_session: &Touched, epoch: Epoch) -> Result<(), Failure> {
        let session = self.sound_session_in(epoch, of_session.session).await?;
        match session.and_then(|session| touched(&session, of_session)) {
            Some(session) => self.keep_session(&session, Trust::Holds).await,
            None => Ok(()),
        }
    }
}
