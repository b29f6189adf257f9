//! Guessing passwords: how many wrong ones somebody may try, and how long they wait for the next.
//!
//! Nobody is ever locked out: whoever is over a limit waits, longer each time, and never longer than the rule's longest
//! wait. What is counted is a [`Tally`] each; what is counted together is told by a [`Rule`] each:
//!
//! | rule | counts the failures | free | then wait |
//! |---|---|---|---|
//! | [`Rule::FINE`] | from an IPv4 address or IPv6 /64, on any account | 20 in an hour | 1 s, doubling, to 1 h |
//! | [`Rule::WIDE`] | from an IPv4 /24 or IPv6 /48, on any account | 100 in an hour | 1 s, doubling, to 1 h |
//! | [`Rule::PAIR`] | on an account from one network, since it last succeeded there | 50 | 30 s, doubling, to 15 min |
//! | [`Rule::ACCOUNT`] | on an account, since its owner last succeeded | 100 | 30 s, doubling, to 15 min |
//!
//! One network adds no more than the 50 of its pair to an account, so that nobody closes an account to its owner from one
//! network alone. The hundred are those of NIST SP 800-63B §5.2.2.

mod tally;

pub use tally::{Rule, Tally};

use core::time::Duration;

use crate::network::FineNetwork;
use crate::time::Timestamp;

/// How long a network stays known to an account after its owner logged in from there.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How many networks are known to an account; the one that was used longest ago makes room.
const KNOWN: usize = 4;

/// From where the owner of an account logged in lately. Failures of others do not make the owner wait there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownNetworks([Option<(FineNetwork, Timestamp)>; KNOWN]);

impl KnownNetworks {
    /// Whether the owner logged in from there lately.
    pub fn contains(&self, network: FineNetwork, now: Timestamp) -> bool {
        self.lately(now).any(|known| known == network)
    }

    /// Notes that the owner logged in from there now.
    pub fn note(&mut self, network: FineNetwork, now: Timestamp) {
        let same = self.0.iter().position(|known| known.is_some_and(|(known, _)| known == network));
        let oldest =
            || self.0.iter().enumerate().min_by_key(|(_, known)| known.map(|(_, at)| at)).map(|(place, _)| place);
        if let Some(place) = same.or_else(oldest).and_then(|place| self.0.get_mut(place)) {
            *place = Some((network, now));
        }
    }

    /// When the owner logged in last; `None` for one who never has.
    pub fn last(&self) -> Option<Timestamp> {
        self.0.iter().flatten().map(|(_, at)| *at).max()
    }

    fn lately(&self, now: Timestamp) -> impl Iterator<Item = FineNetwork> {
        self.0.iter().flatten().filter(move |(_, at)| now <= at.saturating_add(KNOWN_FOR)).map(|(network, _)| *network)
    }
}

#[cfg(test)]
mod tests;
