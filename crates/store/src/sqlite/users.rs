use async_trait::async_trait;
use countersign_core::account::{User, UserState};
use countersign_core::event::Event;
use countersign_core::id::UserId;
use countersign_core::secret::{RowKey, RowMac};
use countersign_core::username::Username;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query};

use super::Guarded;
use super::events::insert_event;
use super::failure::Failure;
use super::keys::revoke_all;
use super::row::{Kept, MacDoesNotHold, Met, Stored};
use super::value::{Unreadable, millis, timestamp, user_state, user_state_code};
use crate::meaning::in_state;
use crate::port::{Change, StoreError, Users};

const FIND: &str = "SELECT id, username, role, state, generation, created_ms, mac FROM users WHERE id = ?";

const NAMED: &str = "SELECT id, username, role, state, generation, created_ms, mac FROM users \
    WHERE username = ? AND state < 2";

const LIST: &str = "SELECT id, username, role, state, generation, created_ms, mac FROM users \
    WHERE username > ? AND state < 2 ORDER BY username";

const INSERT: &str = "INSERT INTO users (id, username, role, state, generation, created_ms, mac) \
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (username) WHERE state < 2 DO NOTHING";

const SET_STATE: &str = "UPDATE users SET state = ?, generation = ?, mac = coalesce(?, mac) WHERE id = ? AND state < 2";

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
        let (row_key, event) = (self.row_key.clone(), event.clone());
        let changed = self.sqlite.writer.write(move |connection| {
            Box::pin(async move { set_state(connection, &row_key, (id, state), &event).await })
        });
        self.report(changed.await?).await
    }
}

async fn set_state(
    connection: &mut SqliteConnection,
    row_key: &RowKey,
    (id, state): (UserId, UserState),
    event: &Event,
) -> Result<Met<Change>, Failure> {
    let Some(row) = query(FIND).bind(id.to_string()).fetch_optional(&mut *connection).await? else {
        return Ok(Met::new(Ok(Change::Missing), None));
    };
    let (user, sound, alarm) = match Stored::<User>::read(&row, row_key).as_it_stands() {
        Ok(found) => found,
        Err((failure, name)) => return Ok(Met::new(Err(failure), Some(name))),
    };
    if user.state == UserState::Deleted {
        return Ok(Met::new(Ok(Change::Missing), alarm));
    }
    if state == UserState::Enabled && !sound {
        let source = MacDoesNotHold.into();
        return Ok(Met::new(Err(Failure::Corrupt { what: User::TABLE, source }), alarm));
    }
    if user.state == state {
        return Ok(Met::new(Ok(Change::Already), alarm));
    }
    let user = in_state(&user, state);
    let set = query(SET_STATE)
        .bind(user_state_code(user.state))
        .bind(user.generation)
        .bind(sound.then(|| user.mac(row_key).0.to_vec()))
        .bind(id.to_string());
    set.execute(&mut *connection).await?;
    let mut met = Met::new(Ok(Change::Made), alarm);
    if state == UserState::Deleted {
        met.alarms.extend(revoke_all(connection, row_key, id, event.at).await?);
    }
    insert_event(connection, event).await?;
    Ok(met)
}

/// Adds a user, unless the name is taken.
pub(super) async fn insert_user(
    connection: &mut SqliteConnection,
    row_key: &RowKey,
    user: &User,
) -> Result<bool, Failure> {
    let insert = query(INSERT)
        .bind(user.id.to_string())
        .bind(user.username.as_str())
        .bind(user.role.as_str())
        .bind(user_state_code(user.state))
        .bind(user.generation)
        .bind(millis(user.created))
        .bind(user.mac(row_key).0.to_vec());
    Ok(insert.execute(connection).await?.rows_affected() > 0)
}

impl Kept for User {
    const TABLE: &'static str = "users";

    fn read(row: &SqliteRow) -> Result<Self, Unreadable> {
        Ok(Self {
            id: row.try_get::<&str, _>("id")?.parse()?,
            username: row.try_get::<&str, _>("username")?.parse()?,
            role: row.try_get::<&str, _>("role")?.parse()?,
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
