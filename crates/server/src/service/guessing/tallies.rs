use core::hash::Hash;
use core::time::Duration;
use std::collections::HashMap;

use countersign_core::guessing::{Rule, Tally};
use countersign_core::time::Timestamp;

/// At most so many of one kind are remembered. All of them cost a few MiB.
const ROOM: usize = 1 << 16;

/// Tallies by one rule, in bounded memory.
///
/// When there is no room, what would be zero by now is forgotten; if that is not enough, the eighth that counts least. So
/// nobody gets rid of a tally of his own but by as many failures of others, each for every eighth of the room, as it
/// counts: many more than can be hashed while it counts.
#[derive(Debug)]
pub(super) struct Tallies<K> {
    rule: Rule,
    room: usize,
    tallies: HashMap<K, Tally>,
}

impl<K: Hash + Eq + Clone> Tallies<K> {
    pub(super) fn new(rule: Rule) -> Self {
        Self::with_room(rule, ROOM)
    }

    pub(super) fn with_room(rule: Rule, room: usize) -> Self {
        Self { rule, room, tallies: HashMap::new() }
    }

    /// How long an attempt has to wait for what is counted here.
    pub(super) fn wait(&self, key: &K, now: Timestamp) -> Duration {
        self.tallies.get(key).map_or(Duration::ZERO, |tally| tally.wait(self.rule, now))
    }

    /// The tally to count by.
    pub(super) fn of(&mut self, key: K, now: Timestamp) -> &mut Tally {
        if self.tallies.len() >= self.room && !self.tallies.contains_key(&key) {
            self.make_room(now);
        }
        self.tallies.entry(key).or_default()
    }

    fn make_room(&mut self, now: Timestamp) {
        let rule = self.rule;
        self.tallies.retain(|_, tally| !tally.is_idle(rule, now));
        let (kept, eighth) = (self.tallies.len(), (self.room / 8).max(1));
        if kept <= self.room - eighth {
            return;
        }
        let mut weights: Vec<_> =
            self.tallies.iter().map(|(key, tally)| (tally.weight(rule, now), key.clone())).collect();
        let least = (kept + eighth).saturating_sub(self.room).min(kept);
        if least > 0 && least < kept {
            weights.select_nth_unstable_by_key(least, |(weight, _)| *weight);
        }
        for (_, key) in weights.into_iter().take(least) {
            self.tallies.remove(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.tallies.len()
    }
}
