//! What `doctor` looks at.

use std::os::unix::fs::PermissionsExt as _;

use sqlx::sqlite::SqliteConnection;
use sqlx::{query_as, query_scalar};

use super::Sqlite;
use super::failure::Failure;
use super::open::{known_schema, schema_of};
use crate::port::StoreError;

/// The oldest SQLite that we trust with a write-ahead log: it mends a race between a checkpoint and a writer that could
/// corrupt the file (<https://www.sqlite.org/wal.html#walresetbug>).
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

const QUICK_CHECK: &str = "PRAGMA quick_check(20)";
const FOREIGN_KEYS: &str = "SELECT \"table\", \"parent\" FROM pragma_foreign_key_check LIMIT 20";

/// The state of the file and of the connection that writes to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integrity {
    /// The version of SQLite, as in `3.51.3`.
    pub sqlite: String,
    /// `PRAGMA journal_mode`.
    pub journal_mode: String,
    /// `PRAGMA synchronous`; 2 is FULL.
    pub synchronous: i64,
    /// `PRAGMA foreign_keys`; 1 is on.
    pub foreign_keys: i64,
    /// `PRAGMA mmap_size` in octets.
    pub mmap_size: i64,
    /// The permission bits of the file.
    pub mode: u32,
    /// The schema of the store, and the one that this program knows.
    pub schema: (i64, i64),
    /// What `PRAGMA quick_check` and `PRAGMA foreign_key_check` found; empty when the file is sound. A changed value in
    /// a row is beyond them: that is what row MACs are for. At most 20 of each are named.
    pub faults: Vec<String>,
}

impl Integrity {
    /// What is wrong, one sentence each; empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        let (found, known) = self.schema;
        let mut problems = self.faults.clone();
        let mut unless = |fine: bool, problem: String| {
            if !fine {
                problems.push(problem);
            }
        };
        unless(version(&self.sqlite) >= OLDEST_SQLITE, format!("SQLite {} is older than 3.51.3", self.sqlite));
        unless(self.journal_mode == "wal", format!("the journal mode is {}, not wal", self.journal_mode));
        unless(self.synchronous == 2, format!("synchronous is {}, not 2 (FULL)", self.synchronous));
        unless(self.foreign_keys == 1, "foreign keys are not enforced".to_owned());
        unless(self.mmap_size == 0, format!("mmap_size is {}, not 0", self.mmap_size));
        unless(
            self.mode & 0o077 == 0,
            format!("the file has mode {:04o}: others can open it; make it 0600", self.mode),
        );
        unless(found == known, format!("the schema is {found}, this program knows {known}"));
        problems
    }
}

fn version(text: &str) -> [u32; 3] {
    let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
    [(); 3].map(|()| numbers.next().unwrap_or(0))
}

/// Without the deadline of other reads: the whole file is read, which takes as long as it takes.
pub(super) async fn examine(sqlite: &Sqlite) -> Result<Integrity, StoreError> {
    let mode = tokio::fs::metadata(&sqlite.path).await.map_err(StoreError::failed)?.permissions().mode() & 0o7777;
    let unread = |failure| vec![format!("the file cannot be read through: {failure}")];
    let faults = faults(sqlite).await.unwrap_or_else(unread);
    let settings = sqlite.writer.write(move |connection| Box::pin(settings(connection))).await?;
    Ok(Integrity { mode, faults, ..settings })
}

async fn faults(sqlite: &Sqlite) -> Result<Vec<String>, Failure> {
    let found: Vec<String> = query_scalar(QUICK_CHECK).fetch_all(&sqlite.readers).await?;
    let orphans: Vec<(String, String)> = query_as(FOREIGN_KEYS).fetch_all(&sqlite.readers).await?;
    let orphans =
        orphans.iter().map(|(table, parent)| format!("a row of {table} refers to a row of {parent} that is gone"));
    Ok(found.into_iter().filter(|line| line != "ok").chain(orphans).collect())
}

/// On the connection that writes, because most pragmas are a connection's own.
async fn settings(connection: &mut SqliteConnection) -> Result<Integrity, Failure> {
    let schema = schema_of(connection).await.map_err(|error| Failure::Sql(sqlx::Error::Migrate(Box::new(error))))?;
    Ok(Integrity {
        sqlite: query_scalar("SELECT sqlite_version()").fetch_one(&mut *connection).await?,
        journal_mode: query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?,
        synchronous: query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await?,
        foreign_keys: query_scalar("PRAGMA foreign_keys").fetch_one(&mut *connection).await?,
        mmap_size: query_scalar("PRAGMA mmap_size").fetch_one(&mut *connection).await?,
        mode: 0,
        schema: (schema, known_schema()),
        faults: Vec::new(),
    })
}
