//! Opening the file: its mode, its connections, its schema.

use core::time::Duration;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sqlx::ConnectOptions as _;
use sqlx::migrate::{Migrate as _, MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::Sqlite;
use super::writer::{DEADLINE, Writer};

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");
const MIGRATIONS_TABLE: &str = "_sqlx_migrations";
const COUNT_MIGRATIONS_TABLE: &str =
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'";

/// How long a connection waits for a lock: less than a caller waits for its answer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);
const READERS: u32 = 4;

/// What to do about a schema that is older than the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrations {
    /// Bring it up to date.
    Run,
    /// Refuse to open it.
    Refuse,
}

/// Why a store was not opened. Nothing in it was changed, except that migrations before a failing one are complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file system said no.
    #[error("cannot create the store {}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was written by a later program.
    #[error(
        "the store has schema {found}, this program knows {known}: start the program that wrote it, or a later one"
    )]
    Newer {
        /// The schema of the store.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// It was written by an earlier program, and migrations are to be refused.
    #[error(
        "the store has schema {found}, this program needs {known}: take a backup and start once without --no-migrate"
    )]
    Behind {
        /// The schema of the store; zero for an empty one.
        found: i64,
        /// The schema that this program needs.
        known: i64,
    },
    /// A migration was made that is not the one we know by its number.
    #[error("the store was migrated by another migration {0} than this program's: start the program that wrote it")]
    Foreign(i64),
    /// SQLite could not open or migrate it.
    #[error("cannot open the store {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

pub(super) async fn open(path: &Path, migrations: Migrations) -> Result<Sqlite, OpenError> {
    if migrations == Migrations::Refuse && !path.exists() {
        return Err(OpenError::Behind { found: 0, known: known_schema() });
    }
    // Absolute, because SQLite takes a name that begins with `file:` for a URI.
    let created = std::path::absolute(path).and_then(|path| create(&path).map(|()| path));
    let path = created.map_err(|source| OpenError::Create { path: path.into(), source })?;
    let failed = |source| OpenError::Open { path: path.clone(), source };
    let options = options(&path);
    let mut connection = options.connect().await.map_err(|error| failed(error.into()))?;
    migrate(&mut connection, migrations).await.map_err(|unfit| match unfit {
        Unfit::Schema(error) => error,
        Unfit::Failed(error) => failed(error.into()),
    })?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(DEADLINE)
        .test_before_acquire(false)
        .connect_lazy_with(options.clone().pragma("query_only", "ON"));
    Ok(Sqlite { writer: Writer::start(connection, options), readers, path })
}

/// Makes an empty file that nobody else can read; SQLite gives its other files the mode of this one.
fn create(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("mmap_size", "0")
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .disable_statement_logging()
}

/// The newest schema that this program knows.
pub(super) fn known_schema() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// The schema of the store; zero for an empty one.
pub(super) async fn schema_of(connection: &mut SqliteConnection) -> Result<i64, MigrateError> {
    let tables: i64 = sqlx::query_scalar(COUNT_MIGRATIONS_TABLE).fetch_one(&mut *connection).await?;
    if tables == 0 {
        return Ok(0);
    }
    let applied = connection.list_applied_migrations(MIGRATIONS_TABLE).await?;
    Ok(applied.iter().map(|migration| migration.version).max().unwrap_or(0))
}

enum Unfit {
    Schema(OpenError),
    Failed(MigrateError),
}

async fn migrate(connection: &mut SqliteConnection, migrations: Migrations) -> Result<(), Unfit> {
    let found = schema_of(connection).await.map_err(Unfit::Failed)?;
    let known = known_schema();
    if found > known {
        return Err(Unfit::Schema(OpenError::Newer { found, known }));
    }
    if found < known && migrations == Migrations::Refuse {
        return Err(Unfit::Schema(OpenError::Behind { found, known }));
    }
    // With nothing to be done, this still compares the migrations that were made with ours. `run` is the same with a bound
    // by which rustc takes the future for one that cannot be sent to another thread.
    MIGRATOR.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMismatch(version) | MigrateError::VersionMissing(version) => {
            Unfit::Schema(OpenError::Foreign(version))
        }
        error => Unfit::Failed(error),
    })
}
