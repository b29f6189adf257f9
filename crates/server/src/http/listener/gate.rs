use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use countersign_core::network::FineNetwork;

use super::ledger::Ledger;
use super::limits::Limits;

/// Who may connect, and who has to go when there is no room.
///
/// When full, the last to come is served first: room is made by giving up the connection that has been longest without
/// bringing a head. Whoever means it sends one within a round trip, so a flood of half-open connections only pushes out
/// its own. If all have brought one, idle connections go. A request that is being answered is never cut off for this.
#[derive(Debug)]
pub(super) struct Gate {
    connections: usize,
    per_network: usize,
    rooms: Mutex<Rooms>,
}

#[derive(Debug, Default)]
struct Rooms {
    next: u64,
    taken: HashMap<u64, Room>,
    networks: HashMap<FineNetwork, Network>,
    newcomers: Newcomers,
    looking: Looking,
}

/// Looking for idle connections means looking at all, so after a fruitless look so many newcomers are turned away
/// before the next one.
#[derive(Clone, Copy, Debug, Default)]
struct Looking {
    pause: usize,
}

#[derive(Debug)]
struct Room {
    ledger: Arc<Ledger>,
    network: Option<FineNetwork>,
}

#[derive(Debug, Default)]
struct Network {
    connections: usize,
    newcomers: Newcomers,
    looking: Looking,
}

/// Connections in the order of their coming, among them all that have brought no head.
#[derive(Debug, Default)]
struct Newcomers(VecDeque<(u64, Weak<Ledger>)>);

impl Newcomers {
    /// Gives up the connection that has been longest without a head; its number.
    fn give_up_oldest(&mut self) -> Option<u64> {
        let oldest_first = std::iter::from_fn(|| self.0.pop_front());
        let mut headless =
            oldest_first.filter(|(_, ledger)| ledger.upgrade().is_some_and(|ledger| ledger.evict_headless()));
        headless.next().map(|(number, _)| number)
    }

    /// Appends one. Those that have brought a head or are gone are swept out when there are too many of them.
    fn push(&mut self, number: u64, ledger: &Arc<Ledger>, connections: usize) {
        if self.0.len() > 2 * connections + 16 {
            self.0.retain(|(_, ledger)| ledger.upgrade().is_some_and(|ledger| ledger.is_headless()));
        }
        self.0.push_back((number, Arc::downgrade(ledger)));
    }
}

/// The right to be connected; dropping it makes room.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Arc<Gate>,
    number: u64,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.rooms().vacate(self.number);
    }
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { connections: limits.connections, per_network: limits.per_network, rooms: Mutex::default() }
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in, if there is room or some can be made. Without `network` it counts in the whole only: all
    /// clients come through a trusted proxy's address.
    pub(super) fn admit(self: &Arc<Self>, network: Option<FineNetwork>, ledger: &Arc<Ledger>) -> Option<Permit> {
        let mut rooms = self.rooms();
        let admitted = rooms.has_room_for(network, self.per_network) && rooms.has_room(self.connections);
        admitted.then(|| Permit { gate: Arc::clone(self), number: rooms.take(network, ledger) })
    }

    /// Gives up one connection that does nothing, because descriptors have run out.
    pub(super) fn shed_one(&self) {
        self.rooms().give_up_one();
    }

    /// Tells all connections to come to an end.
    pub(super) fn stop(&self) {
        self.rooms().taken.values().for_each(|room| room.ledger.stop());
    }
}

impl Rooms {
    fn has_room_for(&mut self, address: Option<FineNetwork>, most: usize) -> bool {
        let Some(network) = address.and_then(|address| self.networks.get_mut(&address)) else { return true };
        if network.connections < most {
            return true;
        }
        if let Some(number) = network.newcomers.give_up_oldest() {
            return self.vacate(number);
        }
        let (connections, mut looking) = (network.connections, network.looking);
        let found = self.give_up_idle(connections, &mut looking, |room| room.network == address);
        if let Some(network) = address.and_then(|address| self.networks.get_mut(&address)) {
            network.looking = looking;
        }
        found
    }

    fn has_room(&mut self, most: usize) -> bool {
        self.taken.len() < most || self.give_up_one()
    }

    fn give_up_one(&mut self) -> bool {
        if let Some(number) = self.newcomers.give_up_oldest() {
            return self.vacate(number);
        }
        let mut looking = self.looking;
        let found = self.give_up_idle(self.taken.len(), &mut looking, |_| true);
        self.looking = looking;
        found
    }

    /// Gives up idle connections among those that are meant, which are so many: several at a time, so as to look seldom.
    fn give_up_idle(&mut self, among: usize, looking: &mut Looking, meant: impl Fn(&Room) -> bool) -> bool {
        if let Some(left) = looking.pause.checked_sub(1) {
            looking.pause = left;
            return false;
        }
        let several = among.div_ceil(16);
        let idle = self.taken.iter().filter(|(_, room)| meant(room) && room.ledger.evict_idle()).take(several);
        let idle: Vec<u64> = idle.map(|(number, _)| *number).collect();
        for number in &idle {
            self.vacate(*number);
        }
        looking.pause = if idle.is_empty() { several } else { 0 };
        !idle.is_empty()
    }

    fn take(&mut self, network: Option<FineNetwork>, ledger: &Arc<Ledger>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.taken.insert(number, Room { ledger: Arc::clone(ledger), network });
        self.newcomers.push(number, ledger, self.taken.len());
        if let Some(network) = network {
            let network = self.networks.entry(network).or_default();
            network.connections += 1;
            network.newcomers.push(number, ledger, network.connections);
        }
        number
    }

    /// Frees the room, if the connection had not been given up already.
    fn vacate(&mut self, number: u64) -> bool {
        let Some(room) = self.taken.remove(&number) else { return false };
        if let Some(address) = room.network
            && let Some(network) = self.networks.get_mut(&address)
        {
            network.connections = network.connections.saturating_sub(1);
            if network.connections == 0 {
                self.networks.remove(&address);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
