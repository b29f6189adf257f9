//! The nonces of one shard: open addressing with linear probing, sixteen octets a slot and nothing beside it.
//!
//! | load of the table | octets per nonce |
//! |---|---|
//! | 3/4, when it grows | 21 |
//! | 15/28, after it has grown by 7/5 | 30 |
//! | 2/5, when it shrinks at a sweep | 40 |
//!
//! So a table that fills stays below 32 octets per nonce, and between 30 and 40 only while traffic falls. While it grows,
//! old and new table exist at once, of one shard in 64.

use super::name::{KEY_BITS, KeyTag, Name};

/// A remembered nonce: the bits of its name, a bit that is always set, and the second in which it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry(u128);

const SECOND_BITS: u32 = 12;
const TAKEN: u128 = 1 << SECOND_BITS;
const NAME_SHIFT: u32 = SECOND_BITS + 1;

/// Seconds are told apart within this distance, half of what their bits can hold.
const HORIZON: u64 = 1 << (SECOND_BITS - 1);

impl Entry {
    pub(super) fn new(name: Name, second: u64) -> Self {
        Self(name.bits << NAME_SHIFT | TAKEN | u128::from(second % (2 * HORIZON)))
    }

    pub(super) fn key(self) -> KeyTag {
        KeyTag((self.0 >> NAME_SHIFT) as u64 & ((1 << KEY_BITS) - 1))
    }

    /// Whether it was created at or before the second `line`, which is less than [`HORIZON`] away.
    pub(super) fn is_up_to(self, line: u64) -> bool {
        let second = (self.0 & (TAKEN - 1)) as u64;
        (line.wrapping_sub(second)) % (2 * HORIZON) < HORIZON
    }

    pub(super) fn to_octets(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// `None` for octets that no entry has.
    pub(super) fn from_octets(octets: [u8; 16]) -> Option<Self> {
        let bits = u128::from_be_bytes(octets);
        (bits & TAKEN != 0).then_some(Self(bits))
    }
}

/// A set of entries, by name.
#[derive(Default)]
pub(super) struct Table {
    /// Zero is an empty slot. There always is one.
    slots: Vec<u128>,
    used: usize,
}

/// The table cannot grow: there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

const SMALLEST: usize = 8;

impl Table {
    pub(super) fn len(&self) -> usize {
        self.used
    }

    pub(super) fn octets(&self) -> usize {
        self.slots.capacity() * size_of::<u128>()
    }

    pub(super) fn holds(&self, name: Name) -> bool {
        let bits = name.bits << NAME_SHIFT;
        let (before, from) = self.slots.split_at_checked(home(bits, self.slots.len())).unwrap_or_default();
        for slot in from.iter().chain(before) {
            if *slot == 0 {
                return false;
            }
            if *slot >> NAME_SHIFT == name.bits {
                return true;
            }
        }
        false
    }

    /// Adds an entry whose name the table does not hold.
    pub(super) fn insert(&mut self, entry: Entry) -> Result<(), NoRoom> {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.resize(self.slots.len() * 7 / 5 + 1)?;
        }
        place(&mut self.slots, entry.0);
        self.used += 1;
        Ok(())
    }

    /// Drops what `keep` does not keep, in place and in one pass.
    ///
    /// The pass begins at an empty slot, so each entry is taken up after all that stand between its home and itself. As long
    /// as nothing has been dropped since the last empty slot it stays; after that it is put back as near to its home as the
    /// dropped ones allow.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(Entry) -> bool) {
        let Some(gap) = self.slots.iter().position(|slot| *slot == 0) else { return };
        let mut has_dropped = false;
        for at in (gap..self.slots.len()).chain(0..gap) {
            let Some(slot) = self.slots.get_mut(at) else { return };
            let bits = *slot;
            if bits == 0 {
                has_dropped = false;
            } else if !keep(Entry(bits)) {
                *slot = 0;
                self.used -= 1;
                has_dropped = true;
            } else if has_dropped {
                *slot = 0;
                place(&mut self.slots, bits);
            }
        }
        if self.used * 5 < self.slots.len() * 2 {
            // Where there is no memory for a smaller table, the larger one serves.
            let _ = self.resize(self.used * 5 / 3);
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.slots.iter().copied().filter(|slot| *slot != 0).map(Entry)
    }

    /// Homes keep the order of the bits, so both tables are walked from end to end: no cache is missed for it.
    fn resize(&mut self, capacity: usize) -> Result<(), NoRoom> {
        let mut slots = Vec::new();
        let capacity = capacity.max(SMALLEST);
        slots.try_reserve_exact(capacity).map_err(|_| NoRoom)?;
        slots.resize(capacity, 0);
        for entry in self.entries() {
            place(&mut slots, entry.0);
        }
        self.slots = slots;
        Ok(())
    }
}

/// Where the search for these bits begins: the topmost 64 scaled to the table, which may so have any size.
fn home(bits: u128, capacity: usize) -> usize {
    (((bits >> 64) * capacity as u128) >> 64) as usize
}

fn place(slots: &mut [u128], bits: u128) {
    let (before, from) = slots.split_at_mut_checked(home(bits, slots.len())).unwrap_or_default();
    if let Some(slot) = from.iter_mut().chain(before).find(|slot| **slot == 0) {
        *slot = bits;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::btree_map::Entry;

    use proptest::prelude::*;

    use super::{KeyTag, NAME_SHIFT, Name, SMALLEST, Table};

    /// A name whose home is one of few, so that they collide.
    fn name(number: u8) -> Name {
        let bits = u128::from(number % 4) << 113 | u128::from(number);
        Name { shard: 0, key: KeyTag(u64::from(number)), bits }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_table_is_a_set_whatever_is_added_and_dropped(
            steps in prop::collection::vec((any::<bool>(), 0_u8..64, 0_u64..5_000), 0..200),
        ) {
            let mut table = Table::default();
            let mut set = BTreeMap::new();
            let mut line = 0;
            for (sweep, number, second) in steps {
                if sweep && second % 8 == 0 {
                    line = line.max(second % 300);
                    table.retain(|entry| !entry.is_up_to(line));
                    set.retain(|_, second| *second > line);
                } else if let Entry::Vacant(vacant) = set.entry(number) {
                    let second = line + 1 + second % 600;
                    table.insert(super::Entry::new(name(number), second)).unwrap();
                    vacant.insert(second);
                }
                prop_assert_eq!(table.len(), set.len());
                for number in 0..64 {
                    prop_assert_eq!(table.holds(name(number)), set.contains_key(&number));
                }
            }
        }
    }

    #[test]
    fn seconds_are_told_apart_over_every_wrap_of_their_bits() {
        for line in [0, 2_047, 2_048, 4_095, 4_096, 1_763_780_000] {
            for ahead in [1, 602, 1_700] {
                assert!(!super::Entry::new(name(1), line + ahead).is_up_to(line), "{line} + {ahead}");
            }
            for behind in [0, 1, 1_024, 1_700] {
                if let Some(second) = u64::checked_sub(line, behind) {
                    assert!(super::Entry::new(name(1), second).is_up_to(line), "{line} - {behind}");
                }
            }
        }
    }

    #[test]
    fn a_filling_table_takes_no_more_than_32_octets_per_nonce_from_the_beginning_of_a_shard_on() {
        let mut table = Table::default();
        let (mut total, mut count) = (0.0, 0.0);
        for number in 1..20_000_u128 {
            let bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) >> NAME_SHIFT;
            table.insert(super::Entry::new(Name { shard: 0, key: KeyTag(0), bits }, 1)).unwrap();
            let each = table.octets() as f64 / table.len() as f64;
            assert!(number < 50 || each <= 32.0, "{number}: {each}");
            total += each;
            count += 1.0;
        }
        assert!(total / count < 26.0, "{}", total / count);
        let full = table.octets();
        table.retain(|entry| entry.to_octets()[0] < 64);
        assert!(table.octets() < full / 2, "memory is given back");
        table.retain(|_| false);
        assert!(table.octets() <= SMALLEST * 16);
    }
}
