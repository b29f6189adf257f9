/// Values by names of 16 random octets, in an eighth more memory than they need.
///
/// A hash table has up to twice the room that it needs after it has grown. This is cut into parts by the first octet of the
/// name, and each part is a sorted list: to make room for one value moves a 512th of them on average.
#[derive(Clone, Debug)]
pub(super) struct Table<V> {
    parts: Box<[Vec<(Name, V)>]>,
    next_swept: u8,
}

/// 16 octets of which no two tables have reason to agree upon: random ones.
pub(super) type Name = [u8; 16];

impl<V: Copy> Table<V> {
    pub(super) fn new() -> Self {
        Self { parts: (0..=u8::MAX).map(|_| Vec::new()).collect(), next_swept: 0 }
    }

    pub(super) fn find(&self, name: &Name) -> Option<V> {
        let part = self.parts.get(usize::from(name[0]))?;
        let place = part.binary_search_by_key(name, |(known, _)| *known).ok()?;
        part.get(place).map(|(_, value)| *value)
    }

    /// Puts a value in, in the place of what was there under this name.
    pub(super) fn put(&mut self, name: Name, value: V) {
        let Some(part) = self.parts.get_mut(usize::from(name[0])) else { return };
        match part.binary_search_by_key(&name, |(known, _)| *known) {
            Ok(place) => {
                if let Some((_, former)) = part.get_mut(place) {
                    *former = value;
                }
            }
            Err(place) => {
                if part.len() == part.capacity() {
                    part.reserve_exact(part.len() / 8 + 4);
                }
                part.insert(place, (name, value));
            }
        }
    }

    /// Forgets values that are past, in one part of the table, another each time: all 256 calls every value has been looked
    /// at.
    pub(super) fn sweep(&mut self, is_past: impl Fn(V) -> bool) {
        let swept = usize::from(self.next_swept);
        self.next_swept = self.next_swept.wrapping_add(1);
        if let Some(part) = self.parts.get_mut(swept) {
            part.retain(|(_, value)| !is_past(*value));
            if part.len() < part.capacity() / 2 {
                part.shrink_to(part.len() + part.len() / 8);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    /// How much memory it takes.
    pub(super) fn octets(&self) -> usize {
        let room: usize = self.parts.iter().map(Vec::capacity).sum();
        room * size_of::<(Name, V)>() + self.parts.len() * size_of::<Vec<(Name, V)>>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use countersign_core::secret::{MacKey, Secret32};

    use super::*;

    fn name(number: u32) -> Name {
        *MacKey::new(&Secret32::new([7; 32])).mac(&[&number.to_be_bytes()]).first_chunk().unwrap()
    }

    #[test]
    fn what_was_put_in_last_under_a_name_is_found_and_nothing_else() {
        let (mut table, mut model) = (Table::new(), HashMap::new());
        for number in 0..5_000_u32 {
            let name = name(number % 3_000);
            table.put(name, number);
            model.insert(name, number);
        }
        assert_eq!(table.len(), 3_000);
        assert!(model.iter().all(|(name, value)| table.find(name) == Some(*value)));
        assert!((5_000..6_000).all(|number| table.find(&name(number)).is_none()));
    }

    #[test]
    fn a_hundred_thousand_revocations_take_less_than_40_octets_each() {
        let mut table = Table::<u32>::new();
        for number in 0..100_000 {
            table.put(name(number), number);
        }
        let each = table.octets() / table.len();
        assert!(each <= 24, "{each}");
    }

    #[test]
    fn what_is_past_is_forgotten_within_256_sweeps_and_its_memory_given_back() {
        let mut table = Table::<u32>::new();
        for number in 0..100_000 {
            table.put(name(number), number);
        }
        for _ in 0..256 {
            table.sweep(|number| number < 99_000);
        }
        assert_eq!(table.len(), 1_000);
        assert!((99_000..100_000).all(|number| table.find(&name(number)) == Some(number)));
        assert!(table.octets() < 40 * 1_000, "{}", table.octets());
    }
}
