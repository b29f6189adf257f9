//! One machine's store: SQLite in a file of its own.
//!
//! Write-ahead log with `synchronous = FULL`, so that what was answered survives the loss of power; one connection that
//! writes and a few that read; time in integer milliseconds that come in as arguments, never `now()`.

mod accept_marks;
mod alarm;
mod burnt_nonces;
mod chain;
mod enrolments;
mod event_chain;
mod events;
mod failure;
mod integrity;
mod keys;
mod ledger;
mod open;
mod outcomes;
mod reading;
mod revocations;
mod row;
mod sealings;
mod server_secrets;
mod sessions;
mod successions;
mod tickets;
mod token_families;
mod users;
mod value;
mod writer;

#[cfg(test)]
mod tests;

pub use alarm::Clock;
pub use integrity::Integrity;
pub use open::{Migrations, OpenError};

use core::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_core::secret::RowKey;
use sqlx::SqlitePool;
use tokio::time::timeout;

use crate::Stores;
use crate::port::{ServerSecrets, StoreError};
use alarm::Alarm;
use failure::Failure;
use row::Warden;
use writer::{DEADLINE, Writer};

/// An open store. Clones share it.
#[derive(Clone, Debug)]
pub struct Sqlite {
    path: PathBuf,
    writer: Writer,
    readers: SqlitePool,
}

impl Sqlite {
    /// Opens the store in this file, making it (0600) when it is not there. The caller vouches for the directory (0700)
    /// and for being the only process that has the store open.
    pub async fn open(path: &Path, migrations: Migrations) -> Result<Self, OpenError> {
        open::open(path, migrations).await
    }

    /// The one port that can be used before the row key is known: the row key is among these secrets.
    pub fn server_secrets(&self) -> Arc<dyn ServerSecrets> {
        Arc::new(self.clone())
    }

    /// All ports. Rows of users, keys, tickets, sessions, token families and the epoch are written with a MAC under
    /// `row_key`; one whose MAC does not hold is not trusted, and an event `row_tampered` tells of it, once for each row and
    /// start, at the time that `clock` gives.
    pub fn with_row_key(&self, row_key: RowKey, clock: Clock) -> Stores {
        let chain = self.writer.chain().clone();
        chain.set_key(row_key.event_key());
        let alarm = Arc::new(Alarm::new(self.writer.clone(), clock));
        let guarded = Guarded { sqlite: self.clone(), warden: Warden { row_key, alarm, chain } };
        Stores::of(&Arc::new(guarded), self.server_secrets())
    }

    /// Whether the file is sound and the connections are set as they must be; for `doctor`. Reads the whole file.
    pub async fn integrity(&self) -> Result<Integrity, StoreError> {
        integrity::examine(self).await
    }

    /// Waits until an error of the disk has stopped the writing for good. Whoever sees this ends the process: a new start
    /// finds out what was kept.
    pub async fn halted(&self) {
        self.writer.halted().await;
    }

    /// Whether an error of the disk has stopped the writing for good.
    pub fn has_halted(&self) -> bool {
        self.writer.has_halted()
    }

    /// Commits what has been asked for and closes the file. Later changes fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.finish().await;
    }

    /// Reads, within the deadline.
    async fn read<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, StoreError> {
        timeout(DEADLINE, work).await.map_or(Err(StoreError::TimedOut), |read| read.map_err(StoreError::from))
    }
}

/// The ports that need the row key.
struct Guarded {
    sqlite: Sqlite,
    warden: Warden,
}
