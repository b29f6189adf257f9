use async_trait::async_trait;
use countersign_core::account::{User, UserState};
use countersign_core::event::Event;
use countersign_core::id::UserId;
use countersign_core::secret::{RowKey, RowMac};
use countersign_core::username::Username;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

use super::Guarded;
use super::failure::Failure;
use super::ledger::Ledger;
use super::row::{Kept, MacDoesNotHold, Trust, canonical};
use super::value::{Unreadable, millis, timestamp, user_state, user_state_code};
use crate::meaning::{in_state, why_ended};
use crate::port::{Change, StoreError, Users};

const FIND: &str = "SELECT id, username, role, state, generation, created_ms, mac FROM users WHERE id = ?";

const NAMED: &str = "SELECT id, username, role, state, generation, created_ms, mac FROM users \
    WHERE username = ? AND state < 2";

const LIST: &str = "SELECT id, username, role, state, generation, created_ms, mac FROM users \
    WHERE username > ? AND state < 2 ORDER BY username";

const ADD: &str = "INSERT INTO users (id, username, role, state, generation, created_ms, mac) \
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (username) WHERE state < 2 DO NOTHING";

const KEEP_STATE: &str =
    "UPDATE users SET state = ?, generation = ?, mac = coalesce(?, mac) WHERE id = ? AND state < 2";

#[async_trait]
impl Users for Guarded {
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.one(query(FIND).bind(id.to_string()).fetch_optional(&self.sqlite.readers)).await
    }

    async fn named(&self, name: &Username) -> Result<Option<User>, StoreError> {
        self.one(query(NAMED).bind(name.as_str()).fetch_optional(&self.sqlite.readers)).await
    }

    async fn list(&self, after: Option<&Username>, limit: u32) -> Result<Vec<User>, StoreError> {
        // No name is empty, so the empty text comes before them all.
        let after = after.map_or("", Username::as_str);
        self.values(query(LIST).bind(after).fetch(&self.sqlite.readers), limit).await
    }

    async fn set_state(&self, id: UserId, state: UserState, event: &Event) -> Result<Change, StoreError> {
        let event = event.clone();
        self.change(move |mut ledger| Box::pin(async move { ledger.set_user_state(id, state, &event).await })).await
    }
}

impl Ledger<'_> {
    async fn set_user_state(&mut self, id: UserId, state: UserState, event: &Event) -> Result<Change, Failure> {
        let Some(row) = query(FIND).bind(id.to_string()).fetch_optional(&mut *self.connection).await? else {
            return Ok(Change::Missing);
        };
        let (user, trust) = self.warden.read::<User>(&row).raw()?;
        match (user.state, state, trust) {
            (UserState::Deleted, _, _) => return Ok(Change::Missing),
            (_, UserState::Enabled, Trust::Broken) => {
                return Err(Failure::Corrupt { what: User::TABLE, source: MacDoesNotHold.into() });
            }
            (former, state, _) if former == state => return Ok(Change::Already),
            (_, UserState::Deleted, _) => self.revoke_keys_of(id, event.at).await?,
            (_, UserState::Enabled | UserState::Disabled, _) => {}
        }
        let next = in_state(&user, state);
        self.keep_state(&next, trust).await?;
        self.record(event).await?;
        if next.generation != user.generation {
            self.end_sessions_before((id, next.generation), why_ended(state), event).await?;
        }
        Ok(Change::Made)
    }

    /// Raises the generation of a user who is not deleted, and says to what; `None` when there is none.
    pub(super) async fn raise_generation(&mut self, id: UserId) -> Result<Option<u32>, Failure> {
        let Some(row) = query(FIND).bind(id.to_string()).fetch_optional(&mut *self.connection).await? else {
            return Ok(None);
        };
        let (user, trust) = self.warden.read::<User>(&row).raw()?;
        if user.state == UserState::Deleted {
            return Ok(None);
        }
        let generation = user.generation.saturating_add(1);
        self.keep_state(&User { generation, ..user }, trust).await?;
        Ok(Some(generation))
    }

    async fn keep_state(&mut self, user: &User, former: Trust) -> Result<(), Failure> {
        let keep = query(KEEP_STATE)
            .bind(user_state_code(user.state))
            .bind(user.generation)
            .bind(self.warden.new_mac(user, former))
            .bind(user.id.to_string());
        keep.execute(&mut *self.connection).await?;
        Ok(())
    }

    /// Whether this is a user who may sign, by a row that is ours.
    pub(super) async fn is_enabled(&mut self, id: UserId) -> Result<bool, Failure> {
        Ok(self.user(id).await?.is_some_and(|user| user.state == UserState::Enabled))
    }

    /// The user of this id; whose row is not ours counts as disabled.
    pub(super) async fn user(&mut self, id: UserId) -> Result<Option<User>, Failure> {
        let row = query(FIND).bind(id.to_string()).fetch_optional(&mut *self.connection).await?;
        row.map(|row| self.warden.read::<User>(&row).told()).transpose()
    }

    /// Adds a user, unless the name is taken.
    pub(super) async fn add_user(&mut self, user: &User) -> Result<bool, Failure> {
        let add = query(ADD)
            .bind(user.id.to_string())
            .bind(user.username.as_str())
            .bind(user.role.as_str())
            .bind(user_state_code(user.state))
            .bind(user.generation)
            .bind(millis(user.created))
            .bind(self.warden.mac(user));
        Ok(add.execute(&mut *self.connection).await?.rows_affected() > 0)
    }
}

impl Kept for User {
    const TABLE: &'static str = "users";

    fn read(row: &SqliteRow) -> Result<Self, Unreadable> {
        Ok(Self {
            id: canonical(row.try_get("id")?)?,
            username: canonical(row.try_get("username")?)?,
            role: canonical(row.try_get("role")?)?,
            state: user_state(row.try_get("state")?)?,
            generation: row.try_get::<i64, _>("generation")?.try_into()?,
            created: timestamp(row.try_get("created_ms")?)?,
        })
    }

    fn mac(&self, key: &RowKey) -> RowMac {
        self.row_mac(key)
    }

    fn verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        self.row_verifies(key, mac)
    }

    fn distrusted(self) -> Self {
        match self.state {
            UserState::Enabled => Self { state: UserState::Disabled, ..self },
            UserState::Disabled | UserState::Deleted => self,
        }
    }
}
