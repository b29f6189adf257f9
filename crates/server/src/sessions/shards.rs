use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, RwLock};

use countersign_core::id::SessionRef;

use super::InDoubt;
use super::entry::Entry;

/// Sessions by their references, in parts that are locked one by one.
#[derive(Debug)]
pub(super) struct Shards(Box<[RwLock<Shard>]>);

type Shard = HashSet<Slot, BuildHasherDefault<ByItself>>;

/// Into how many parts.
pub(super) const SHARDS: usize = 64;

#[derive(Debug)]
struct Slot(Arc<Entry>);

impl Default for Shards {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect())
    }
}

impl Shards {
    pub(super) fn find(&self, reference: SessionRef) -> Result<Option<Arc<Entry>>, InDoubt> {
        let shard = self.of(reference)?.read().map_err(|_| InDoubt)?;
        Ok(shard.get(&reference).map(|slot| Arc::clone(&slot.0)))
    }

    pub(super) fn put(&self, entry: Entry) -> Result<Arc<Entry>, InDoubt> {
        let entry = Arc::new(entry);
        self.of(entry.reference())?.write().map_err(|_| InDoubt)?.replace(Slot(Arc::clone(&entry)));
        Ok(entry)
    }

    pub(super) fn remove(&self, reference: SessionRef) -> Result<(), InDoubt> {
        self.of(reference)?.write().map_err(|_| InDoubt)?.remove(&reference);
        Ok(())
    }

    /// The sessions of one part for which this is so.
    pub(super) fn which(&self, part: usize, so: impl Fn(&Entry) -> bool) -> Result<Vec<Arc<Entry>>, InDoubt> {
        let shard = self.0.get(part % SHARDS).ok_or(InDoubt)?.read().map_err(|_| InDoubt)?;
        Ok(shard.iter().filter(|slot| so(&slot.0)).map(|slot| Arc::clone(&slot.0)).collect())
    }

    pub(super) fn len(&self) -> Result<usize, InDoubt> {
        self.0.iter().map(|shard| Ok(shard.read().map_err(|_| InDoubt)?.len())).sum()
    }

    fn of(&self, reference: SessionRef) -> Result<&RwLock<Shard>, InDoubt> {
        let SessionRef([.., last]) = reference;
        self.0.get(usize::from(last) % SHARDS).ok_or(InDoubt)
    }
}

impl Borrow<SessionRef> for Slot {
    fn borrow(&self) -> &SessionRef {
        self.0.name()
    }
}

impl Hash for Slot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name().hash(state);
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Slot {}

/// Takes a reference for its own hash: it is random, and made by the guard. Whoever asks for others finds nothing, and
/// cannot put anything in.
#[derive(Clone, Copy, Debug, Default)]
struct ByItself(u64);

impl Hasher for ByItself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        if let Some(first) = octets.first_chunk() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    /// The length of an array, which says nothing.
    fn write_usize(&mut self, _: usize) {}
}
