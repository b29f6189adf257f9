use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::network::FineNetwork;

/// How many connections for envelopes are open, in all and from each network. Clients are told apart by what trusted
/// proxies vouch for, unlike at the listener, which sees one proxy for all of them.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    most_of_one: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    of: HashMap<FineNetwork, usize>,
}

/// The place of one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    network: FineNetwork,
}

impl Room {
    pub(super) fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, open: Mutex::default() }
    }

    /// A place for another connection of this client, if there is one.
    pub(super) fn admit(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let network = FineNetwork::from(client);
        let mut open = self.open();
        let of_one = open.of.get(&network).copied().unwrap_or_default();
        if open.all >= self.most || of_one >= self.most_of_one {
            return None;
        }
        open.all += 1;
        open.of.insert(network, of_one + 1);
        Some(Place { room: Arc::clone(self), network })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.room.open();
        open.all = open.all.saturating_sub(1);
        let left = open.of.remove(&self.network).unwrap_or_default().saturating_sub(1);
        if left > 0 {
            open.of.insert(self.network, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn no_network_and_not_all_together_have_more_places_than_they_may_and_each_is_given_back() {
        let room = Arc::new(Room::new(3, 2));
        let first = room.admit(client(1)).unwrap();
        let _second = room.admit(client(1)).unwrap();
        assert!(room.admit(client(1)).is_none(), "two of one network");
        let _third = room.admit(client(2)).unwrap();
        assert!(room.admit(client(3)).is_none(), "three in all");
        drop(first);
        let _again = room.admit(client(1)).unwrap();
        assert!(room.admit(client(3)).is_none());
        drop((_second, _third, _again));
        let open = room.open();
        assert_eq!((open.all, open.of.len()), (0, 0), "nothing is kept of those who are gone");
    }
}
