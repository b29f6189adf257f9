//! Everything that is sealed, table by table.

mod oldest;
mod own_secrets;
mod records;

pub(super) use oldest::Oldest;

use async_trait::async_trait;
use countersign_core::secret::Sealed;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Guarded;
use super::failure::Failure;
use super::ledger::Ledger;
use super::value::Unreadable;
use crate::port::{Reseal, Resealed, Retirement, SealedPage, SealedPlace, Sealing, Sealings, StoreError};

/// Every table in which something is sealed, by name. Whoever adds one adds it here, with a column `kek_version`; a test
/// holds this list to the schema.
pub(super) static TABLES: [&dyn SealedTable; 4] =
    [&records::SESSION_ROOTS, &records::KEY_ROOTS, &own_secrets::OwnSecrets, &records::FAMILY_SECRETS];

/// A table in which something is sealed.
#[async_trait]
pub(super) trait SealedTable: Sync {
    /// Its name in the schema.
    fn name(&self) -> &'static str;

    /// The rows that are sealed under another version, by their place.
    async fn others(&self, ledger: &mut Ledger<'_>, seek: Seek<'_>) -> Result<Vec<Found>, Failure>;

    /// Replaces one value, if `former` stands there.
    async fn reseal(
        &self,
        ledger: &mut Ledger<'_>,
        id: &str,
        (former, fresh): (&Sealed, &Sealed),
    ) -> Result<Resealed, Failure>;
}

/// Which rows to look for.
#[derive(Clone, Copy)]
pub(super) struct Seek<'a> {
    /// The version that is not meant.
    current: u32,
    /// Begin after this row.
    after: &'a str,
    limit: u32,
}

/// A row that is sealed under another version.
pub(super) struct Found {
    /// Unless even that cannot be read.
    id: Option<String>,
    /// What is sealed in it, unless the row is not as it was written.
    sealing: Option<Sealing>,
}

/// How many rows are looked at together when a version is retired.
const MANY: u32 = 1_000;

#[async_trait]
impl Sealings for Guarded {
    async fn sealed_otherwise(
        &self,
        current: u32,
        after: Option<&SealedPlace>,
        limit: u32,
    ) -> Result<SealedPage, StoreError> {
        let read = self.sqlite.read(async {
            let mut connection = self.sqlite.readers.acquire().await?;
            let mut ledger = Ledger { connection: &mut connection, warden: self.warden.clone() };
            ledger.sealed_otherwise(current, after, limit.max(1)).await
        });
        let page = read.await;
        self.warden.alarm.raise().await;
        page
    }

    async fn reseal(&self, batch: Vec<Reseal>) -> Result<Vec<Resealed>, StoreError> {
        self.change(move |mut ledger| Box::pin(async move { ledger.reseal_all(&batch).await })).await
    }

    async fn retire(&self, current: u32) -> Result<Retirement, StoreError> {
        let oldest = self.sqlite.writer.oldest().clone();
        self.change(move |mut ledger| Box::pin(async move { ledger.retire(current, &oldest).await })).await
    }
}

impl Ledger<'_> {
    async fn sealed_otherwise(
        &mut self,
        current: u32,
        after: Option<&SealedPlace>,
        limit: u32,
    ) -> Result<SealedPage, Failure> {
        let (mut page, mut rest) = (SealedPage::default(), limit);
        for table in TABLES.iter().skip_while(|table| after.is_some_and(|after| table.name() < after.table)) {
            let after = after.filter(|after| after.table == table.name()).map_or("", |after| after.id.as_str());
            let found = table.others(self, Seek { current, after, limit: rest }).await?;
            rest = rest.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
            let last = found.iter().rev().find_map(|row| row.id.clone());
            page.distrusted += found.iter().filter(|row| row.sealing.is_none()).count() as u64;
            page.sealings.extend(found.into_iter().filter_map(|row| row.sealing));
            if rest == 0 {
                let id = last.ok_or(Failure::Corrupt { what: table.name(), source: Nameless.into() })?;
                page.next = Some(SealedPlace { table: table.name(), id });
                return Ok(page);
            }
        }
        Ok(page)
    }

    async fn reseal_all(&mut self, batch: &[Reseal]) -> Result<Vec<Resealed>, Failure> {
        let mut told = Vec::with_capacity(batch.len());
        for Reseal { place, former, fresh } in batch {
            told.push(match TABLES.iter().find(|table| table.name() == place.table) {
                Some(table) => table.reseal(self, &place.id, (former, fresh)).await?,
                None => Resealed::Changed,
            });
        }
        Ok(told)
    }

    async fn retire(&mut self, current: u32, oldest: &Oldest) -> Result<Retirement, Failure> {
        let (mut needed, mut distrusted, mut after) = (0, 0, None);
        loop {
            let page = self.sealed_otherwise(current, after.as_ref(), MANY).await?;
            let vouched = page.sealings.iter().filter(|sealing| sealing.vouched).count() as u64;
            needed += vouched;
            distrusted += page.distrusted + page.sealings.len() as u64 - vouched;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if needed > 0 {
            return Ok(Retirement::Needed(needed));
        }
        oldest.raise(self.connection, current).await?;
        Ok(Retirement::Done { distrusted })
    }
}

/// A sealed value in two columns.
fn sealed(row: &SqliteRow, column: &str) -> Result<Sealed, Unreadable> {
    let version = u32::try_from(row.try_get::<i64, _>("kek_version")?)?;
    Ok(Sealed { version, octets: row.try_get(column)? })
}

#[derive(Debug, thiserror::Error)]
#[error("the names of the rows cannot be read")]
struct Nameless;
