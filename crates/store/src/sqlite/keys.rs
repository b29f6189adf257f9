use async_trait::async_trait;
use countersign_core::account::{KeyOrigin, KeyRecord, KeyState};
use countersign_core::event::Event;
use countersign_core::id::{KeyId, UserId};
use countersign_core::secret::{RowKey, RowMac, Sealed};
use countersign_core::time::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, query};

use super::Guarded;
use super::failure::Failure;
use super::ledger::Ledger;
use super::row::{Kept, Stored, canonical};
use super::value::{UnknownValue, Unreadable, key_origin, millis, origin_name, timestamp};
use crate::port::{Change, Keys, StoreError};

const FIND: &str = "SELECT id, user_id, device, kek_version, root, origin, ticket_id, state, revoked_ms, created_ms, mac \
    FROM keys WHERE id = ?";

const LIST: &str = "SELECT id, user_id, device, kek_version, root, origin, ticket_id, state, revoked_ms, created_ms, mac \
    FROM keys WHERE id > ? ORDER BY id";

const OF_USER: &str = "SELECT id, user_id, device, kek_version, root, origin, ticket_id, state, revoked_ms, created_ms, \
    mac FROM keys WHERE user_id = ? ORDER BY id";

const ADD: &str = "INSERT INTO keys \
    (id, user_id, device, kek_version, root, origin, ticket_id, state, revoked_ms, created_ms, mac) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const REVOKE: &str = "UPDATE keys SET state = 1, revoked_ms = ?, mac = coalesce(?, mac) WHERE id = ? AND state = 0";

#[async_trait]
impl Keys for Guarded {
    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        self.one(query(FIND).bind(id.as_str()).fetch_optional(&self.sqlite.readers)).await
    }

    async fn list(&self, after: Option<&KeyId>, limit: u32) -> Result<Vec<KeyRecord>, StoreError> {
        // No id is empty, so the empty text comes before them all.
        let after = after.map_or("", KeyId::as_str);
        self.values(query(LIST).bind(after).fetch(&self.sqlite.readers), limit).await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<KeyRecord>, StoreError> {
        self.values(query(OF_USER).bind(user.to_string()).fetch(&self.sqlite.readers), u32::MAX).await
    }

    async fn revoke(&self, id: &KeyId, event: &Event) -> Result<Change, StoreError> {
        let (id, event) = (id.clone(), event.clone());
        self.change(move |mut ledger| Box::pin(async move { ledger.revoke_key(&id, &event).await })).await
    }
}

impl Ledger<'_> {
    async fn revoke_key(&mut self, id: &KeyId, event: &Event) -> Result<Change, Failure> {
        let Some(row) = query(FIND).bind(id.as_str()).fetch_optional(&mut *self.connection).await? else {
            return Ok(Change::Missing);
        };
        if !self.revoke_row(&row, event.at).await? {
            return Ok(Change::Already);
        }
        self.record(event).await?;
        Ok(Change::Made)
    }

    /// Revokes every key of a user.
    pub(super) async fn revoke_keys_of(&mut self, user: UserId, at: Timestamp) -> Result<(), Failure> {
        for row in query(OF_USER).bind(user.to_string()).fetch_all(&mut *self.connection).await? {
            self.revoke_row(&row, at).await?;
        }
        Ok(())
    }

    /// Whether the row said until now that the key is active. A row that is not what we wrote is revoked too, because it
    /// counts as revoked only until somebody puts it right again.
    async fn revoke_row(&mut self, row: &SqliteRow, at: Timestamp) -> Result<bool, Failure> {
        let mac = match self.warden.read::<KeyRecord>(row) {
            Stored::Sound(key) => Some(self.warden.mac(&KeyRecord { state: KeyState::Revoked { at }, ..key })),
            Stored::Tampered(_) | Stored::Unreadable(_) => None,
        };
        let revoke = query(REVOKE).bind(millis(at)).bind(mac).bind(row.try_get::<&str, _>("id")?);
        Ok(revoke.execute(&mut *self.connection).await?.rows_affected() > 0)
    }

    /// Adds a key.
    pub(super) async fn add_key(&mut self, key: &KeyRecord) -> Result<(), Failure> {
        let (state, revoked) = match key.state {
            KeyState::Active => (0, None),
            KeyState::Revoked { at } => (1, Some(millis(at))),
        };
        let ticket = match key.origin {
            KeyOrigin::Ticket(ticket) => Some(ticket.to_string()),
            KeyOrigin::GroupCard | KeyOrigin::SeedMode => None,
        };
        let add = query(ADD)
            .bind(key.id.as_str())
            .bind(key.user.to_string())
            .bind(&key.device)
            .bind(key.root.version)
            .bind(&key.root.octets)
            .bind(origin_name(key.origin))
            .bind(ticket)
            .bind(state)
            .bind(revoked)
            .bind(millis(key.created))
            .bind(self.warden.mac(key));
        add.execute(&mut *self.connection).await?;
        Ok(())
    }
}

impl Kept for KeyRecord {
    const TABLE: &'static str = "keys";

    fn read(row: &SqliteRow) -> Result<Self, Unreadable> {
        let state = match (row.try_get("state")?, row.try_get::<Option<i64>, _>("revoked_ms")?) {
            (0, None) => KeyState::Active,
            (1, Some(at)) => KeyState::Revoked { at: timestamp(at)? },
            (code, _) => return Err(UnknownValue(code, "state").into()),
        };
        Ok(Self {
            id: canonical(row.try_get("id")?)?,
            user: canonical(row.try_get("user_id")?)?,
            device: row.try_get("device")?,
            root: Sealed { version: row.try_get::<i64, _>("kek_version")?.try_into()?, octets: row.try_get("root")? },
            origin: key_origin(row.try_get("origin")?, row.try_get("ticket_id")?)?,
            state,
            created: timestamp(row.try_get("created_ms")?)?,
        })
    }

    fn mac(&self, key: &RowKey) -> RowMac {
        self.row_mac(key)
    }

    fn verifies(&self, key: &RowKey, mac: &[u8]) -> bool {
        self.row_verifies(key, mac)
    }

    /// Revoked since it was made: nobody knows since when it has not been ours.
    fn distrusted(self) -> Self {
        match self.state {
            KeyState::Active => Self { state: KeyState::Revoked { at: self.created }, ..self },
            KeyState::Revoked { .. } => self,
        }
    }
}
