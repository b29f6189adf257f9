//! Holders by the name of their key.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use super::Holder;

/// A hash table that is made for one thing: that a look-up waits for cold memory twice, once for the place and once for the
/// holder. A map of the standard library waits three times, for it looks into a directory of its places first.
///
/// The hash is keyed at random, as there: whoever makes up names cannot aim at a place. Nothing is ever taken out, because
/// a revoked key stays as a tombstone.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// At most half of them are taken.
    places: Vec<Option<Place>>,
    taken: usize,
    hashing: RandomState,
}

#[derive(Debug)]
struct Place {
    /// Of the name, so that a place of another key is passed by without a look at its holder.
    hash: u64,
    holder: Arc<Holder>,
}

const SMALLEST: usize = 8;

impl Holders {
    /// The holder of this key.
    pub(super) fn find(&self, keyid: &str) -> Option<&Arc<Holder>> {
        let hash = self.hashing.hash_one(keyid);
        let (before, from) = self.places.split_at_checked(home(hash, self.places.len()))?;
        let place = from.iter().chain(before).find(|place| place.as_ref().is_none_or(|place| place.is_of(hash, keyid)));
        place?.as_ref().map(|place| &place.holder)
    }

    /// Adds a holder, or puts it where the one of the same key was.
    pub(super) fn put(&mut self, holder: Arc<Holder>) {
        if self.taken * 2 >= self.places.len() {
            self.grow();
        }
        let hash = self.hashing.hash_one(holder.record.id.as_str());
        self.taken += usize::from(replace(&mut self.places, Place { hash, holder }).is_none());
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Holder>> {
        self.places.iter().flatten().map(|place| &place.holder)
    }

    /// All of them, to be exchanged for others of the same key.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Arc<Holder>> {
        self.places.iter_mut().flatten().map(|place| &mut place.holder)
    }

    fn grow(&mut self) {
        let capacity = (self.places.len() * 2).max(SMALLEST);
        let mut places = Vec::new();
        places.resize_with(capacity, || None);
        for place in self.places.drain(..).flatten() {
            replace(&mut places, place);
        }
        self.places = places;
    }
}

impl Place {
    fn is_of(&self, hash: u64, keyid: &str) -> bool {
        self.hash == hash && self.holder.record.id.as_str() == keyid
    }
}

/// Where the search for a hash begins: it is scaled to the table.
fn home(hash: u64, capacity: usize) -> usize {
    ((u128::from(hash) * capacity as u128) >> 64) as usize
}

/// Puts this into its place; gives what was there of the same key.
fn replace(places: &mut [Option<Place>], new: Place) -> Option<Place> {
    let (before, from) = places.split_at_mut_checked(home(new.hash, places.len()))?;
    let keyid = new.holder.record.id.as_str();
    let is_its = |place: &Option<Place>| place.as_ref().is_none_or(|place| place.is_of(new.hash, keyid));
    from.iter_mut().chain(before).find(|place| is_its(place)).and_then(|place| place.replace(new))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, Role, User, UserState};
    use countersign_core::id::{KeyId, UserId};
    use countersign_core::permission::Permissions;
    use countersign_core::secret::{KeyEncryptionKey, Secret32};
    use countersign_core::time::Timestamp;

    use super::*;

    fn key(number: u32) -> KeyId {
        KeyId::from_random([number.to_be_bytes(); 4].concat().try_into().unwrap())
    }

    fn holder(number: u32, username: &str) -> Arc<Holder> {
        let user = User {
            id: UserId::from_random([7; 16]),
            username: username.parse().unwrap(),
            role: Role::Service,
            state: UserState::Enabled,
            permissions: Permissions::default(),
            has_password: false,
            generation: 0,
            created: Timestamp::default(),
        };
        let kek = KeyEncryptionKey::new(1, Secret32::new([7; 32]));
        let record = KeyRecord {
            id: key(number),
            user: user.id,
            device: String::new(),
            root: kek.seal("", "", &[7; 32], [7; 12]).unwrap(),
            origin: KeyOrigin::GroupCard,
            state: KeyState::Active,
            created: Timestamp::default(),
        };
        Arc::new(Holder::new(&user, record))
    }

    #[test]
    fn every_key_is_found_that_was_put_in_and_no_other() {
        let mut holders = Holders::default();
        assert!(holders.find(key(0).as_str()).is_none());
        for number in 0..1_000 {
            holders.put(holder(number, "alice"));
            assert!(holders.find(key(number + 1).as_str()).is_none(), "{number}");
        }
        for number in 0..1_000 {
            assert_eq!(holders.find(key(number).as_str()).unwrap().record.id, key(number));
        }
        let all: HashSet<_> = holders.iter().map(|holder| holder.record.id.clone()).collect();
        assert_eq!(all.len(), 1_000);
        assert_eq!(holders.iter_mut().count(), 1_000);
        assert!(holders.taken * 2 <= holders.places.len());
    }

    #[test]
    fn a_key_that_is_put_in_again_is_there_once_and_as_it_was_put_in_last() {
        let mut holders = Holders::default();
        for username in ["alice", "bob"].into_iter().cycle().take(1_001) {
            holders.put(holder(1, username));
        }
        assert_eq!(holders.find(key(1).as_str()).unwrap().principal.username.as_str(), "alice");
        assert_eq!((holders.iter().count(), holders.taken, holders.places.len()), (1, 1, SMALLEST));
    }
}
