use async_trait::async_trait;
use countersign_core::account::{Credentials, KeyRecord};
use countersign_core::secret::Sealed;
use sqlx::{Row as _, query};

use super::{Found, Ledger, SealedTable, Seek};
use crate::port::{Resealed, SealedPlace, Sealing};
use crate::sqlite::failure::Failure;
use crate::sqlite::row::{Kept as _, Stored, Trust};

const OTHERS: &str = "SELECT * FROM keys WHERE id > ? AND kek_version <> ? ORDER BY id LIMIT ?";
const FIND: &str = "SELECT * FROM keys WHERE id = ?";
const FIND_USER: &str = "SELECT * FROM users WHERE id = ?";
const RESEAL: &str = "UPDATE keys SET kek_version = ?, root = ?, mac = ? WHERE id = ?";

/// The roots of keys, each sealed for its key and the name of its user.
pub(super) struct KeyRoots;

#[async_trait]
impl SealedTable for KeyRoots {
    fn name(&self) -> &'static str {
        KeyRecord::TABLE
    }

    async fn others(&self, ledger: &mut Ledger<'_>, seek: Seek<'_>) -> Result<Vec<Found>, Failure> {
        let Seek { current, after, limit } = seek;
        let others = query(OTHERS).bind(after).bind(current).bind(limit);
        let mut found = Vec::new();
        for row in others.fetch_all(&mut *ledger.connection).await? {
            let sealing = match ledger.warden.read::<KeyRecord>(&row) {
                Stored::Sound(key) => root(ledger, key).await?,
                Stored::Tampered(_) | Stored::Unreadable(_) => None,
            };
            found.push(Found { id: row.try_get("id").ok(), sealing });
        }
        Ok(found)
    }

    async fn reseal(
        &self,
        ledger: &mut Ledger<'_>,
        id: &str,
        (former, fresh): (&Sealed, &Sealed),
    ) -> Result<Resealed, Failure> {
        let Some(row) = query(FIND).bind(id).fetch_optional(&mut *ledger.connection).await? else {
            return Ok(Resealed::Changed);
        };
        let key = match ledger.warden.read::<KeyRecord>(&row) {
            Stored::Sound(key) if key.root == *former => KeyRecord { root: fresh.clone(), ..key },
            Stored::Sound(_) => return Ok(Resealed::Changed),
            Stored::Tampered(_) | Stored::Unreadable(_) => return Ok(Resealed::Distrusted),
        };
        let reseal = query(RESEAL).bind(fresh.version).bind(&fresh.octets).bind(ledger.warden.mac(&key)).bind(id);
        reseal.execute(&mut *ledger.connection).await?;
        Ok(Resealed::Done)
    }
}

/// The root and its owner. A user whose row is not as it was written may have had another name.
async fn root(ledger: &mut Ledger<'_>, key: KeyRecord) -> Result<Option<Sealing>, Failure> {
    let row = query(FIND_USER).bind(key.user.to_string()).fetch_optional(&mut *ledger.connection).await?;
    let user = row.and_then(|row| ledger.warden.read::<Credentials>(&row).raw().ok());
    Ok(user.map(|(found, trust)| Sealing {
        place: SealedPlace { table: KeyRecord::TABLE, id: key.id.to_string() },
        name: key.id.to_string(),
        owner: found.user().username.to_string(),
        sealed: key.root,
        vouched: trust == Trust::Holds,
    }))
}
