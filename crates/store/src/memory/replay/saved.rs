//! The ring as octets: what a clean stop saves, so that the next start need not wait.
//!
//! `"countersign/1 ring\0" ‖ lp(mark) ‖ SHARDS × (u32 count ‖ count × entry[16]) ‖ check[16]`. It bears the accept mark
//! that was durable when it was saved, and fits no other: a ring that is used twice, or comes from an older stop, is
//! recognised by that. The check is made with the secret of the names, so a ring of another guard does not fit either.
//! The caller seals it nevertheless: an entry tells whether two nonces are of one key.

use countersign_core::encoding::{Reader, put_lp};
use countersign_core::replay::{AcceptMark, forgotten_at};
use countersign_core::time::Timestamp;

use super::name::SHARDS;
use super::table::Entry;
use super::{MemoryReplayGuard, closed, lock};
use crate::port::StoreError;

const MAGIC: &[u8] = b"countersign/1 ring\0";

/// A saved ring that this start cannot use: it then has to go on as after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrestorable {
    /// Not what a guard with this secret saved.
    #[error("the saved ring is damaged or of another guard")]
    Damaged,
    /// Saved beside another mark: it was used before, or is not the newest.
    #[error("the saved ring does not belong to the mark that was kept last")]
    OfAnotherMark,
    /// There is no memory for it.
    #[error("there is no memory for the saved ring")]
    NoRoom,
}

impl MemoryReplayGuard {
    /// Closes the guard and gives everything that it remembers, to be sealed and written to a file. `mark` is the durable
    /// one. From now on every request is an error: one accepted after this would not be in the ring.
    pub fn save(&self, mark: &AcceptMark) -> Result<Vec<u8>, StoreError> {
        let live = self.usage()?.nonces;
        let mut octets = Vec::with_capacity(MAGIC.len() + 512 + live * 16);
        octets.extend_from_slice(MAGIC);
        put_lp(&mut octets, &mark.to_octets());
        for shard in &self.shards {
            let mut shard = lock(shard)?.take().ok_or_else(closed)?;
            shard.forget(mark.mark, &self.rules);
            let (count, entries) = shard.entries();
            octets.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
            octets.extend(entries.flat_map(Entry::to_octets));
        }
        let check = self.names.check(&octets);
        octets.extend_from_slice(&check);
        Ok(octets)
    }

    /// Takes in what [`save`](Self::save) gave beside the same `mark`, the one that the store kept last. This guard has
    /// not been used yet; after an error it must not be.
    pub fn restore(self, saved: &[u8], mark: &AcceptMark) -> Result<Self, Unrestorable> {
        let (octets, check) = saved.split_last_chunk::<16>().ok_or(Unrestorable::Damaged)?;
        if self.names.check(octets) != *check {
            return Err(Unrestorable::Damaged);
        }
        let mut reader = Reader::new(octets);
        if reader.take(MAGIC.len()) != Some(MAGIC) {
            return Err(Unrestorable::Damaged);
        }
        let saved_with = reader.lp().and_then(AcceptMark::from_octets).ok_or(Unrestorable::Damaged)?;
        if saved_with != *mark {
            return Err(Unrestorable::OfAnotherMark);
        }
        let forgotten = forgotten_at(mark.mark, mark.freshness());
        for shard in 0..SHARDS {
            self.restore_shard(shard, &mut reader, forgotten)?;
        }
        if reader.is_done() { Ok(self) } else { Err(Unrestorable::Damaged) }
    }

    fn restore_shard(&self, shard: usize, from: &mut Reader<'_>, forgotten: Timestamp) -> Result<(), Unrestorable> {
        let shard = self.shards.get(shard).ok_or(Unrestorable::Damaged)?;
        let mut shard = lock(shard).map_err(|_| Unrestorable::Damaged)?;
        let shard = shard.as_mut().ok_or(Unrestorable::Damaged)?;
        let count = from.array::<4>().map(u32::from_be_bytes).ok_or(Unrestorable::Damaged)?;
        for _ in 0..count {
            let entry = from.array().and_then(Entry::from_octets).ok_or(Unrestorable::Damaged)?;
            shard.restore(entry, &self.rules).map_err(|_| Unrestorable::NoRoom)?;
        }
        shard.resume(forgotten.as_secs());
        Ok(())
    }
}
