//! How sessions end: row, family, log and event together, within the transaction of what ends them.

use countersign_core::event::Event;
use countersign_core::id::{KeyId, SessionRef, UserId};
use countersign_core::session::{EndReason, Family, Revoked, Scope, Session};
use sqlx::query;
use sqlx::sqlite::SqliteRow;

use super::super::failure::Failure;
use super::super::ledger::Ledger;
use super::super::row::Stored;
use super::super::value::{millis, sixteen};
use crate::meaning::{ended_by, named_session, of_session};

const OPEN: &str = "SELECT * FROM active_sessions WHERE ref = ? AND state = 0 AND epoch >= ?";

const OPEN_OF_USER: &str = "SELECT * FROM active_sessions \
    WHERE user_id = ? AND ref <> ? AND state = 0 AND epoch >= ? ORDER BY ref";

const OPEN_OF_KEY: &str = "SELECT * FROM active_sessions \
    WHERE key_id = ? AND state = 0 AND epoch >= ? ORDER BY ref";

const CLOSE: &str = "UPDATE active_sessions SET state = 1, ended_at = ?, ended_why = ?, mac = coalesce(?, mac) \
    WHERE ref = ? AND state = 0";

const FAMILY: &str = "SELECT * FROM token_families WHERE session = ? AND state = 0";

const CLOSE_FAMILY: &str = "UPDATE token_families SET state = 1, ended_at = ?, ended_why = ?, mac = coalesce(?, mac) \
    WHERE session = ? AND state = 0";

/// Of nobody.
const NO_SESSION: &[u8] = &[];

impl Ledger<'_> {
    pub(super) async fn end(
        &mut self,
        scope: &Scope,
        why: EndReason,
        event: &Event,
    ) -> Result<Vec<SessionRef>, Failure> {
        let epoch = self.epoch_to_end_in().await?;
        let rows = match scope {
            Scope::Session(session) => {
                query(OPEN).bind(session.0.as_slice()).bind(epoch).fetch_all(&mut *self.connection).await?
            }
            Scope::Others { user, keep } => self.open_rows_of(*user, &keep.0).await?,
            Scope::Key(key) => {
                query(OPEN_OF_KEY).bind(key.as_str()).bind(epoch).fetch_all(&mut *self.connection).await?
            }
            Scope::User(user) => return self.revoke_user(*user, why, event).await,
        };
        self.end_rows(&rows, why, event).await
    }

    /// Ends a session that is open, revoked by itself. `event` is told for it.
    pub(in crate::sqlite) async fn end_session(
        &mut self,
        session: SessionRef,
        why: EndReason,
        event: &Event,
    ) -> Result<(), Failure> {
        let epoch = self.epoch_to_end_in().await?;
        let rows = query(OPEN).bind(session.0.as_slice()).bind(epoch).fetch_all(&mut *self.connection).await?;
        self.end_rows(&rows, why, event).await.map(drop)
    }

    /// Ends the sessions that this key has opened, because `event` ends the key.
    pub(in crate::sqlite) async fn end_sessions_of_key(&mut self, key: &KeyId, event: &Event) -> Result<(), Failure> {
        let epoch = self.epoch_to_end_in().await?;
        let rows = query(OPEN_OF_KEY).bind(key.as_str()).bind(epoch).fetch_all(&mut *self.connection).await?;
        let why = EndReason::KeyRevoked;
        self.end_rows(&rows, why, &ended_by(event, why)).await.map(drop)
    }

    /// Ends all sessions of a user, each revoked by itself, because of what `event` tells of.
    pub(in crate::sqlite) async fn end_all_sessions(
        &mut self,
        user: UserId,
        why: EndReason,
        event: &Event,
    ) -> Result<(), Failure> {
        let rows = self.open_rows_of(user, NO_SESSION).await?;
        self.end_rows(&rows, why, &ended_by(event, why)).await.map(drop)
    }

    /// Ends a user's sessions, all revoked together by the generation, which has risen to this; and says which.
    pub(in crate::sqlite) async fn end_sessions_before(
        &mut self,
        (user, generation): (UserId, u32),
        why: EndReason,
        event: &Event,
    ) -> Result<Vec<SessionRef>, Failure> {
        let mut ended = Vec::new();
        for row in self.open_rows_of(user, NO_SESSION).await? {
            ended.extend(self.close_row(&row, why, &ended_by(event, why)).await?);
        }
        self.append(&Revoked::User { id: user, generation }, event.at).await?;
        Ok(ended)
    }

    async fn revoke_user(&mut self, id: UserId, why: EndReason, event: &Event) -> Result<Vec<SessionRef>, Failure> {
        let Some(generation) = self.raise_generation(id).await? else { return Ok(Vec::new()) };
        let ended = self.end_sessions_before((id, generation), why, event).await?;
        self.record(&Event { user: Some(id), ..event.clone() }).await?;
        Ok(ended)
    }

    async fn open_rows_of(&mut self, user: UserId, but: &[u8]) -> Result<Vec<SqliteRow>, Failure> {
        let epoch = self.epoch_to_end_in().await?;
        let of_user = query(OPEN_OF_USER).bind(user.to_string()).bind(but.to_vec()).bind(epoch);
        Ok(of_user.fetch_all(&mut *self.connection).await?)
    }

    async fn end_rows(
        &mut self,
        rows: &[SqliteRow],
        why: EndReason,
        event: &Event,
    ) -> Result<Vec<SessionRef>, Failure> {
        let mut ended = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(session) = self.close_row(row, why, event).await? {
                self.append(&Revoked::Session(session), event.at).await?;
                ended.push(session);
            }
        }
        Ok(ended)
    }

    /// Closes session and family, without an entry in the log. A row that is not what we wrote is closed too, because it
    /// counts as ended only until somebody puts it right again; its MAC is left as it is. `None` for one without a name.
    async fn close_row(
        &mut self,
        row: &SqliteRow,
        why: EndReason,
        event: &Event,
    ) -> Result<Option<SessionRef>, Failure> {
        let Ok(name) = sixteen(row, "ref") else { return Ok(None) };
        let (told, mac) = match self.warden.read::<Session>(row) {
            Stored::Sound(session) => {
                let told = of_session(event, &session);
                let ended = Session { state: session.state.ended(event.at, why), ..session };
                (told, Some(self.warden.mac(&ended)))
            }
            Stored::Tampered(session) => (of_session(event, &session), None),
            Stored::Unreadable(_) => (named_session(event, SessionRef(name)), None),
        };
        let close = query(CLOSE).bind(millis(event.at)).bind(why.as_str()).bind(mac).bind(name.as_slice());
        close.execute(&mut *self.connection).await?;
        self.close_family(&name, why, event).await?;
        self.record(&told).await?;
        Ok(Some(SessionRef(name)))
    }

    async fn close_family(&mut self, session: &[u8; 16], why: EndReason, event: &Event) -> Result<(), Failure> {
        let row = query(FAMILY).bind(session.as_slice()).fetch_optional(&mut *self.connection).await?;
        let mac = row.and_then(|row| match self.warden.read::<Family>(&row) {
            Stored::Sound(family) => {
                let state = family.state.ended(event.at, why);
                Some(self.warden.mac(&Family { state, ..family }))
            }
            Stored::Tampered(_) | Stored::Unreadable(_) => None,
        });
        let close = query(CLOSE_FAMILY).bind(millis(event.at)).bind(why.as_str()).bind(mac).bind(session.as_slice());
        close.execute(&mut *self.connection).await?;
        Ok(())
    }
}
