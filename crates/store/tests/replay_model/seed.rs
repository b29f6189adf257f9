//! The rules of the seed, with a switch for each flaw.
//!
//! "Server rejects messages received outside the UNIX timestamp range (5 seconds). Sent nonces are kept on the server for
//! 10 seconds and then discarded." W is 5 s there and one second here; 10 s are 2 W.

use std::collections::BTreeMap;

use countersign_core::replay::{Reading, kept_until};
use countersign_core::time::{Age, Freshness, Timestamp};

use super::world::{Answer, Rules};

/// The flaws. Where one is switched off the right thing is done, as if by magic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flaws {
    /// A nonce is kept for 2 W from its receipt, not until its request can no longer be fresh.
    pub(crate) counts_from_receipt: bool,
    /// A future-dated request is refused and may be sent again when its time has come.
    pub(crate) forgets_the_future: bool,
    /// The nonces are in memory only.
    pub(crate) forgets_at_restart: bool,
    /// The clock is the wall clock, wherever it goes.
    pub(crate) follows_the_clock_back: bool,
}

impl Flaws {
    /// The seed as it is written.
    pub(crate) const ALL: Self = Self {
        counts_from_receipt: true,
        forgets_the_future: true,
        forgets_at_restart: true,
        follows_the_clock_back: true,
    };
}

/// A server by the rules of the seed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seed {
    flaws: Flaws,
    now: Timestamp,
    /// Until when each nonce is kept.
    nonces: BTreeMap<usize, Timestamp>,
    window: Option<Freshness>,
}

impl Seed {
    pub(crate) fn with(flaws: Flaws) -> Self {
        Self { flaws, ..Self::default() }
    }
}

impl Rules for Seed {
    fn start(&mut self, _: Reading, freshness: Freshness) {
        self.window = Some(freshness);
    }

    fn stop(&mut self) {
        self.crash();
    }

    fn crash(&mut self) {
        self.window = None;
        if self.flaws.forgets_at_restart {
            self.nonces.clear();
        }
    }

    fn runs(&self) -> bool {
        self.window.is_some()
    }

    fn keep(&mut self, _: Reading, _: bool) {}

    fn reset(&mut self, _: Timestamp) {}

    fn offer(&mut self, nonce: usize, created: Timestamp, reading: Reading) -> Answer {
        let Some(freshness) = self.window else { return Answer::Refused };
        let last = if self.flaws.follows_the_clock_back { Timestamp::default() } else { self.now };
        self.now = last.max(reading.wall);
        let now = self.now;
        self.nonces.retain(|_, until| *until > now);
        let until = if self.flaws.counts_from_receipt {
            now.saturating_add(freshness.window() * 2)
        } else {
            kept_until(created, freshness)
        };
        match freshness.judge(created, now) {
            Age::Stale => Answer::Refused,
            Age::Future => {
                if !self.flaws.forgets_the_future {
                    self.nonces.insert(nonce, until);
                }
                Answer::FutureDated
            }
            Age::Fresh if self.nonces.contains_key(&nonce) => Answer::Refused,
            Age::Fresh => {
                self.nonces.insert(nonce, until);
                Answer::Accepted
            }
        }
    }
}
