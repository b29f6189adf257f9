//! How rows become answers, within the deadline.

use core::future::Future;

use futures_util::stream::{Stream, TryStreamExt as _};
use sqlx::sqlite::SqliteRow;

use super::Guarded;
use super::row::Kept;
use crate::port::StoreError;

impl Guarded {
    /// The value in the row that a query finds.
    pub(super) async fn one<T: Kept>(
        &self,
        row: impl Future<Output = sqlx::Result<Option<SqliteRow>>> + Send,
    ) -> Result<Option<T>, StoreError> {
        let row = self.sqlite.read(async { Ok(row.await?) }).await?;
        let told = row.map(|row| self.warden.read::<T>(&row).told()).transpose();
        self.warden.alarm.raise().await;
        Ok(told?)
    }

    /// The first `limit` values in the rows that a query finds.
    pub(super) async fn values<T: Kept + Send>(
        &self,
        rows: impl Stream<Item = sqlx::Result<SqliteRow>> + Unpin + Send,
        limit: u32,
    ) -> Result<Vec<T>, StoreError> {
        self.page(rows, limit, |row| self.warden.read::<T>(row).told().ok()).await
    }

    /// The first `limit` of these rows that can be read at all; `read` notes the others for the alarm.
    pub(super) async fn page<T: Send>(
        &self,
        mut rows: impl Stream<Item = sqlx::Result<SqliteRow>> + Unpin + Send,
        limit: u32,
        read: impl Fn(&SqliteRow) -> Option<T> + Send + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let reading = async {
            let mut values = Vec::new();
            while values.len() < limit as usize
                && let Some(row) = rows.try_next().await?
            {
                values.extend(read(&row));
            }
            Ok(values)
        };
        let values = self.sqlite.read(reading).await;
        // Gives the connection back first.
        drop(rows);
        self.warden.alarm.raise().await;
        values
    }
}
