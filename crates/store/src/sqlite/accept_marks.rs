use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query};

use super::Guarded;
use super::failure::Failure;
use super::value::{Unreadable, millis, timestamp};
use crate::port::{AcceptMark, AcceptMarks, StoreError};

const LOAD: &str = "SELECT mark_ms, low_water_ms FROM accept_mark WHERE id = 1";
const CHANGE: &str = "UPDATE accept_mark SET mark_ms = ?, low_water_ms = ? WHERE id = 1";
const KEEP_FIRST: &str = "INSERT INTO accept_mark (id, mark_ms, low_water_ms) VALUES (1, ?, ?)";

#[async_trait]
impl AcceptMarks for Guarded {
    async fn load(&self) -> Result<Option<AcceptMark>, StoreError> {
        let load = query(LOAD).fetch_optional(&self.sqlite.readers);
        let row = self.sqlite.read(async { Ok(load.await?) }).await?;
        let mark = row.as_ref().map(read).transpose();
        Ok(mark.map_err(|source| Failure::Corrupt { what: "accept mark", source })?)
    }

    async fn keep(&self, mark: AcceptMark) -> Result<(), StoreError> {
        self.sqlite.writer.write(move |connection| Box::pin(keep(connection, mark))).await
    }
}

async fn keep(connection: &mut SqliteConnection, mark: AcceptMark) -> Result<(), Failure> {
    let run = |sql| query(sql).bind(millis(mark.mark)).bind(millis(mark.low_water));
    if run(CHANGE).execute(&mut *connection).await?.rows_affected() == 0 {
        run(KEEP_FIRST).execute(connection).await?;
    }
    Ok(())
}

fn read(row: &SqliteRow) -> Result<AcceptMark, Unreadable> {
    Ok(AcceptMark { mark: timestamp(row.try_get("mark_ms")?)?, low_water: timestamp(row.try_get("low_water_ms")?)? })
}
