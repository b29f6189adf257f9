use async_trait::async_trait;
use countersign_core::account::{KeyOrigin, KeyRecord, KeyState};
use countersign_core::event::Event;
use countersign_core::id::{KeyId, UserId};
use countersign_core::secret::{RowKey, RowMac, Sealed};
use countersign_core::time::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query};

use super::Guarded;
use super::alarm::RowName;
use super::events::insert_event;
use super::failure::Failure;
use super::row::{Kept, Met, Stored};
use super::value::{Unreadable, UnknownValue, key_origin, millis, origin_name, timestamp};
use crate::port::{Change, Keys, StoreError};

const FIND: &str = "SELECT id, user_id, device, kek_version, root, origin, ticket_id, state, revoked_ms, created_ms, mac \
    FROM keys WHERE id = ?";

const LIST: &str = "SELECT id, user_id, device, kek_version, root, origin, ticket_id, state, revoked_ms, created_ms, mac \
    FROM keys WHERE id > ? ORDER BY id";

const OF_USER: &str = "SELECT id, user_id, device, kek_version, root, origin, ticket_id, state, revoked_ms, created_ms, \
    mac FROM keys WHERE user_id = ? ORDER BY id";

const INSERT: &str = "INSERT INTO keys \
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
        let (row_key, id, event) = (self.row_key.clone(), id.clone(), event.clone());
        let revoked = self.sqlite.writer.write(move |connection| {
            Box::pin(async move { revoke(connection, &row_key, &id, &event).await })
        });
        self.report(revoked.await?).await
    }
}

async fn revoke(
    connection: &mut SqliteConnection,
    row_key: &RowKey,
    id: &KeyId,
    event: &Event,
) -> Result<Met<Change>, Failure> {
    let Some(row) = query(FIND).bind(id.as_str()).fetch_optional(&mut *connection).await? else {
        return Ok(Met::new(Ok(Change::Missing), None));
    };
    let (made, alarm) = revoke_row(connection, row_key, &row, event.at).await?;
    if !made {
        return Ok(Met::new(Ok(Change::Already), alarm));
    }
    insert_event(connection, event).await?;
    Ok(Met::new(Ok(Change::Made), alarm))
}

/// Revokes every key of a user, and gives the rows that are not what we wrote.
pub(super) async fn revoke_all(
    connection: &mut SqliteConnection,
    row_key: &RowKey,
    user: UserId,
    at: Timestamp,
) -> Result<Vec<RowName>, Failure> {
    let mut alarms = Vec::new();
    for row in query(OF_USER).bind(user.to_string()).fetch_all(&mut *connection).await? {
        alarms.extend(revoke_row(connection, row_key, &row, at).await?.1);
    }
    Ok(alarms)
}

/// Whether the key was active in its row until now, and the name of the row if it is not what we wrote. Such a row is
/// revoked too, because it counts as revoked only as long as it is not put right.
async fn revoke_row(
    connection: &mut SqliteConnection,
    row_key: &RowKey,
    row: &SqliteRow,
    at: Timestamp,
) -> Result<(bool, Option<RowName>), Failure> {
    let (mac, alarm) = match Stored::<KeyRecord>::read(row, row_key) {
        Stored::Sound(key) => {
            let revoked = KeyRecord { state: KeyState::Revoked { at }, ..key };
            (Some(revoked.mac(row_key).0.to_vec()), None)
        }
        Stored::Tampered(name, _) | Stored::Unreadable(name, _) => (None, Some(name)),
    };
    let revoke = query(REVOKE).bind(millis(at)).bind(mac).bind(row.try_get::<&str, _>("id")?);
    Ok((revoke.execute(connection).await?.rows_affected() > 0, alarm))
}

/// Adds a key.
pub(super) async fn insert_key(
    connection: &mut SqliteConnection,
    row_key: &RowKey,
    key: &KeyRecord,
) -> Result<(), Failure> {
    let (state, revoked) = match key.state {
        KeyState::Active => (0, None),
        KeyState::Revoked { at } => (1, Some(millis(at))),
    };
    let ticket = match key.origin {
        KeyOrigin::Ticket(ticket) => Some(ticket.to_string()),
        KeyOrigin::GroupCard | KeyOrigin::SeedMode => None,
    };
    let insert = query(INSERT)
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
        .bind(key.mac(row_key).0.to_vec());
    insert.execute(connection).await?;
    Ok(())
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
            id: row.try_get::<&str, _>("id")?.parse()?,
            user: row.try_get::<&str, _>("user_id")?.parse()?,
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
