//! How many nonces each key of a shard has under way.
//!
//! Open addressing with linear probing, eight octets a key: the place of a key is found by one read of memory. Where that
//! is cold it takes longer than all else that remembering a nonce does, and a general map takes two, one after the other.

use super::name::{KEY_BITS, KeyTag};
use super::table::NoRoom;

/// Counts by key.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Zero is an empty place. There always is one.
    places: Vec<u64>,
    /// Places that are not empty. A key whose last nonce is forgotten keeps its place until the next rebuilding.
    taken: usize,
    /// Keys that have nonces.
    keys: usize,
}

/// Above it the tag, at it a bit that is always set, below it the count.
const COUNT_BITS: u32 = 64 - KEY_BITS - 1;
const TAKEN: u64 = 1 << COUNT_BITS;
const SMALLEST: usize = 8;

impl Counts {
    /// The most that can be counted for one key, 134 million.
    pub(super) const MOST: u32 = (1 << COUNT_BITS) - 1;

    /// How many keys have nonces.
    pub(super) fn keys(&self) -> usize {
        self.keys
    }

    /// How many nonces this key has.
    pub(super) fn of(&self, key: KeyTag) -> u32 {
        let (before, from) = self.places.split_at_checked(home(key, self.places.len())).unwrap_or_default();
        let mut places = from.iter().chain(before);
        places.find(|place| **place == 0 || is_of(**place, key)).map_or(0, |place| count(*place))
    }

    /// Counts one more. The caller has seen that there are fewer than [`MOST`](Self::MOST).
    pub(super) fn add(&mut self, key: KeyTag) -> Result<(), NoRoom> {
        if (self.taken + 1) * 4 > self.places.len() * 3 {
            self.rebuild()?;
        }
        let Some(place) = find(&mut self.places, key) else { return Err(NoRoom) };
        if *place == 0 {
            *place = empty(key);
            self.taken += 1;
        }
        self.keys += usize::from(count(*place) == 0);
        *place += 1;
        Ok(())
    }

    /// Counts one less.
    pub(super) fn subtract(&mut self, key: KeyTag) {
        if let Some(place) = find(&mut self.places, key).filter(|place| count(**place) > 0) {
            *place -= 1;
            self.keys -= usize::from(count(*place) == 0);
        }
    }

    /// Gives memory back when most of it lies idle.
    pub(super) fn shrink(&mut self) {
        if self.keys * 4 < self.places.len() && self.places.len() > SMALLEST {
            // Where there is no memory for a smaller table, the larger one serves.
            let _ = self.rebuild();
        }
    }

    /// Drops what lies idle, and makes room for as many keys again.
    fn rebuild(&mut self) -> Result<(), NoRoom> {
        let capacity = (self.keys * 2).max(SMALLEST);
        let mut places = Vec::new();
        places.try_reserve_exact(capacity).map_err(|_| NoRoom)?;
        places.resize(capacity, 0);
        for place in self.places.iter().filter(|place| count(**place) > 0) {
            if let Some(free) = find(&mut places, key(*place)) {
                *free = *place;
            }
        }
        (self.places, self.taken) = (places, self.keys);
        Ok(())
    }
}

const fn empty(key: KeyTag) -> u64 {
    key.0 << (COUNT_BITS + 1) | TAKEN
}

const fn key(place: u64) -> KeyTag {
    KeyTag(place >> (COUNT_BITS + 1))
}

const fn count(place: u64) -> u32 {
    (place & (TAKEN - 1)) as u32
}

const fn is_of(place: u64, key: KeyTag) -> bool {
    place & !(TAKEN - 1) == empty(key)
}

/// Where the search for a key begins: the tag is a keyed hash already, and is scaled to the table.
fn home(key: KeyTag, capacity: usize) -> usize {
    ((u128::from(key.0) * capacity as u128) >> KEY_BITS) as usize
}

/// The place of a key, or the empty one where it belongs.
fn find(places: &mut [u64], key: KeyTag) -> Option<&mut u64> {
    let (before, from) = places.split_at_mut_checked(home(key, places.len())).unwrap_or_default();
    from.iter_mut().chain(before).find(|place| **place == 0 || is_of(**place, key))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Keys that collide, the one whose tag is zero among them.
    fn tag(number: u64) -> KeyTag {
        KeyTag((number % 4) << (KEY_BITS - 2) | number)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_was_added_and_not_subtracted_is_counted(steps in prop::collection::vec((0_u8..5, 0_u64..40), 0..300)) {
            let mut counts = Counts::default();
            let mut expected: HashMap<u64, u32> = HashMap::new();
            for (step, number) in steps {
                let own = expected.entry(number).or_default();
                match step {
                    0..3 => {
                        counts.add(tag(number)).unwrap();
                        *own += 1;
                    }
                    3 => {
                        counts.subtract(tag(number));
                        *own = own.saturating_sub(1);
                    }
                    _ => counts.shrink(),
                }
                for number in 0..40 {
                    prop_assert_eq!(counts.of(tag(number)), expected.get(&number).copied().unwrap_or_default());
                }
                prop_assert_eq!(counts.keys(), expected.values().filter(|own| **own > 0).count());
            }
        }
    }

    #[test]
    fn keys_that_come_and_go_leave_no_memory_behind() {
        let mut counts = Counts::default();
        for number in 0..100_000 {
            counts.add(tag(number)).unwrap();
            counts.subtract(tag(number));
        }
        assert_eq!((counts.keys(), counts.places.len()), (0, SMALLEST));
    }
}
