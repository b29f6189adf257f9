use async_trait::async_trait;
use countersign_core::idempotency::{
    Attempt, Begun, Fingerprint, Outcome, OutcomeId, RETENTION, Record, RunId, Start, State, begin,
};
use countersign_core::secret::Sealed;
use countersign_core::time::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query, query_scalar};

use super::Guarded;
use super::failure::Failure;
use super::value::{UnknownValue, Unreadable, millis, timestamp};
use crate::port::{Outcomes, StoreError};

const FIND: &str = "SELECT fingerprint, began_ms, state, run, attempt, seal_version, answer FROM outcomes WHERE user_id = ? AND name = ?";
const USED: &str = "SELECT octets FROM outcome_usage WHERE user_id = ?";
const START: &str = "INSERT INTO outcomes (user_id, name, fingerprint, began_ms, state, run, attempt, octets) VALUES (?, ?, ?, ?, 0, ?, ?, ?)";
const SETTLE: &str =
    "UPDATE outcomes SET state = ?, seal_version = ?, answer = ?, octets = ? WHERE user_id = ? AND name = ?";
const REMOVE: &str = "DELETE FROM outcomes WHERE user_id = ? AND name = ?";
const UNSETTLED: &str = "SELECT count(*) FROM outcomes WHERE state = 0 AND run <> ?";
const FORGET: &str = "DELETE FROM outcomes WHERE rowid IN (SELECT rowid FROM outcomes WHERE began_ms < ? AND NOT (state = 0 AND run = ?) LIMIT ?)";

/// So many rows are forgotten in one transaction: others wait for it.
const AT_ONCE: u32 = 500;

#[async_trait]
impl Outcomes for Guarded {
    async fn begin(&self, start: &Start, quota: u64) -> Result<Begun, StoreError> {
        let start = start.clone();
        self.sqlite.writer.write(move |connection| Box::pin(begin_in(connection, start, quota))).await
    }

    async fn settle(&self, id: &OutcomeId, attempt: Attempt, outcome: &Outcome) -> Result<(), StoreError> {
        let (id, outcome) = (*id, outcome.clone());
        self.sqlite.writer.write(move |connection| Box::pin(settle_in(connection, id, attempt, outcome))).await
    }

    async fn unsettled(&self, run: RunId) -> Result<u64, StoreError> {
        let count = query_scalar::<_, i64>(UNSETTLED).bind(run.0.to_vec()).fetch_one(&self.sqlite.readers);
        let count = self.sqlite.read(async { Ok(count.await?) }).await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn forget(&self, now: Timestamp, run: RunId) -> Result<(), StoreError> {
        let oldest_kept = millis(now.saturating_sub(RETENTION));
        loop {
            let forget = query(FORGET).bind(oldest_kept).bind(run.0.to_vec()).bind(AT_ONCE);
            let forgotten = self
                .sqlite
                .writer
                .write(|connection| Box::pin(async { Ok(forget.execute(connection).await?.rows_affected()) }));
            if forgotten.await? < u64::from(AT_ONCE) {
                return Ok(());
            }
        }
    }
}

async fn begin_in(connection: &mut SqliteConnection, start: Start, quota: u64) -> Result<Begun, Failure> {
    let used: Option<i64> = query_scalar(USED).bind(start.id.user.to_string()).fetch_optional(&mut *connection).await?;
    let mut used = u64::try_from(used.unwrap_or_default()).unwrap_or_default();
    let mut record = find(connection, &start.id).await?;
    if let Some(past) = record.take_if(|record| record.is_past(start.at, start.attempt.run)) {
        used = used.saturating_sub(past.octets());
        remove(connection, &start.id).await?;
    }
    let begun = begin(record.as_ref(), &start, used, quota);
    if begun == Begun::First {
        let record = Record::started(&start);
        query(START)
            .bind(start.id.user.to_string())
            .bind(start.id.name.to_vec())
            .bind(record.fingerprint.0.to_vec())
            .bind(millis(record.began))
            .bind(start.attempt.run.0.to_vec())
            .bind(start.attempt.number.cast_signed())
            .bind(octets(&record))
            .execute(connection)
            .await?;
    }
    Ok(begun)
}

async fn settle_in(
    connection: &mut SqliteConnection,
    id: OutcomeId,
    attempt: Attempt,
    outcome: Outcome,
) -> Result<(), Failure> {
    let Some(record) = find(connection, &id).await?.filter(|record| record.state == State::Started { attempt }) else {
        return Ok(());
    };
    let state = match outcome {
        Outcome::Answered(sealed) => State::Answered(sealed),
        Outcome::Unknown => State::Unknown,
        Outcome::NotCarriedOut => return remove(connection, &id).await,
    };
    let record = Record { state, ..record };
    let (code, sealed) = match &record.state {
        State::Started { .. } => (0, None),
        State::Answered(sealed) => (1, Some(sealed)),
        State::Unknown => (2, None),
    };
    query(SETTLE)
        .bind(code)
        .bind(sealed.map(|sealed| i64::from(sealed.version)))
        .bind(sealed.map(|sealed| sealed.octets.clone()))
        .bind(octets(&record))
        .bind(id.user.to_string())
        .bind(id.name.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

async fn find(connection: &mut SqliteConnection, id: &OutcomeId) -> Result<Option<Record>, Failure> {
    let row = query(FIND).bind(id.user.to_string()).bind(id.name.to_vec()).fetch_optional(connection).await?;
    let record = row.as_ref().map(read).transpose();
    record.map_err(|source| Failure::Corrupt { what: "outcome", source })
}

async fn remove(connection: &mut SqliteConnection, id: &OutcomeId) -> Result<(), Failure> {
    query(REMOVE).bind(id.user.to_string()).bind(id.name.to_vec()).execute(connection).await?;
    Ok(())
}

fn octets(record: &Record) -> i64 {
    i64::try_from(record.octets()).unwrap_or(i64::MAX)
}

fn read(row: &SqliteRow) -> Result<Record, Unreadable> {
    let fingerprint: &[u8] = row.try_get("fingerprint")?;
    let run: &[u8] = row.try_get("run")?;
    let number = row.try_get::<i64, _>("attempt")?.cast_unsigned();
    let state = match row.try_get("state")? {
        0 => State::Started { attempt: Attempt { run: RunId(run.try_into()?), number } },
        1 => State::Answered(Sealed {
            version: row.try_get::<i64, _>("seal_version")?.try_into()?,
            octets: row.try_get("answer")?,
        }),
        2 => State::Unknown,
        code => return Err(UnknownValue(code, "state").into()),
    };
    let fingerprint = Fingerprint(fingerprint.try_into()?);
    Ok(Record { fingerprint, began: timestamp(row.try_get("began_ms")?)?, state })
}
