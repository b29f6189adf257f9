use async_trait::async_trait;
use countersign_core::event::{ChainValue, EventKey, SealedHead, Sealing};
use countersign_core::time::Timestamp;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _, query};

use super::Guarded;
use super::chain::chain_value;
use super::failure::Failure;
use super::ledger::Ledger;
use super::row::MacDoesNotHold;
use super::value::{Unreadable, millis, timestamp};
use crate::event_row::{EventRow, Tip, Walk};
use crate::port::{Begun, End, EventChain, Pruned, StoreError, Verification};

pub(super) const UNCHAINED: &str = "SELECT sequence, at_ms, kind, user_id, key_id, session, actor, detail, chain \
    FROM events WHERE sequence > ? AND chain IS NULL ORDER BY sequence LIMIT ?";
const LAST_CHAINED: &str = "SELECT sequence, chain FROM events WHERE chain IS NOT NULL ORDER BY sequence DESC LIMIT 1";
const CHAIN: &str = "UPDATE events SET chain = ? WHERE sequence = ?";

const FROM: &str =
    "SELECT sequence, at_ms, kind, user_id, key_id, session, actor, detail, chain FROM events ORDER BY sequence";
const OLDEST: &str = "SELECT sequence, at_ms, kind, user_id, key_id, session, actor, detail, chain FROM events \
    ORDER BY sequence LIMIT ?";
const REMOVE: &str = "DELETE FROM events WHERE sequence <= ?";

const HEADS: &str = "SELECT sequence, at_ms, chain, mac FROM event_heads WHERE sequence > ? ORDER BY sequence";
const LAST_HEAD: &str = "SELECT sequence, at_ms, chain, mac FROM event_heads ORDER BY sequence DESC LIMIT 1";
const SEAL: &str = "INSERT INTO event_heads (sequence, at_ms, chain, mac) VALUES (?, ?, ?, ?)";

const PRUNING: &str = "SELECT sequence, at_ms, chain, mac FROM event_pruning";
const NOTE_PRUNING: &str = "INSERT INTO event_pruning (id, sequence, at_ms, chain, mac) VALUES (1, ?, ?, ?, ?) \
    ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, at_ms = excluded.at_ms, chain = excluded.chain, \
    mac = excluded.mac";

/// How many rows from before the log was chained are taken in at once.
const MANY: u32 = 5_000;

/// How far the taking in of rows from before has come.
enum TakenIn {
    /// It was done before.
    AlreadyBegun,
    /// So many were taken in, up to this one, and there may be more.
    Some(u64, Tip),
    /// These were the last of them, and the first head is sealed.
    TheRest(u64, SealedHead),
}

#[async_trait]
impl EventChain for Guarded {
    async fn begin(&self, now: Timestamp) -> Result<Option<Begun>, StoreError> {
        let (mut taken, mut after) = (0, None);
        loop {
            match self.change(move |mut ledger| Box::pin(async move { ledger.take_in(after, now).await })).await? {
                TakenIn::AlreadyBegun => return Ok(None),
                TakenIn::Some(rows, tip) => (taken, after) = (taken + rows, Some(tip)),
                TakenIn::TheRest(rows, first) => return Ok(Some(Begun { taken: taken + rows, first })),
            }
        }
    }

    async fn seal(&self, now: Timestamp) -> Result<End, StoreError> {
        self.change(move |mut ledger| Box::pin(async move { ledger.seal(now).await })).await
    }

    async fn heads(&self, after: Option<u64>, limit: u32) -> Result<Vec<SealedHead>, StoreError> {
        let after = after.map_or(-1, |after| i64::try_from(after).unwrap_or(i64::MAX));
        let rows = query(HEADS).bind(after).fetch(&self.sqlite.readers);
        self.page(rows, limit, |row| head(row).ok()).await
    }

    async fn verify(&self, given: &[SealedHead]) -> Result<Verification, StoreError> {
        let key = self.warden.chain.key()?;
        // Before the file is looked at: it can only have got longer since. What is not committed yet is not in it.
        let written = *self.warden.chain.last().borrow();
        let found = async {
            let mut connection = self.sqlite.readers.acquire().await?;
            let mut snapshot = connection.begin().await?;
            walk(&mut snapshot, &key, given, written).await
        };
        // Without the deadline of other reads: the whole log is read, which takes as long as it takes.
        Ok(found.await?)
    }

    async fn prune(&self, before: Timestamp, limit: u32, now: Timestamp) -> Result<Pruned, StoreError> {
        self.change(move |mut ledger| Box::pin(async move { ledger.prune(before, limit, now).await })).await
    }
}

async fn walk(
    connection: &mut SqliteConnection,
    key: &EventKey,
    given: &[SealedHead],
    written: u64,
) -> Result<Verification, Failure> {
    let pruning = query(PRUNING).fetch_optional(&mut *connection).await?;
    let pruning = pruning.as_ref().map(head).transpose().map_err(|source| corrupt("note of removed events", source))?;
    let rows = query(HEADS).bind(-1).fetch_all(&mut *connection).await?;
    let kept = rows.iter().map(head).collect::<Result<Vec<_>, _>>().map_err(|source| corrupt("head", source))?;
    let mut walk = Walk::new(key, pruning.as_ref(), &kept, given);
    let mut rows = query(FROM).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let sequence = u64::try_from(row.try_get::<i64, _>("sequence")?).unwrap_or_default();
        let read = event_row(&row).ok();
        let chain = chain_value(&row).ok().flatten();
        walk.step(sequence, read.as_ref().zip(chain));
    }
    Ok(walk.end(written))
}

impl Ledger<'_> {
    /// Takes some rows from before the log was chained into the chain, and seals the first head behind the last of them.
    /// `after` is where the last call has left off; without it, where the chain ends, if a start was cut short.
    async fn take_in(&mut self, after: Option<Tip>, now: Timestamp) -> Result<TakenIn, Failure> {
        // Of whomever it is: the log has begun, and what is wrong with the head is found when it is looked over.
        if query(LAST_HEAD).fetch_optional(&mut *self.connection).await?.is_some() {
            return Ok(TakenIn::AlreadyBegun);
        }
        let key = self.warden.chain.key()?;
        let mut tip = match after {
            Some(tip) => tip,
            None => self.last_chained().await?,
        };
        let unchained = query(UNCHAINED).bind(number(tip.sequence)).bind(MANY);
        let rows = unchained.fetch_all(&mut *self.connection).await?;
        for row in &rows {
            let row = event_row(row).map_err(|source| corrupt("event", source))?;
            let chain = row.value(&key, &tip.chain);
            tip = Tip { sequence: u64::try_from(row.sequence).unwrap_or_default(), chain };
            query(CHAIN).bind(chain.0.to_vec()).bind(row.sequence).execute(&mut *self.connection).await?;
        }
        let taken = rows.len() as u64;
        if taken == u64::from(MANY) {
            return Ok(TakenIn::Some(taken, tip));
        }
        self.warden.chain.rewind(None);
        match self.seal(now).await? {
            End::New(first) | End::Already(first) => Ok(TakenIn::TheRest(taken, first)),
        }
    }

    async fn last_chained(&mut self) -> Result<Tip, Failure> {
        let Some(row) = query(LAST_CHAINED).fetch_optional(&mut *self.connection).await? else {
            return Ok(Tip::BEGINNING);
        };
        let chain = chain_value(&row).map_err(|source| corrupt("event", source))?.unwrap_or(ChainValue::BEGINNING);
        let sequence: i64 = row.try_get("sequence")?;
        Ok(Tip { sequence: u64::try_from(sequence).unwrap_or_default(), chain })
    }

    async fn seal(&mut self, now: Timestamp) -> Result<End, Failure> {
        let tip = self.warden.chain.tip(self.connection).await?;
        if let Some(head) = self.last_head().await?.filter(|head| head.sequence == tip.sequence) {
            return Ok(End::Already(head));
        }
        let head = self.warden.chain.key()?.seal(Sealing::Head, tip.sequence, tip.chain, now);
        self.keep(SEAL, &head).await?;
        Ok(End::New(head))
    }

    async fn prune(&mut self, before: Timestamp, limit: u32, now: Timestamp) -> Result<Pruned, Failure> {
        let key = self.warden.chain.key()?;
        let pruning = self.head(PRUNING).await?;
        let sealed = self.last_head().await?.map_or(0, |head| head.sequence);
        let mut tip = pruning.map_or(Tip::BEGINNING, Tip::from);
        if pruning.is_some_and(|pruning| !key.sealed(Sealing::Pruned, &pruning)) {
            return Ok(Pruned::Refused { sequence: tip.sequence });
        }
        let rows = query(OLDEST).bind(limit).fetch_all(&mut *self.connection).await?;
        let mut removed = 0;
        for row in &rows {
            let sequence = tip.sequence + 1;
            let Some((row, chain)) = event_row(row).ok().zip(chain_value(row).ok().flatten()) else {
                return Ok(Pruned::Refused { sequence });
            };
            let is_old = timestamp(row.at_ms).is_ok_and(|at| at < before);
            if !is_old || sequence > sealed {
                break;
            }
            if u64::try_from(row.sequence) != Ok(sequence) || row.value(&key, &tip.chain) != chain {
                return Ok(Pruned::Refused { sequence });
            }
            (tip, removed) = (Tip { sequence, chain }, removed + 1);
        }
        if removed > 0 {
            self.keep(NOTE_PRUNING, &key.seal(Sealing::Pruned, tip.sequence, tip.chain, now)).await?;
            query(REMOVE).bind(number(tip.sequence)).execute(&mut *self.connection).await?;
        }
        Ok(Pruned::Done { rows: removed, through: tip.sequence })
    }

    /// The last head that is kept. One that is not ours says nothing of where the log was.
    async fn last_head(&mut self) -> Result<Option<SealedHead>, Failure> {
        let key = self.warden.chain.key()?;
        match self.head(LAST_HEAD).await? {
            Some(head) if !key.sealed(Sealing::Head, &head) => Err(corrupt("head", MacDoesNotHold.into())),
            head => Ok(head),
        }
    }

    async fn head(&mut self, sql: &'static str) -> Result<Option<SealedHead>, Failure> {
        let row = query(sql).fetch_optional(&mut *self.connection).await?;
        row.as_ref().map(head).transpose().map_err(|source| corrupt("head", source))
    }

    async fn keep(&mut self, sql: &'static str, head: &SealedHead) -> Result<(), Failure> {
        let keep = query(sql).bind(number(head.sequence)).bind(millis(head.at));
        let keep = keep.bind(head.chain.0.to_vec()).bind(head.mac.to_vec());
        keep.execute(&mut *self.connection).await?;
        Ok(())
    }
}

fn event_row(row: &SqliteRow) -> Result<EventRow, Unreadable> {
    Ok(EventRow {
        sequence: row.try_get("sequence")?,
        at_ms: row.try_get("at_ms")?,
        kind: row.try_get("kind")?,
        user_id: row.try_get("user_id")?,
        key_id: row.try_get("key_id")?,
        session: row.try_get("session")?,
        actor: row.try_get("actor")?,
        detail: row.try_get("detail")?,
    })
}

fn head(row: &SqliteRow) -> Result<SealedHead, Unreadable> {
    Ok(SealedHead {
        sequence: u64::try_from(row.try_get::<i64, _>("sequence")?)?,
        at: timestamp(row.try_get("at_ms")?)?,
        chain: ChainValue(row.try_get::<&[u8], _>("chain")?.try_into()?),
        mac: row.try_get::<&[u8], _>("mac")?.try_into()?,
    })
}

fn number(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

fn corrupt(what: &'static str, source: Unreadable) -> Failure {
    Failure::Corrupt { what, source }
}
