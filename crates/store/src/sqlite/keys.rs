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

const FIND: &str = "SELECT id, user_id, device, kek_version, root, origin, ticket_id, state, ends_ms, created_ms, predecessor, mac \
    FROM keys WHERE id = ?";

const LIST: &str = "SELECT id, user_id, device, kek_version, root, origin, ticket_id, state, ends_ms, created_ms, predecessor, mac \
    FROM keys WHERE id > ? ORDER BY id";

const OF_USER: &str = "SELECT id, user_id, device, kek_version, root, origin, ticket_id, state, ends_ms, created_ms, \
    predecessor, mac FROM keys WHERE user_id = ? ORDER BY id";

const ADD: &str = "INSERT INTO keys \
    (id, user_id, device, kek_version, root, origin, ticket_id, state, ends_ms, created_ms, predecessor, mac) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const SUCCESSORS: &str = "SELECT id FROM keys WHERE predecessor = ?";

const SET_STATE: &str = "UPDATE keys SET state = ?, ends_ms = ?, mac = coalesce(?, mac) WHERE id = ? AND state <> 1";

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
        if query(FIND).bind(id.as_str()).fetch_optional(&mut *self.connection).await?.is_none() {
            return Ok(Change::Missing);
        }
        let mut change = Change::Already;
        for id in self.with_descendants(id).await? {
            if self.revoke_one(&id, event.at).await? {
                self.record(&Event { key: Some(id.clone()), ..event.clone() }).await?;
                self.end_sessions_of_key(&id, event).await?;
                change = Change::Made;
            }
        }
        Ok(change)
    }

    /// The key and all that have come from it, whether their rows are ours or not. Each id is looked at once, so rows that
    /// name each other in a circle hold nobody up.
    async fn with_descendants(&mut self, id: &KeyId) -> Result<Vec<KeyId>, Failure> {
        let mut found = vec![id.clone()];
        let mut next = 0;
        while let Some(predecessor) = found.get(next).cloned() {
            next += 1;
            let successors = query(SUCCESSORS).bind(predecessor.as_str()).fetch_all(&mut *self.connection).await?;
            for row in successors {
                // An id that cannot be read can sign nothing.
                found.extend(row.try_get::<&str, _>("id")?.parse().ok().filter(|id| !found.contains(id)));
            }
        }
        Ok(found)
    }

    /// Revokes one key, whatever came from it.
    pub(super) async fn revoke_one(&mut self, id: &KeyId, at: Timestamp) -> Result<bool, Failure> {
        match query(FIND).bind(id.as_str()).fetch_optional(&mut *self.connection).await? {
            Some(row) => self.revoke_row(&row, at).await,
            None => Ok(false),
        }
    }

    /// Revokes every key of a user.
    pub(super) async fn revoke_keys_of(&mut self, user: UserId, at: Timestamp) -> Result<(), Failure> {
        for row in query(OF_USER).bind(user.to_string()).fetch_all(&mut *self.connection).await? {
            self.revoke_row(&row, at).await?;
        }
        Ok(())
    }

    /// Whether the row said until now that the key can sign. A row that is not what we wrote is revoked too, because it
    /// counts as revoked only until somebody puts it right again.
    async fn revoke_row(&mut self, row: &SqliteRow, at: Timestamp) -> Result<bool, Failure> {
        let state = KeyState::Revoked { at };
        let mac = match self.warden.read::<KeyRecord>(row) {
            Stored::Sound(key) => Some(self.warden.mac(&KeyRecord { state, ..key })),
            Stored::Tampered(_) | Stored::Unreadable(_) => None,
        };
        self.write_state(row.try_get("id")?, state, mac).await
    }

    /// The key of this id, if its row is ours.
    pub(super) async fn sound_key(&mut self, id: &KeyId) -> Result<Option<KeyRecord>, Failure> {
        let row = query(FIND).bind(id.as_str()).fetch_optional(&mut *self.connection).await?;
        Ok(row.and_then(|row| match self.warden.read(&row) {
            Stored::Sound(key) => Some(key),
            Stored::Tampered(_) | Stored::Unreadable(_) => None,
        }))
    }

    /// Those keys of a user whose rows can be read; what is not ours counts as revoked.
    pub(super) async fn keys_of(&mut self, user: UserId) -> Result<Vec<KeyRecord>, Failure> {
        let rows = query(OF_USER).bind(user.to_string()).fetch_all(&mut *self.connection).await?;
        Ok(rows.iter().filter_map(|row| self.warden.read::<KeyRecord>(row).told().ok()).collect())
    }

    /// Keeps the state of a key whose row is ours, unless it is revoked.
    pub(super) async fn keep_key_state(&mut self, key: &KeyRecord) -> Result<bool, Failure> {
        let mac = self.warden.mac(key);
        self.write_state(key.id.as_str(), key.state, Some(mac)).await
    }

    async fn write_state(&mut self, id: &str, state: KeyState, mac: Option<Vec<u8>>) -> Result<bool, Failure> {
        let (state, ends) = state_columns(state);
        let set = query(SET_STATE).bind(state).bind(ends).bind(mac).bind(id);
        Ok(set.execute(&mut *self.connection).await?.rows_affected() > 0)
    }

    /// Adds a key.
    pub(super) async fn add_key(&mut self, key: &KeyRecord) -> Result<(), Failure> {
        let (state, ends) = state_columns(key.state);
        let ticket = match key.origin {
            KeyOrigin::Ticket(ticket) | KeyOrigin::Recovery(ticket) => Some(ticket.to_string()),
            KeyOrigin::GroupCard | KeyOrigin::SeedMode | KeyOrigin::Rotation(_) => None,
        };
        let add = query(ADD)
            .bind(key.id.as_str())
            .bind(key.user.to_string())
            .bind(&key.device)
            .bind(key.root.version)
            .bind(&key.root.octets)
            .bind(origin_name(&key.origin))
            .bind(ticket)
            .bind(state)
            .bind(ends)
            .bind(millis(key.created))
            .bind(key.origin.predecessor().map(KeyId::as_str))
            .bind(self.warden.mac(key));
        add.execute(&mut *self.connection).await?;
        Ok(())
    }
}

/// `state` and `ends_ms`.
fn state_columns(state: KeyState) -> (i64, Option<i64>) {
    match state {
        KeyState::Active => (0, None),
        KeyState::Revoked { at } => (1, Some(millis(at))),
        KeyState::Ending { at } => (2, Some(millis(at))),
    }
}

impl Kept for KeyRecord {
    const TABLE: &'static str = "keys";

    fn read(row: &SqliteRow) -> Result<Self, Unreadable> {
        let state = match (row.try_get("state")?, row.try_get::<Option<i64>, _>("ends_ms")?) {
            (0, None) => KeyState::Active,
            (1, Some(at)) => KeyState::Revoked { at: timestamp(at)? },
            (2, Some(at)) => KeyState::Ending { at: timestamp(at)? },
            (code, _) => return Err(UnknownValue(code, "state").into()),
        };
        Ok(Self {
            id: canonical(row.try_get("id")?)?,
            user: canonical(row.try_get("user_id")?)?,
            device: row.try_get("device")?,
            root: Sealed { version: row.try_get::<i64, _>("kek_version")?.try_into()?, octets: row.try_get("root")? },
            origin: key_origin(row.try_get("origin")?, row.try_get("ticket_id")?, row.try_get("predecessor")?)?,
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
            KeyState::Active | KeyState::Ending { .. } => {
                Self { state: KeyState::Revoked { at: self.created }, ..self }
            }
            KeyState::Revoked { .. } => self,
        }
    }
}
