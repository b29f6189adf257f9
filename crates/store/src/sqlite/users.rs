use async_trait::async_trait;
use countersign_core::account::{Credentials, Role, User, UserState};
use countersign_core::event::Event;
use countersign_core::id::UserId;
use countersign_core::password::PasswordHash;
use countersign_core::permission::Permissions;
use countersign_core::secret::{RowKey, RowMac};
use countersign_core::username::Username;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

use super::Guarded;
use super::failure::Failure;
use super::ledger::Ledger;
use super::row::{Kept, MacDoesNotHold, Trust, canonical};
use super::value::{Unreadable, millis, timestamp, user_state, user_state_code};
use crate::meaning::{Changed, UserChange};
use crate::port::{Added, Change, PasswordSet, StoreError, Users};

const FIND: &str = "SELECT id, username, role, state, permissions, password_hash, generation, created_ms, mac \
    FROM users WHERE id = ?";

const NAMED: &str = "SELECT id, username, role, state, permissions, password_hash, generation, created_ms, mac \
    FROM users WHERE username = ? AND state < 2";

const LIST: &str = "SELECT id, username, role, state, permissions, password_hash, generation, created_ms, mac \
    FROM users WHERE username > ? AND state < 2 ORDER BY username";

const ADD: &str = "INSERT INTO users (id, username, role, state, permissions, password_hash, generation, created_ms, mac) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (username) WHERE state < 2 DO NOTHING";

const KEEP: &str = "UPDATE users SET role = ?, state = ?, permissions = ?, password_hash = ?, generation = ?, \
    mac = coalesce(?, mac) WHERE id = ? AND state < 2";

#[async_trait]
impl Users for Guarded {
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let row = query(FIND).bind(id.to_string()).fetch_optional(&self.sqlite.readers);
        Ok(self.one(row).await?.map(Credentials::into_user))
    }

    async fn named(&self, name: &Username) -> Result<Option<User>, StoreError> {
        Ok(self.credentials(name).await?.map(Credentials::into_user))
    }

    async fn credentials(&self, name: &Username) -> Result<Option<Credentials>, StoreError> {
        self.one(query(NAMED).bind(name.as_str()).fetch_optional(&self.sqlite.readers)).await
    }

    async fn list(&self, after: Option<&Username>, limit: u32) -> Result<Vec<User>, StoreError> {
        // No name is empty, so the empty text comes before them all.
        let after = after.map_or("", Username::as_str);
        let users = self.values(query(LIST).bind(after).fetch(&self.sqlite.readers), limit).await?;
        Ok(users.into_iter().map(Credentials::into_user).collect())
    }

    async fn add(&self, credentials: &Credentials, event: &Event) -> Result<Added, StoreError> {
        let (credentials, event) = (credentials.clone(), event.clone());
        self.change(move |mut ledger| Box::pin(async move { ledger.add(&credentials, &event).await })).await
    }

    async fn set_state(&self, id: UserId, state: UserState, event: &Event) -> Result<Change, StoreError> {
        self.change_user(id, UserChange::State(state), Some(event)).await
    }

    async fn set_password(
        &self,
        id: UserId,
        generation: u32,
        hash: &PasswordHash,
        event: &Event,
    ) -> Result<PasswordSet, StoreError> {
        Ok(self.change_user(id, UserChange::Password(generation, hash.clone()), Some(event)).await?.into())
    }

    async fn rehash(&self, id: UserId, former: &PasswordHash, fresh: &PasswordHash) -> Result<Change, StoreError> {
        self.change_user(id, UserChange::Rehash(former.clone(), fresh.clone()), None).await
    }

    async fn set_role(&self, id: UserId, role: Role, event: &Event) -> Result<Change, StoreError> {
        self.change_user(id, UserChange::Role(role), Some(event)).await
    }

    async fn set_permissions(
        &self,
        id: UserId,
        permissions: &Permissions,
        event: &Event,
    ) -> Result<Change, StoreError> {
        self.change_user(id, UserChange::Permissions(permissions.clone()), Some(event)).await
    }
}

impl Guarded {
    async fn change_user(&self, id: UserId, change: UserChange, event: Option<&Event>) -> Result<Change, StoreError> {
        let event = event.cloned();
        self.change(move |mut ledger| Box::pin(async move { ledger.change_user(id, &change, event.as_ref()).await }))
            .await
    }
}

impl Ledger<'_> {
    async fn change_user(&mut self, id: UserId, change: &UserChange, event: Option<&Event>) -> Result<Change, Failure> {
        let Some(row) = query(FIND).bind(id.to_string()).fetch_optional(&mut *self.connection).await? else {
            return Ok(Change::Missing);
        };
        let (former, trust) = self.warden.read::<Credentials>(&row).raw()?;
        let changed = change.of(&former);
        if trust == Trust::Broken && change.gives() && !matches!(changed, Changed::Nobody) {
            return Err(Failure::Corrupt { what: Credentials::TABLE, source: MacDoesNotHold.into() });
        }
        let fresh = match changed {
            Changed::To(fresh) => fresh,
            Changed::Not => return Ok(Change::Already),
            Changed::Nobody => return Ok(Change::Missing),
        };
        self.keep_user(&fresh, trust).await?;
        if let Some(event) = event {
            if fresh.user().state == UserState::Deleted {
                self.revoke_keys_of(id, event.at).await?;
            }
            self.record(event).await?;
            let generation = fresh.user().generation;
            if generation != former.user().generation {
                self.end_sessions_before((id, generation), change.why_sessions_end(), event).await?;
            }
        }
        Ok(Change::Made)
    }

    /// Raises the generation of a user who is not deleted, and says to what; `None` when there is none.
    pub(super) async fn raise_generation(&mut self, id: UserId) -> Result<Option<u32>, Failure> {
        let Some(row) = query(FIND).bind(id.to_string()).fetch_optional(&mut *self.connection).await? else {
            return Ok(None);
        };
        let (former, trust) = self.warden.read::<Credentials>(&row).raw()?;
        let user = former.user();
        if user.state == UserState::Deleted {
            return Ok(None);
        }
        let generation = user.generation.saturating_add(1);
        let raised = Credentials::new(User { generation, ..user.clone() }, former.password().cloned());
        self.keep_user(&raised, trust).await?;
        Ok(Some(generation))
    }

    async fn keep_user(&mut self, fresh: &Credentials, former: Trust) -> Result<(), Failure> {
        let user = fresh.user();
        let keep = query(KEEP)
            .bind(user.role.as_str())
            .bind(user_state_code(user.state))
            .bind(user.permissions.to_string())
            .bind(fresh.password().map(|hash| hash.expose().to_owned()))
            .bind(user.generation)
            .bind(self.warden.new_mac(fresh, former))
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
        let found = row.map(|row| self.warden.read::<Credentials>(&row).told()).transpose()?;
        Ok(found.map(Credentials::into_user))
    }

    async fn add(&mut self, credentials: &Credentials, event: &Event) -> Result<Added, Failure> {
        if !self.add_user(credentials).await? {
            return Ok(Added::NameTaken);
        }
        self.record(event).await?;
        Ok(Added::Done)
    }

    /// Adds a user, unless the name is taken.
    pub(super) async fn add_user(&mut self, credentials: &Credentials) -> Result<bool, Failure> {
        let user = credentials.user();
        let add = query(ADD)
            .bind(user.id.to_string())
            .bind(user.username.as_str())
            .bind(user.role.as_str())
            .bind(user_state_code(user.state))
            .bind(user.permissions.to_string())
            .bind(credentials.password().map(|hash| hash.expose().to_owned()))
            .bind(user.generation)
            .bind(millis(user.created))
            .bind(self.warden.mac(credentials));
        Ok(add.execute(&mut *self.connection).await?.rows_affected() > 0)
    }
}

impl Kept for Credentials {
    const TABLE: &'static str = "users";

    fn read(row: &SqliteRow) -> Result<Self, Unreadable> {
        let password: Option<String> = row.try_get("password_hash")?;
        let user = User {
            id: canonical(row.try_get("id")?)?,
            username: canonical(row.try_get("username")?)?,
            role: canonical(row.try_get("role")?)?,
            state: user_state(row.try_get("state")?)?,
            permissions: canonical(row.try_get("permissions")?)?,
            has_password: password.is_some(),
            generation: row.try_get::<i64, _>("generation")?.try_into()?,
            created: timestamp(row.try_get("created_ms")?)?,
        };
        Ok(Self::new(user, password.map(PasswordHash::from_phc).transpose()?))
    }

    fn mac(&self, key: &RowKey) -> RowMac {
        self.row_mac(key)
    }

    fn verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        self.row_verifies(key, mac)
    }

    fn distrusted(self) -> Self {
        let user = self.into_user();
        let state = match user.state {
            UserState::Enabled | UserState::Disabled => UserState::Disabled,
            UserState::Deleted => UserState::Deleted,
        };
        Self::new(User { state, ..user }, None)
    }
}
