use core::ops::Bound;

use async_trait::async_trait;
use countersign_core::account::UserState;
use countersign_core::event::Event;
use countersign_core::id::{KeyId, SessionRef, UserId};
use countersign_core::session::{EndReason, Family, Limit, OpenedBy, Revoked, Room, Scope, Session, SessionState};
use countersign_core::time::Timestamp;

use super::{IdTaken, Kept, Memory};
use crate::meaning::{ended_by, is_of, of_session, touched};
use crate::port::{Opened, Sessions, StoreError, Touched};

#[async_trait]
impl Sessions for Memory {
    async fn open(
        &self,
        session: &Session,
        family: &Family,
        limit: Option<Limit>,
        event: &Event,
    ) -> Result<Opened, StoreError> {
        let mut kept = self.kept()?;
        if !kept.stands(session, event.at) {
            return Ok(Opened::Stale);
        }
        let live: Vec<_> = kept.open_sessions().filter(|other| other.user == session.user).collect();
        let live: Vec<_> = live.into_iter().filter(|other| kept.stands(other, event.at)).collect();
        let evicted = match limit.map(|limit| limit.room(&live)) {
            None => Vec::new(),
            Some(Room::For { evicted }) => evicted,
            Some(Room::None) => return Ok(Opened::LimitReached),
        };
        kept.add_session(session, family)?;
        for reference in &evicted {
            kept.end_session(*reference, EndReason::Evicted, &ended_by(event, EndReason::Evicted));
        }
        kept.record(&of_session(event, session));
        Ok(Opened::Done { evicted })
    }

    async fn find(&self, session: SessionRef) -> Result<Option<Session>, StoreError> {
        Ok(self.kept()?.session(session))
    }

    async fn of_user(&self, user: UserId, after: Option<SessionRef>, limit: u32) -> Result<Vec<Session>, StoreError> {
        let kept = self.kept()?;
        Ok(kept.sessions_after(after).filter(|session| session.user == user).take(limit as usize).collect())
    }

    async fn list(&self, after: Option<SessionRef>, limit: u32) -> Result<Vec<Session>, StoreError> {
        Ok(self.kept()?.sessions_after(after).take(limit as usize).collect())
    }

    async fn end(&self, scope: &Scope, why: EndReason, event: &Event) -> Result<Vec<SessionRef>, StoreError> {
        let mut kept = self.kept()?;
        Ok(match scope {
            Scope::Session(session) => kept.end_sessions(|other| other.reference == *session, why, event),
            Scope::Others { user, keep } => {
                kept.end_sessions(|other| other.user == *user && other.reference != *keep, why, event)
            }
            Scope::Key(key) => kept.end_sessions(|other| other.key() == Some(key), why, event),
            Scope::User(user) => kept.revoke_user(*user, why, event),
        })
    }

    async fn touch(&self, uses: &[Touched]) -> Result<(), StoreError> {
        let mut kept = self.kept()?;
        for of_session in uses {
            if let Some(session) = kept.session(of_session.session).and_then(|session| touched(&session, of_session)) {
                kept.keep_session(session);
            }
        }
        Ok(())
    }

    async fn forget_expired(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError> {
        let mut kept = self.kept()?;
        let past = kept.sessions.values().filter(|session| session.is_past(now)).take(limit as usize);
        let past: Vec<_> = past.map(|session| session.reference).collect();
        for reference in &past {
            kept.sessions.remove(reference);
            kept.families.retain(|_, family| family.session != *reference);
        }
        Ok(u32::try_from(past.len()).unwrap_or(u32::MAX))
    }
}

impl Kept {
    /// The session of this name as it counts now.
    pub(super) fn session(&self, reference: SessionRef) -> Option<Session> {
        self.sessions.get(&reference).map(|session| session.clone().in_epoch(self.epoch))
    }

    fn sessions_after(&self, after: Option<SessionRef>) -> impl Iterator<Item = Session> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.sessions.range((start, Bound::Unbounded)).map(|(_, session)| session.clone().in_epoch(self.epoch))
    }

    fn open_sessions(&self) -> impl Iterator<Item = Session> {
        self.sessions_after(None).filter(|session| session.state == SessionState::Open)
    }

    /// Whether all that a session rests upon is still so at `now`: it is live, of this epoch, of its user's generation, the
    /// user is enabled, and the key that opened it may sign.
    pub(super) fn stands(&self, session: &Session, now: Timestamp) -> bool {
        let user = self.users.get(&session.user);
        let of_user =
            user.is_some_and(|user| user.state == UserState::Enabled && user.generation == session.generation);
        let by_key = match &session.opened_by {
            OpenedBy::Password { .. } => true,
            OpenedBy::Key(key) => {
                self.keys.get(key).is_some_and(|key| key.user == session.user && key.state.may_sign(now))
            }
        };
        session.is_live(now) && session.epoch == self.epoch.number && of_user && by_key
    }

    fn add_session(&mut self, session: &Session, family: &Family) -> Result<(), StoreError> {
        let is_known = |other: &Session| other.id == session.id || other.token == session.token;
        if !is_of(family, session) {
            return Err(StoreError::failed(NotOfTheSession));
        }
        if self.sessions.contains_key(&session.reference) || self.sessions.values().any(is_known) {
            return Err(StoreError::failed(IdTaken("session")));
        }
        if self.families.contains_key(&family.id) {
            return Err(StoreError::failed(IdTaken("token family")));
        }
        if let OpenedBy::Password { root: Some(root) } = &session.opened_by {
            self.admits(root)?;
        }
        self.admits(&family.secret)?;
        self.keep_session(session.clone());
        self.families.insert(family.id, family.clone());
        Ok(())
    }

    pub(super) fn keep_session(&mut self, session: Session) {
        self.sessions.insert(session.reference, session);
    }

    /// Ends these sessions, each revoked by itself.
    fn end_sessions(&mut self, which: impl Fn(&Session) -> bool, why: EndReason, event: &Event) -> Vec<SessionRef> {
        let ended: Vec<_> = self.open_sessions().filter(which).map(|session| session.reference).collect();
        ended.iter().for_each(|reference| self.end_session(*reference, why, event));
        ended
    }

    /// Ends the sessions that this key has opened, because `event` ends the key.
    pub(super) fn end_sessions_of_key(&mut self, key: &KeyId, event: &Event) {
        let event = ended_by(event, EndReason::KeyRevoked);
        self.end_sessions(|session| session.key() == Some(key), EndReason::KeyRevoked, &event);
    }

    /// Ends all sessions of a user, each revoked by itself, because of what `event` tells of.
    pub(super) fn end_all_sessions(&mut self, user: UserId, why: EndReason, event: &Event) {
        self.end_sessions(|session| session.user == user, why, &ended_by(event, why));
    }

    /// Ends a session that is open, revoked by itself. `event` is told for it.
    pub(super) fn end_session(&mut self, reference: SessionRef, why: EndReason, event: &Event) {
        if self.close_session(reference, why, event) {
            self.append(Revoked::Session(reference), event.at);
        }
    }

    /// Ends a user's sessions, all revoked together by the generation, which has risen to this.
    pub(super) fn end_sessions_before(&mut self, user: UserId, generation: u32, why: EndReason, event: &Event) {
        let event = ended_by(event, why);
        for reference in self.open_sessions_of(user) {
            self.close_session(reference, why, &event);
        }
        self.append(Revoked::User { id: user, generation }, event.at);
    }

    fn open_sessions_of(&self, user: UserId) -> Vec<SessionRef> {
        self.open_sessions().filter(|session| session.user == user).map(|session| session.reference).collect()
    }

    fn revoke_user(&mut self, id: UserId, why: EndReason, event: &Event) -> Vec<SessionRef> {
        let user = self.users.get_mut(&id).filter(|user| user.state != UserState::Deleted);
        let Some(user) = user else { return Vec::new() };
        user.generation = user.generation.saturating_add(1);
        let generation = user.generation;
        let ended = self.open_sessions_of(id);
        self.end_sessions_before(id, generation, why, event);
        self.record(&Event { user: Some(id), ..event.clone() });
        ended
    }

    /// Ends session and family, without an entry in the log.
    fn close_session(&mut self, reference: SessionRef, why: EndReason, event: &Event) -> bool {
        let open = self.session(reference).filter(|session| session.state == SessionState::Open);
        let Some(session) = open else { return false };
        for family in self.families.values_mut().filter(|family| family.session == reference) {
            family.state = family.state.ended(event.at, why);
        }
        self.record(&of_session(event, &session));
        self.keep_session(Session { state: session.state.ended(event.at, why), ..session });
        true
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the family is of another session than the one that it came with")]
struct NotOfTheSession;
