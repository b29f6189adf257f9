use async_trait::async_trait;
use countersign_core::replay::AcceptMark;
use sqlx::sqlite::SqliteConnection;
use sqlx::{query, query_scalar};

use super::Guarded;
use super::failure::Failure;
use crate::port::{AcceptMarks, StoreError};

const LOAD: &str = "SELECT mark FROM accept_mark WHERE id = 1";
const CHANGE: &str = "UPDATE accept_mark SET mark = ? WHERE id = 1";
const KEEP_FIRST: &str = "INSERT INTO accept_mark (id, mark) VALUES (1, ?)";

#[async_trait]
impl AcceptMarks for Guarded {
    async fn load(&self) -> Result<Option<AcceptMark>, StoreError> {
        let load = query_scalar(LOAD).fetch_optional(&self.sqlite.readers);
        self.sqlite.read(async { read(load.await?) }).await
    }

    async fn keep(&self, mark: &AcceptMark) -> Result<(), StoreError> {
        let mark = mark.clone();
        self.sqlite.writer.write(move |connection| Box::pin(keep(connection, mark))).await
    }
}

async fn keep(connection: &mut SqliteConnection, mark: AcceptMark) -> Result<(), Failure> {
    let sql = match read(query_scalar(LOAD).fetch_optional(&mut *connection).await?)? {
        None => KEEP_FIRST,
        Some(kept) if mark.supersedes(&kept) => CHANGE,
        Some(_) => return Ok(()),
    };
    query(sql).bind(mark.to_octets()).execute(connection).await?;
    Ok(())
}

fn read(octets: Option<Vec<u8>>) -> Result<Option<AcceptMark>, Failure> {
    let read = |octets: Vec<u8>| AcceptMark::from_octets(&octets);
    let unreadable = || Failure::Corrupt { what: "accept mark", source: "these octets are no accept mark".into() };
    octets.map(|octets| read(octets).ok_or_else(unreadable)).transpose()
}
