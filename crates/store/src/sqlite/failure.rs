//! What can go wrong below a port, and whether the store can go on after it.

use std::error::Error;

use sqlx::error::DatabaseError;

use crate::port::StoreError;

/// Why a piece of work with the database did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// SQLite or its driver said so.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// A row is not what we wrote, or its MAC does not hold.
    #[error("stored {what} cannot be read back")]
    Corrupt { what: &'static str, source: Box<dyn Error + Send + Sync> },
}

impl Failure {
    /// What the failure means for the connection that met it.
    pub(super) fn gravity(&self) -> Gravity {
        match self {
            Self::Sql(error) => gravity(error),
            Self::Corrupt { .. } => Gravity::Statement,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sql(sqlx::Error::PoolTimedOut) => Self::TimedOut,
            Failure::Sql(error) => Self::failed(error),
            Failure::Corrupt { what, source } => Self::Corrupt { what, source },
        }
    }
}

/// How far a failure reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gravity {
    /// The statement was not carried out; the transaction stands.
    Statement,
    /// The transaction is gone, perhaps without a trace; a new connection can go on.
    Transaction,
    /// Nobody knows what the disk holds. Linux reports a failed fsync once and drops the pages, so that asking again
    /// would be told a success that is none.
    Disk,
}

/// SQLite may roll back the whole transaction on FULL, IOERR, NOMEM, BUSY and INTERRUPT
/// (<https://www.sqlite.org/lang_transaction.html>, section 3), and constraint violations never do.
pub(super) fn gravity(error: &sqlx::Error) -> Gravity {
    match error {
        sqlx::Error::Io(_) => Gravity::Disk,
        sqlx::Error::Database(error) => gravity_of_code(error.as_ref()),
        sqlx::Error::RowNotFound | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Gravity::Statement,
        _ => Gravity::Transaction,
    }
}

/// By the primary result code, which is the low octet of the extended one (<https://www.sqlite.org/rescode.html>).
fn gravity_of_code(error: &dyn DatabaseError) -> Gravity {
    const SQLITE_IOERR: u32 = 10;
    const SQLITE_CORRUPT: u32 = 11;
    const SQLITE_CONSTRAINT: u32 = 19;
    const SQLITE_NOTADB: u32 = 26;
    match error.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
        Some(SQLITE_IOERR | SQLITE_CORRUPT | SQLITE_NOTADB) => Gravity::Disk,
        Some(SQLITE_CONSTRAINT) => Gravity::Statement,
        _ => Gravity::Transaction,
    }
}
