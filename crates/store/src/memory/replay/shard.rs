//! One shard: the nonces of the keys that fall into it, under one lock.

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_core::replay::{GRACE, forgotten_at};
use countersign_core::time::{Age, Freshness, Timestamp};

use super::counts::Counts;
use super::name::{ByKey, Name};
use super::table::{Entry, NoRoom, Table};
use super::{Burn, Limits};
use crate::port::Seen;

/// What all shards go by.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) freshness: Freshness,
    pub(super) limits: Limits,
    /// The nonces in all shards together.
    pub(super) live: AtomicUsize,
}

#[derive(Default)]
pub(super) struct Shard {
    table: Table,
    of_key: Counts,
    burnt: ByKey<Vec<Burnt>>,
    /// What was created in this second or before may have been forgotten here.
    forgotten: u64,
    /// The line up to which the table has been swept; everything in it is later.
    swept: u64,
}

#[derive(Debug)]
struct Burnt {
    bits: u128,
    keep_until: Timestamp,
}

/// Farther apart than any two entries of a table can be.
const LONG_AGO: u64 = 1_024;

impl Shard {
    /// Inserts if absent. The order matters: what was seen is told before what is full, and what may have been forgotten
    /// before either, however late the caller comes with its `now`.
    pub(super) fn remember(&mut self, name: Name, created: Timestamp, now: Timestamp, rules: &Rules) -> Seen {
        self.move_on(now, rules);
        let second = created.as_millis().div_ceil(1_000);
        if second <= self.forgotten || rules.freshness.judge(created, now) == Age::Future {
            return Seen::Unknown;
        }
        if self.is_burnt(name) || self.table.holds(name) {
            return Seen::Before;
        }
        if self.of_key.of(name.key) >= rules.limits.per_key.min(Counts::MOST) {
            return Seen::TooManyOfThisKey;
        }
        if !rules.reserve() {
            return Seen::Full;
        }
        if self.add(Entry::new(name, second)).is_err() {
            rules.release(1);
            return Seen::Full;
        }
        Seen::Never
    }

    /// Adds an entry, and counts it; neither where there is no memory for both.
    fn add(&mut self, entry: Entry) -> Result<(), NoRoom> {
        self.of_key.add(entry.key())?;
        self.table.insert(entry).inspect_err(|NoRoom| self.of_key.subtract(entry.key()))
    }

    /// Burns a nonce whose time has not come, unless the key has as many already.
    pub(super) fn burn(&mut self, name: Name, keep_until: Timestamp, limit: usize) -> Burn {
        if self.table.holds(name) {
            return Burn::Accepted;
        }
        let of_key = self.burnt.entry(name.key).or_default();
        if of_key.iter().any(|burnt| burnt.bits == name.bits) {
            return Burn::Done;
        }
        if of_key.len() >= limit {
            return Burn::TooMany;
        }
        of_key.push(Burnt { bits: name.bits, keep_until });
        Burn::Done
    }

    fn is_burnt(&self, name: Name) -> bool {
        self.burnt.get(&name.key).is_some_and(|burnt| burnt.iter().any(|burnt| burnt.bits == name.bits))
    }

    /// Follows the accept clock. The line of what is forgotten moves with every second, the sweep that frees the memory
    /// comes after a sixth of a nonce's life: more often costs time, less often memory.
    pub(super) fn move_on(&mut self, now: Timestamp, rules: &Rules) {
        self.forgotten = self.forgotten.max(forgotten_at(now, rules.freshness).as_secs());
        let life = rules.freshness.window().saturating_add(GRACE).as_secs();
        if self.table.len() == 0 {
            self.swept = self.forgotten;
        } else if self.forgotten - self.swept >= (life / 6).max(1) {
            self.sweep(rules);
        }
        if !self.burnt.is_empty() {
            self.burnt.retain(|_, of_key| {
                of_key.retain(|burnt| burnt.keep_until > now);
                !of_key.is_empty()
            });
        }
    }

    fn sweep(&mut self, rules: &Rules) {
        let Self { table, of_key, forgotten, swept, .. } = self;
        let all = *forgotten - *swept > LONG_AGO;
        let before = table.len();
        table.retain(|entry| {
            let keep = !all && !entry.is_up_to(*forgotten);
            if !keep {
                of_key.subtract(entry.key());
            }
            keep
        });
        of_key.shrink();
        *swept = *forgotten;
        rules.release(before - table.len());
    }

    /// Drops at once what may be forgotten at `now`.
    pub(super) fn forget(&mut self, now: Timestamp, rules: &Rules) {
        self.move_on(now, rules);
        self.sweep(rules);
    }

    /// How many entries there are, and the entries.
    pub(super) fn entries(&self) -> (usize, impl Iterator<Item = Entry>) {
        (self.table.len(), self.table.entries())
    }

    /// Takes back an entry. It is counted, whatever the limits are now: none is dropped for being too many.
    pub(super) fn restore(&mut self, entry: Entry, rules: &Rules) -> Result<(), NoRoom> {
        self.add(entry)?;
        rules.live.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Says how far those forgot that gave the entries.
    pub(super) fn resume(&mut self, forgotten: u64) {
        self.forgotten = forgotten;
        self.swept = forgotten;
    }

    /// The octets of the table, and the number of keys that are counted.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.table.octets(), self.of_key.keys())
    }
}

impl Rules {
    /// Takes one place of the total, if there is one.
    fn reserve(&self) -> bool {
        let one_more = |live| (live < self.limits.total).then_some(live + 1);
        self.live.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    fn release(&self, count: usize) {
        self.live.fetch_sub(count, Ordering::Relaxed);
    }
}
