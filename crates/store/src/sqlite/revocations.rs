use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::id::{SessionRef, UserId};
use countersign_core::secret::RowKey;
use countersign_core::session::{Epoch, Revocation, Revoked};
use countersign_core::time::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Row as _, query, query_scalar};

use super::Guarded;
use super::alarm::RowName;
use super::failure::Failure;
use super::ledger::Ledger;
use super::row::{MacDoesNotHold, Warden, canonical};
use super::value::{Unreadable, millis, sixteen, timestamp};
use crate::meaning::forgotten_before;
use crate::port::{Head, Revocations, StoreError};

const AFTER: &str = "SELECT * FROM revocations WHERE sequence > ? ORDER BY sequence";

const APPEND: &str = "INSERT INTO revocations (epoch, at_ms, session, user_id, generation) VALUES (?, ?, ?, ?, ?)";

const FORGET: &str = "DELETE FROM revocations WHERE at_ms < ?";
const EPOCH: &str = "SELECT number, since, mac FROM epoch";
const KEEP: &str = "INSERT INTO epoch (id, number, since, mac) VALUES (1, ?, ?, ?) \
    ON CONFLICT (id) DO UPDATE SET number = excluded.number, since = excluded.since, mac = excluded.mac";

/// Whether there is anything that belongs to some epoch, or was.
const ANYTHING: &str = "SELECT EXISTS (SELECT 1 FROM active_sessions) \
    OR coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'revocations'), 0) > 0";

/// Where SQLite keeps the last number that AUTOINCREMENT gave out.
const LAST: &str = "SELECT seq FROM sqlite_sequence WHERE name = 'revocations'";

#[async_trait]
impl Revocations for Guarded {
    async fn after(&self, sequence: u64, limit: u32) -> Result<Vec<Revocation>, StoreError> {
        let after = i64::try_from(sequence).unwrap_or(i64::MAX);
        let rows = query(AFTER).bind(after).fetch(&self.sqlite.readers);
        // As much as can be read is not the log: whoever was let in by it might be the one whom the rest is about.
        Ok(self.page(rows, limit, |row| Some(self.revocation(row))).await?.into_iter().collect::<Result<_, _>>()?)
    }

    async fn head(&self) -> Result<Head, StoreError> {
        let head = self.sqlite.read(async {
            // One snapshot of both.
            let mut connection = self.sqlite.readers.begin().await?;
            let epoch = epoch(&mut connection, &self.warden).await?.unwrap_or_default();
            let last: Option<i64> = query_scalar(LAST).fetch_optional(&mut *connection).await?;
            Ok(Head { epoch, sequence: last.and_then(|last| u64::try_from(last).ok()).unwrap_or(0) })
        });
        let head = head.await;
        self.warden.alarm.raise().await;
        head
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
            let mut connection = self.sqlite.readers.begin().await?;
            Ok(epoch(&mut connection, &self.warden).await?.unwrap_or_default())
        });
        let read = read.await;
        self.warden.alarm.raise().await;
        read
    }

    /// Entries have no MAC; one that cannot be read is reported.
    fn revocation(&self, row: &SqliteRow) -> Result<Revocation, Failure> {
        read(row).map_err(|source| {
            let id = row.try_get::<i64, _>("sequence").unwrap_or_default().to_string();
            self.warden.alarm.note(RowName { table: "revocations", id });
            Failure::Corrupt { what: "revocation", source }
        })
    }
}

impl Ledger<'_> {
    /// The current epoch. From the first change that asks for it, its row is there.
    pub(super) async fn epoch(&mut self) -> Result<Epoch, Failure> {
        match epoch(self.connection, &self.warden).await? {
            Some(epoch) => Ok(epoch),
            None => self.keep_epoch(Epoch::default()).await,
        }
    }

    /// The number of the current epoch for a change that only takes something away, which is made whatever somebody has
    /// done to the row of the epoch: without one that is ours, the first, to which everything that is open belongs.
    pub(super) async fn epoch_to_end_in(&mut self) -> Result<u32, Failure> {
        match self.epoch().await {
            Ok(epoch) => Ok(epoch.number),
            Err(Failure::Corrupt { .. }) => Ok(0),
            Err(failure) => Err(failure),
        }
    }

    async fn keep_epoch(&mut self, epoch: Epoch) -> Result<Epoch, Failure> {
        let mac = epoch.row_mac(&self.warden.row_key).0.to_vec();
        let keep = query(KEEP).bind(epoch.number).bind(millis(epoch.since)).bind(mac);
        keep.execute(&mut *self.connection).await?;
        Ok(epoch)
    }

    /// Appends to the log.
    pub(super) async fn append(&mut self, what: &Revoked, at: Timestamp) -> Result<(), Failure> {
        let (session, user, generation) = match what {
            Revoked::Session(SessionRef(session)) => (Some(session.to_vec()), None, None),
            Revoked::User { id, generation } => (None, Some(id.to_string()), Some(*generation)),
            Revoked::Everybody => (None, None, None),
        };
        let epoch = self.epoch_to_end_in().await?;
        let append = query(APPEND).bind(epoch).bind(millis(at)).bind(session).bind(user).bind(generation);
        append.execute(&mut *self.connection).await?;
        Ok(())
    }

    async fn raise_epoch(&mut self, event: &Event) -> Result<Epoch, Failure> {
        let epoch = Epoch { number: self.epoch().await?.number.saturating_add(1), since: event.at };
        self.keep_epoch(epoch).await?;
        self.append(&Revoked::Everybody, event.at).await?;
        self.record(event).await?;
        Ok(epoch)
    }
}

/// The current epoch; none before anything was issued or taken back, when it is the first. Otherwise without a row that is
/// ours nobody knows what is void, so nothing can be decided.
async fn epoch(connection: &mut SqliteConnection, warden: &Warden) -> Result<Option<Epoch>, Failure> {
    let row = query(EPOCH).fetch_optional(&mut *connection).await?;
    let read = match &row {
        Some(row) => ours(row, &warden.row_key).map(Some),
        None if query_scalar(ANYTHING).fetch_one(connection).await? => Err(EpochIsGone.into()),
        None => Ok(None),
    };
    read.map_err(|source| {
        warden.alarm.note(RowName { table: "epoch", id: "1".to_owned() });
        Failure::Corrupt { what: "epoch", source }
    })
}

fn ours(row: &SqliteRow, key: &RowKey) -> Result<Epoch, Unreadable> {
    let number = u32::try_from(row.try_get::<i64, _>("number")?)?;
    let epoch = Epoch { number, since: timestamp(row.try_get("since")?)? };
    if epoch.row_verifies(key, row.try_get("mac")?) { Ok(epoch) } else { Err(MacDoesNotHold.into()) }
}

#[derive(Debug, thiserror::Error)]
#[error("its row is gone, although sessions were opened or taken back since")]
struct EpochIsGone;

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
