use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, raw_sql};

use super::TABLES;

/// The oldest version of the key-encryption key under which anything is taken in; zero while none has been retired.
///
/// It is kept by triggers of the connection that writes, so that no table can be forgotten, and not in the file: a store
/// that is opened again is opened with the keys that are there then.
#[derive(Clone, Debug, Default)]
pub(in crate::sqlite) struct Oldest(Arc<AtomicU32>);

impl Oldest {
    /// From now on nothing older than this is taken in.
    pub(super) async fn raise(&self, connection: &mut SqliteConnection, version: u32) -> sqlx::Result<()> {
        self.0.fetch_max(version, Ordering::Relaxed);
        self.install(connection).await
    }

    /// Sets up the triggers on a connection that is to write, where any version has been retired.
    pub(in crate::sqlite) async fn install(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let oldest = self.0.load(Ordering::Relaxed);
        if oldest == 0 {
            return Ok(());
        }
        for table in TABLES.map(super::SealedTable::name) {
            for (name, change) in [("insert", "INSERT"), ("update", "UPDATE OF kek_version")] {
                let trigger = format!(
                    "DROP TRIGGER IF EXISTS temp.{table}_{name}_is_not_retired; \
                     CREATE TEMP TRIGGER {table}_{name}_is_not_retired BEFORE {change} ON main.{table} \
                     WHEN NEW.kek_version < {oldest} \
                     BEGIN SELECT RAISE(ABORT, 'sealed under a key-encryption key that has been retired'); END"
                );
                // Of our own words and a number.
                raw_sql(AssertSqlSafe(trigger)).execute(&mut *connection).await?;
            }
        }
        Ok(())
    }
}
