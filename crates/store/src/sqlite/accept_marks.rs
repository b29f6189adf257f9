use async_trait::async_trait;
use countersign_core::replay::AcceptMark;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query};

use super::Guarded;
use super::failure::Failure;
use crate::port::{AcceptMarks, StoreError};

const LOAD: &str = "SELECT octets FROM accept_mark WHERE id = 1";
const CHANGE: &str = "UPDATE accept_mark SET octets = ? WHERE id = 1";
const KEEP_FIRST: &str = "INSERT INTO accept_mark (id, octets) VALUES (1, ?)";

#[async_trait]
impl AcceptMarks for Guarded {
    async fn load(&self) -> Result<Option<AcceptMark>, StoreError> {
        let load = query(LOAD).fetch_optional(&self.sqlite.readers);
        let row = self.sqlite.read(async { Ok(load.await?) }).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    async fn keep(&self, mark: &AcceptMark) -> Result<(), StoreError> {
        let mark = mark.clone();
        self.sqlite.writer.write(move |connection| Box::pin(keep(connection, mark))).await
    }
}

async fn keep(connection: &mut SqliteConnection, mark: AcceptMark) -> Result<(), Failure> {
    let held = query(LOAD).fetch_optional(&mut *connection).await?.as_ref().map(read).transpose()?;
    let sql = match held {
        None => KEEP_FIRST,
        Some(held) if mark.supersedes(&held) => CHANGE,
        Some(_) => return Ok(()),
    };
    query(sql).bind(mark.to_octets()).execute(connection).await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<AcceptMark, Failure> {
    let octets: &[u8] = row.try_get("octets")?;
    AcceptMark::from_octets(octets)
        .ok_or_else(|| Failure::Corrupt { what: "accept mark", source: "it is of another version, or damaged".into() })
}
