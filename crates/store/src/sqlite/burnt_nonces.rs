use async_trait::async_trait;
use countersign_core::time::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query, query_scalar};

use super::Guarded;
use super::failure::Failure;
use super::value::{Unreadable, millis, timestamp};
use crate::port::{Burning, BurntNonce, BurntNonces, StoreError};

const PROLONG: &str = "UPDATE burnt_nonces SET keep_until_ms = max(keep_until_ms, ?) WHERE keyid = ? AND nonce = ?";
const COUNT: &str = "SELECT count(*) FROM burnt_nonces WHERE keyid = ?";
const BURN: &str = "INSERT INTO burnt_nonces (keyid, nonce, keep_until_ms) VALUES (?, ?, ?)";
const ALL: &str = "SELECT keyid, nonce, keep_until_ms FROM burnt_nonces ORDER BY keyid, nonce";
const FORGET: &str = "DELETE FROM burnt_nonces WHERE keep_until_ms < ?";

#[async_trait]
impl BurntNonces for Guarded {
    async fn burn(&self, nonce: &BurntNonce, limit: u32) -> Result<Burning, StoreError> {
        let nonce = nonce.clone();
        self.sqlite.writer.write(move |connection| Box::pin(burn(connection, nonce, limit))).await
    }

    async fn all(&self) -> Result<Vec<BurntNonce>, StoreError> {
        let all = query(ALL).fetch_all(&self.sqlite.readers);
        let rows = self.sqlite.read(async { Ok(all.await?) }).await?;
        let nonces = rows.iter().map(read).collect::<Result<_, _>>();
        Ok(nonces.map_err(|source| Failure::Corrupt { what: "burnt nonce", source })?)
    }

    async fn forget(&self, now: Timestamp) -> Result<(), StoreError> {
        let forget = query(FORGET).bind(millis(now));
        self.sqlite.writer.write(|connection| Box::pin(async { Ok(forget.execute(connection).await.map(drop)?) })).await
    }
}

async fn burn(connection: &mut SqliteConnection, nonce: BurntNonce, limit: u32) -> Result<Burning, Failure> {
    let keep_until = millis(nonce.keep_until);
    let prolong = query(PROLONG).bind(keep_until).bind(&nonce.keyid).bind(&nonce.nonce);
    if prolong.execute(&mut *connection).await?.rows_affected() > 0 {
        return Ok(Burning::Already);
    }
    let count: i64 = query_scalar(COUNT).bind(&nonce.keyid).fetch_one(&mut *connection).await?;
    if count >= i64::from(limit) {
        return Ok(Burning::TooMany);
    }
    query(BURN).bind(&nonce.keyid).bind(&nonce.nonce).bind(keep_until).execute(connection).await?;
    Ok(Burning::Burnt)
}

fn read(row: &SqliteRow) -> Result<BurntNonce, Unreadable> {
    let keep_until = timestamp(row.try_get("keep_until_ms")?)?;
    Ok(BurntNonce { keyid: row.try_get("keyid")?, nonce: row.try_get("nonce")?, keep_until })
}
