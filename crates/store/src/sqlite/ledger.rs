//! An open transaction in which rows with MACs are changed. What is changed stands with the port that changes it.

use countersign_core::event::Event;
use sqlx::sqlite::SqliteConnection;

use super::Guarded;
use super::failure::Failure;
use super::row::Warden;
use super::writer::Work;
use crate::port::StoreError;

/// The connection within a transaction, and what it takes to read and write rows with MACs.
pub(super) struct Ledger<'c> {
    pub(super) connection: &'c mut SqliteConnection,
    pub(super) warden: Warden,
}

impl Ledger<'_> {
    /// Adds the event that tells of what is changed here.
    pub(super) async fn record(&mut self, event: &Event) -> Result<(), Failure> {
        self.warden.chain.append(self.connection, event).await
    }
}

impl Guarded {
    /// Makes a change in a transaction. Rows met on the way that are not what we wrote are reported afterwards, whether
    /// it was made or not.
    pub(super) async fn change<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(Ledger<'c>) -> Work<'c, T> + Send + 'static,
    {
        let warden = self.warden.clone();
        let changed = self.sqlite.writer.write(move |connection| work(Ledger { connection, warden })).await;
        self.warden.alarm.raise().await;
        changed
    }
}
