use async_trait::async_trait;
use countersign_core::secret::Sealed;
use sqlx::{Row as _, query};

use super::{Found, Ledger, SealedTable, Seek, sealed};
use crate::port::{OWNER_OF_SERVER_SECRETS, Resealed, SealedPlace, Sealing};
use crate::sqlite::alarm::RowName;
use crate::sqlite::failure::Failure;

const TABLE: &str = "server_secrets";

const OTHERS: &str =
    "SELECT name, kek_version, sealed FROM server_secrets WHERE name > ? AND kek_version <> ? ORDER BY name LIMIT ?";

const RESEAL: &str =
    "UPDATE server_secrets SET kek_version = ?, sealed = ? WHERE name = ? AND kek_version = ? AND sealed = ?";

/// The server's own secrets. Their rows have no MAC: the key of row MACs is one of them. The seal says whether they are
/// as they were written, and no guard works without them.
pub(super) struct OwnSecrets;

#[async_trait]
impl SealedTable for OwnSecrets {
    fn name(&self) -> &'static str {
        TABLE
    }

    async fn others(&self, ledger: &mut Ledger<'_>, seek: Seek<'_>) -> Result<Vec<Found>, Failure> {
        let Seek { current, after, limit } = seek;
        let others = query(OTHERS).bind(after).bind(current).bind(limit);
        let rows = others.fetch_all(&mut *ledger.connection).await?;
        let found = rows.iter().map(|row| {
            let id: Option<String> = row.try_get("name").ok();
            let sealing = id.clone().zip(sealed(row, "sealed").ok()).map(|(name, sealed)| Sealing {
                place: SealedPlace { table: TABLE, id: name.clone() },
                name,
                owner: OWNER_OF_SERVER_SECRETS.to_owned(),
                sealed,
                vouched: true,
            });
            if sealing.is_none() {
                ledger.warden.alarm.note(RowName { table: TABLE, id: id.clone().unwrap_or_default() });
            }
            Found { id, sealing }
        });
        Ok(found.collect())
    }

    async fn reseal(
        &self,
        ledger: &mut Ledger<'_>,
        id: &str,
        (former, fresh): (&Sealed, &Sealed),
    ) -> Result<Resealed, Failure> {
        let reseal = query(RESEAL).bind(fresh.version).bind(&fresh.octets).bind(id);
        let reseal = reseal.bind(former.version).bind(&former.octets).execute(&mut *ledger.connection).await?;
        Ok(if reseal.rows_affected() > 0 { Resealed::Done } else { Resealed::Changed })
    }
}
