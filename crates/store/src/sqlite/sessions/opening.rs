use countersign_core::account::UserState;
use countersign_core::event::Event;
use countersign_core::id::UserId;
use countersign_core::session::{EndReason, Family, Limit, OpenedBy, Room, Session};
use countersign_core::time::Timestamp;
use sqlx::query;

use super::super::failure::Failure;
use super::super::ledger::Ledger;
use super::super::row::Stored;
use crate::meaning::{ended_by, of_session};
use crate::port::Opened;

const OPEN_OF_USER: &str = "SELECT * FROM active_sessions WHERE user_id = ? AND state = 0 ORDER BY ref";

impl Ledger<'_> {
    pub(super) async fn open_session(
        &mut self,
        (session, family): (&Session, &Family),
        limit: Option<Limit>,
        event: &Event,
    ) -> Result<Opened, Failure> {
        if !self.stands(session, event.at).await? {
            return Ok(Opened::Stale);
        }
        let evicted = match limit {
            None => Vec::new(),
            Some(limit) => match limit.room(&self.live_sessions_of(session.user, event.at).await?) {
                Room::For { evicted } => evicted,
                Room::None => return Ok(Opened::LimitReached),
            },
        };
        self.add_session(session).await?;
        self.add_family(session, family).await?;
        for reference in &evicted {
            self.end_session(*reference, EndReason::Evicted, &ended_by(event, EndReason::Evicted)).await?;
        }
        self.record(&of_session(event, session)).await?;
        Ok(Opened::Done { evicted })
    }

    async fn live_sessions_of(&mut self, user: UserId, now: Timestamp) -> Result<Vec<Session>, Failure> {
        let rows = query(OPEN_OF_USER).bind(user.to_string()).fetch_all(&mut *self.connection).await?;
        let mut live = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Stored::Sound(session) = self.warden.read::<Session>(row)
                && self.stands(&session, now).await?
            {
                live.push(session);
            }
        }
        Ok(live)
    }

    /// Whether all that a session rests upon is still so at `now`: it is live, of this epoch, of its user's generation, the
    /// user is enabled, and the key that opened it may sign. Only rows that are ours count.
    pub(in crate::sqlite) async fn stands(&mut self, session: &Session, now: Timestamp) -> Result<bool, Failure> {
        if !session.is_live(now) || session.epoch != self.epoch().await?.number {
            return Ok(false);
        }
        let user = self.user(session.user).await?;
        if !user.is_some_and(|user| user.state == UserState::Enabled && user.generation == session.generation) {
            return Ok(false);
        }
        match &session.opened_by {
            OpenedBy::Password { .. } => Ok(true),
            OpenedBy::Key(key) => {
                let key = self.sound_key(key).await?;
                Ok(key.is_some_and(|key| key.user == session.user && key.state.may_sign(now)))
            }
        }
    }
}
