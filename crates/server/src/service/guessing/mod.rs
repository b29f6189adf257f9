//! How often somebody may guess a password, remembered in memory: the rules are those of
//! [`guessing`](countersign_core::guessing). A restart forgets them.

mod tallies;
#[cfg(test)]
mod tests;

use core::net::IpAddr;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::guessing::{KnownNetworks, Rule};
use countersign_core::network::{FineNetwork, WideNetwork};
use countersign_core::time::Timestamp;
use countersign_core::username::Username;

use self::tallies::Tallies;

/// So many accounts have known networks; the eighth whose owners logged in longest ago makes room.
const ACCOUNTS: usize = 1 << 16;

/// What was guessed lately.
#[derive(Clone, Debug, Default)]
pub struct Guessing {
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug)]
struct Memory {
    fine: Tallies<FineNetwork>,
    wide: Tallies<WideNetwork>,
    accounts: Tallies<Username>,
    pairs: Tallies<(Username, Place)>,
    known: HashMap<Username, KnownNetworks>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            fine: Tallies::new(Rule::FINE),
            wide: Tallies::new(Rule::WIDE),
            accounts: Tallies::new(Rule::ACCOUNT),
            pairs: Tallies::new(Rule::PAIR),
            known: HashMap::new(),
        }
    }
}

/// Where an attempt comes from, as far as it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From an address of a client.
    Client(IpAddr),
    /// From a proxy, or from this machine. Any number of clients may be behind it, so it is never made to wait itself; the
    /// accounts are.
    Shared,
}

/// A network as an account sees it: one from which its owner logged in lately stands for itself, and its failures are
/// counted apart from those of its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Known(FineNetwork),
    Other(WideNetwork),
}

/// What an attempt is counted by.
#[derive(Clone, Debug)]
struct Counted {
    /// The name that was given, whether there is such a user or not; none where it cannot be anybody's.
    name: Option<Username>,
    source: Option<(IpAddr, Place)>,
}

impl Guessing {
    /// Whether somebody may try a password for this name now. If so it counts as a failure from now on, unless the
    /// attempt says otherwise: also when whoever made it goes away before the answer.
    pub fn attempt(&self, name: Option<&Username>, source: Source, now: Timestamp) -> Result<Attempt, Duration> {
        let mut memory = self.memory();
        let counted = memory.counted(name, source, now);
        let wait = memory.wait(&counted, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        memory.begin(&counted, now);
        drop(memory);
        Ok(Attempt { guessing: self.clone(), begun: Some((counted, now)) })
    }

    /// Nothing is decided under this lock, and no tally is ever half changed, so that a panic elsewhere does no harm.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt that is under way.
#[derive(Debug)]
pub struct Attempt {
    guessing: Guessing,
    begun: Option<(Counted, Timestamp)>,
}

impl Attempt {
    /// The password was right, and its user may log in. Their failures are forgotten, and the network is known to the
    /// account from now on; the failures of the network stay, or whoever has one account could try others without end.
    pub fn succeeded(mut self) {
        if let Some((counted, now)) = self.begun.take() {
            self.guessing.memory().succeed(&counted, now);
        }
    }

    /// The password was not right, or its user may not log in.
    pub fn failed(self) {}

    /// Nobody looked whether the password was right.
    pub fn undecided(mut self) {
        if let Some((counted, now)) = self.begun.take() {
            self.guessing.memory().withdraw(&counted, now);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some((counted, now)) = self.begun.take() {
            self.guessing.memory().fail(&counted, now);
        }
    }
}

impl Memory {
    fn counted(&self, name: Option<&Username>, source: Source, now: Timestamp) -> Counted {
        let place = |address: IpAddr| {
            let fine = FineNetwork::from(address);
            let known = name.and_then(|name| self.known.get(name)).is_some_and(|known| known.contains(fine, now));
            if known { Place::Known(fine) } else { Place::Other(address.into()) }
        };
        let source = match source {
            Source::Client(address) => Some((address, place(address))),
            Source::Shared => None,
        };
        Counted { name: name.cloned(), source }
    }

    /// The longest of all waits that concern the attempt. Who comes from a network known to the account waits for nobody
    /// else's failures.
    fn wait(&self, counted: &Counted, now: Timestamp) -> Duration {
        let Counted { name, source } = counted;
        let known = matches!(source, Some((_, Place::Known(_))));
        let by_source = source
            .filter(|_| !known)
            .map(|(address, _)| self.fine.wait(&address.into(), now).max(self.wide.wait(&address.into(), now)));
        let by_account = name.as_ref().filter(|_| !known).map(|name| self.accounts.wait(name, now));
        let by_pair = counted.pair().map(|pair| self.pairs.wait(&pair, now));
        [by_source, by_account, by_pair].into_iter().flatten().max().unwrap_or_default()
    }

    fn begin(&mut self, counted: &Counted, now: Timestamp) {
        if let Some((address, _)) = counted.source {
            self.fine.of(address.into(), now).begin();
            self.wide.of(address.into(), now).begin();
        }
        if let Some(pair) = counted.pair() {
            self.pairs.of(pair, now).begin();
        }
        if let Some(name) = &counted.name {
            self.accounts.of(name.clone(), now).begin();
        }
    }

    fn fail(&mut self, counted: &Counted, now: Timestamp) {
        if let Some((address, _)) = counted.source {
            self.fine.of(address.into(), now).fail(Rule::FINE, now);
            self.wide.of(address.into(), now).fail(Rule::WIDE, now);
        }
        // Of one network's failures the account counts as many as are free to the pair.
        let counts = counted.pair().is_none_or(|pair| {
            let tally = self.pairs.of(pair, now);
            let counts = tally.failures(Rule::PAIR, now) < Rule::PAIR.free();
            tally.fail(Rule::PAIR, now);
            counts
        });
        if let Some(name) = &counted.name {
            let tally = self.accounts.of(name.clone(), now);
            if counts { tally.fail(Rule::ACCOUNT, now) } else { tally.withdraw() }
        }
    }

    fn withdraw(&mut self, counted: &Counted, now: Timestamp) {
        if let Some((address, _)) = counted.source {
            self.fine.of(address.into(), now).withdraw();
            self.wide.of(address.into(), now).withdraw();
        }
        if let Some(pair) = counted.pair() {
            self.pairs.of(pair, now).withdraw();
        }
        if let Some(name) = &counted.name {
            self.accounts.of(name.clone(), now).withdraw();
        }
    }

    fn succeed(&mut self, counted: &Counted, now: Timestamp) {
        self.withdraw(counted, now);
        if let Some(pair) = counted.pair() {
            self.pairs.of(pair, now).forgive();
        }
        let Some(name) = &counted.name else { return };
        self.accounts.of(name.clone(), now).forgive();
        if let Some((address, _)) = counted.source {
            self.know(name, address.into(), now);
        }
    }

    fn know(&mut self, name: &Username, network: FineNetwork, now: Timestamp) {
        if self.known.len() >= ACCOUNTS && !self.known.contains_key(name) {
            let mut last: Vec<_> = self.known.values().map(KnownNetworks::last).collect();
            let (_, eighth, _) = last.select_nth_unstable(ACCOUNTS / 8);
            let eighth = *eighth;
            self.known.retain(|_, known| known.last() > eighth);
        }
        self.known.entry(name.clone()).or_default().note(network, now);
    }
}

impl Counted {
    fn pair(&self) -> Option<(Username, Place)> {
        let (_, place) = self.source?;
        Some((self.name.clone()?, place))
    }
}
