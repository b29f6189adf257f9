use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::id::{SessionRef, UserId};
use countersign_core::session::{Epoch, Revocation, Revoked};
use countersign_core::time::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query, query_scalar};

use super::Guarded;
use super::alarm::RowName;
use super::failure::Failure;
use super::ledger::Ledger;
use super::row::canonical;
use super::value::{Unreadable, millis, sixteen, timestamp};
use crate::meaning::forgotten_before;
use crate::port::{Head, Revocations, StoreError};

const AFTER: &str = "SELECT * FROM revocations WHERE sequence > ? ORDER BY sequence";

const APPEND: &str = "INSERT INTO revocations (epoch, at_ms, session, user_id, generation) \
    SELECT number, ?, ?, ?, ? FROM epoch";

const FORGET: &str = "DELETE FROM revocations WHERE at_ms < ?";
const EPOCH: &str = "SELECT number, since FROM epoch";
const RAISE: &str = "UPDATE epoch SET number = ?, since = ?";

/// Where SQLite keeps the last number that AUTOINCREMENT gave out.
const LAST: &str = "SELECT seq FROM sqlite_sequence WHERE name = 'revocations'";

#[async_trait]
impl Revocations for Guarded {
    async fn after(&self, sequence: u64, limit: u32) -> Result<Vec<Revocation>, StoreError> {
        let after = i64::try_from(sequence).unwrap_or(i64::MAX);
        let rows = query(AFTER).bind(after).fetch(&self.sqlite.readers);
        self.page(rows, limit, |row| self.readable_revocation(row)).await
    }

    async fn head(&self) -> Result<Head, StoreError> {
        let head = self.sqlite.read(async {
            // One snapshot of both.
            let mut connection = self.sqlite.readers.begin().await?;
            let epoch = epoch(&mut connection).await?;
            let last: Option<i64> = query_scalar(LAST).fetch_optional(&mut *connection).await?;
            Ok(Head { epoch, sequence: last.and_then(|last| u64::try_from(last).ok()).unwrap_or(0) })
        });
        head.await
    }

    async fn raise_epoch(&self, event: &Event) -> Result<Epoch, StoreError> {
        let event = event.clone();
        self.change(move |mut ledger| Box::pin(async move { ledger.raise_epoch(&event).await })).await
    }

    async fn forget(&self, now: Timestamp) -> Result<(), StoreError> {
        let forget = query(FORGET).bind(millis(forgotten_before(now)));
        self.sqlite.writer.write(|connection| Box::pin(async { Ok(forget.execute(connection).await.map(drop)?) })).await
    }
}

impl Guarded {
    /// The current epoch.
    pub(super) async fn epoch(&self) -> Result<Epoch, StoreError> {
        let read = self.sqlite.read(async {
            let mut connection = self.sqlite.readers.acquire().await?;
            epoch(&mut connection).await
        });
        read.await
    }

    /// Entries have no MAC; one that cannot be read is left out of lists and reported.
    fn readable_revocation(&self, row: &SqliteRow) -> Option<Revocation> {
        let revocation = read(row).ok();
        if revocation.is_none() {
            let id = row.try_get::<i64, _>("sequence").unwrap_or_default().to_string();
            self.warden.alarm.note(RowName { table: "revocations", id });
        }
        revocation
    }
}

impl Ledger<'_> {
    /// The current epoch.
    pub(super) async fn epoch(&mut self) -> Result<Epoch, Failure> {
        epoch(self.connection).await
    }

    /// Appends to the log.
    pub(super) async fn append(&mut self, what: &Revoked, at: Timestamp) -> Result<(), Failure> {
        let (session, user, generation) = match what {
            Revoked::Session(SessionRef(session)) => (Some(session.to_vec()), None, None),
            Revoked::User { id, generation } => (None, Some(id.to_string()), Some(*generation)),
            Revoked::Everybody => (None, None, None),
        };
        let append = query(APPEND).bind(millis(at)).bind(session).bind(user).bind(generation);
        append.execute(&mut *self.connection).await?;
        Ok(())
    }

    async fn raise_epoch(&mut self, event: &Event) -> Result<Epoch, Failure> {
        let epoch = Epoch { number: self.epoch().await?.number.saturating_add(1), since: event.at };
        query(RAISE).bind(epoch.number).bind(millis(epoch.since)).execute(&mut *self.connection).await?;
        self.append(&Revoked::Everybody, event.at).await?;
        self.record(event).await?;
        Ok(epoch)
    }
}

/// Without a row nobody knows what is void, so nothing can be decided.
async fn epoch(connection: &mut SqliteConnection) -> Result<Epoch, Failure> {
    let row = query(EPOCH).fetch_one(connection).await?;
    let read = || -> Result<Epoch, Unreadable> {
        let number = u32::try_from(row.try_get::<i64, _>("number")?)?;
        Ok(Epoch { number, since: timestamp(row.try_get("since")?)? })
    };
    read().map_err(|source| Failure::Corrupt { what: "epoch", source })
}

fn read(row: &SqliteRow) -> Result<Revocation, Unreadable> {
    let session = match row.try_get::<Option<&[u8]>, _>("session")? {
        Some(_) => Some(SessionRef(sixteen(row, "session")?)),
        None => None,
    };
    let user: Option<UserId> = row.try_get::<Option<&str>, _>("user_id")?.map(canonical).transpose()?;
    let generation = row.try_get::<Option<i64>, _>("generation")?.map(u32::try_from).transpose()?;
    let what = match (session, user, generation) {
        (Some(session), None, None) => Revoked::Session(session),
        (None, Some(id), Some(generation)) => Revoked::User { id, generation },
        (None, None, None) => Revoked::Everybody,
        _ => return Err(UnknownRevocation.into()),
    };
    Ok(Revocation {
        sequence: u64::try_from(row.try_get::<i64, _>("sequence")?)?,
        epoch: u32::try_from(row.try_get::<i64, _>("epoch")?)?,
        at: timestamp(row.try_get("at_ms")?)?,
        what,
    })
}

#[derive(Debug, thiserror::Error)]
#[error("columns session, user_id and generation do not say what was taken back")]
struct UnknownRevocation;
