//! Rows with a MAC: what a row says, and whether that is what we wrote.

use core::future::Future;

use countersign_core::secret::{RowKey, RowMac};
use futures_util::stream::{Stream, TryStreamExt as _};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Guarded;
use super::alarm::RowName;
use super::failure::Failure;
use super::value::Unreadable;
use crate::port::StoreError;

/// A value that is kept in a row with a MAC.
pub(super) trait Kept: Sized {
    /// The table, which is also what an alarm calls it.
    const TABLE: &'static str;

    /// Reads every column but `mac`.
    fn read(row: &SqliteRow) -> Result<Self, Unreadable>;

    /// The MAC of the row.
    fn mac(&self, key: &RowKey) -> RowMac;

    /// Whether `mac` is that MAC.
    fn verifies(&self, key: &RowKey, mac: &[u8]) -> bool;

    /// The same in the state that a row without our MAC counts as.
    fn distrusted(self) -> Self;
}

/// A row as it was found.
#[derive(Debug)]
pub(super) enum Stored<T> {
    /// It is what we wrote.
    Sound(T),
    /// Its MAC does not hold; and what it says, for what that is worth.
    Tampered(RowName, T),
    /// It says nothing that we understand.
    Unreadable(RowName, Unreadable),
}

impl<T: Kept> Stored<T> {
    /// Reads a row and checks its MAC.
    pub(super) fn read(row: &SqliteRow, key: &RowKey) -> Self {
        let name = || RowName { table: T::TABLE, id: row.try_get("id").unwrap_or_default() };
        let read = T::read(row).and_then(|value| Ok((value, row.try_get::<&[u8], _>("mac")?)));
        match read {
            Ok((value, mac)) if value.verifies(key, mac) => Self::Sound(value),
            Ok((value, _)) => Self::Tampered(name(), value),
            Err(why) => Self::Unreadable(name(), why),
        }
    }

    /// What a reader is told, and the name of the row if it is not what we wrote.
    pub(super) fn told(self) -> (Result<T, Failure>, Option<RowName>) {
        match self {
            Self::Sound(value) => (Ok(value), None),
            Self::Tampered(name, value) => (Ok(value.distrusted()), Some(name)),
            Self::Unreadable(name, source) => (Err(Failure::Corrupt { what: T::TABLE, source }), Some(name)),
        }
    }

    /// The value as it stands in the row, whether its MAC holds, and the name of the row if it does not.
    ///
    /// For changes. They are made to a tampered row too, as far as they take something away, but its MAC is left as it
    /// is: a new one would make good whatever else had been changed.
    pub(super) fn as_it_stands(self) -> Result<(T, bool, Option<RowName>), (Failure, RowName)> {
        match self {
            Self::Sound(value) => Ok((value, true, None)),
            Self::Tampered(name, value) => Ok((value, false, Some(name))),
            Self::Unreadable(name, source) => Err((Failure::Corrupt { what: T::TABLE, source }, name)),
        }
    }
}

/// The row of a value that takes away from another: what a MAC does not vouch for is not given back by a change.
#[derive(Debug, thiserror::Error)]
#[error("the row MAC does not hold, so nothing in the row can be trusted again")]
pub(super) struct MacDoesNotHold;

/// What became of a change, and the rows met on the way that are not what we wrote.
pub(super) struct Met<T> {
    pub(super) answer: Result<T, Failure>,
    pub(super) alarms: Vec<RowName>,
}

impl<T> Met<T> {
    /// An answer, having met nothing or one row that is not what we wrote.
    pub(super) fn new(answer: Result<T, Failure>, alarm: Option<RowName>) -> Self {
        Self { answer, alarms: alarm.into_iter().collect() }
    }
}

impl Guarded {
    /// The answer of a change, after what it met has been reported.
    pub(super) async fn report<T>(&self, met: Met<T>) -> Result<T, StoreError> {
        self.alarm.raise(&met.alarms).await;
        Ok(met.answer?)
    }

    /// The value in the row that a query finds, reported if it is not what we wrote.
    pub(super) async fn one<T: Kept>(
        &self,
        row: impl Future<Output = sqlx::Result<Option<SqliteRow>>> + Send,
    ) -> Result<Option<T>, StoreError> {
        let Some(row) = self.sqlite.read(async { Ok(row.await?) }).await? else {
            return Ok(None);
        };
        let (value, alarm) = Stored::<T>::read(&row, &self.row_key).told();
        drop(row);
        self.alarm.raise(&alarm).await;
        Ok(Some(value?))
    }

    /// The first `limit` values in the rows that a query finds; see [`page`](Self::page).
    pub(super) async fn values<T: Kept + Send>(
        &self,
        rows: impl Stream<Item = sqlx::Result<SqliteRow>> + Unpin + Send,
        limit: u32,
    ) -> Result<Vec<T>, StoreError> {
        let read = |row: &SqliteRow| {
            let (value, alarm) = Stored::<T>::read(row, &self.row_key).told();
            (value.ok(), alarm)
        };
        self.page(rows, limit, read).await
    }

    /// The first `limit` of these rows that can be read at all. All that were met and are not what we wrote are reported.
    pub(super) async fn page<T: Send>(
        &self,
        mut rows: impl Stream<Item = sqlx::Result<SqliteRow>> + Unpin + Send,
        limit: u32,
        read: impl Fn(&SqliteRow) -> (Option<T>, Option<RowName>) + Send + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let mut values = Vec::new();
        let mut alarms = Vec::new();
        let reading = async {
            while values.len() < limit as usize
                && let Some(row) = rows.try_next().await?
            {
                let (value, alarm) = read(&row);
                values.extend(value);
                alarms.extend(alarm);
            }
            Ok(())
        };
        self.sqlite.read(reading).await?;
        drop(rows);
        self.alarm.raise(&alarms).await;
        Ok(values)
    }
}
