//! How often a source may make us do what is dear.

use std::net::IpAddr;
use std::num::NonZeroU32;

use countersign_core::network::FineNetwork;
use governor::clock::DefaultClock;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// Enrolments per second of one source, in the long run.
const RATE: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// How many may come at once: a class behind one address.
const BURST: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// Limits per source.
#[derive(Debug)]
pub struct Throttle {
    enrolments: RateLimiter<FineNetwork, DefaultKeyedStateStore<FineNetwork>, DefaultClock>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { enrolments: RateLimiter::keyed(Quota::per_second(RATE).allow_burst(BURST)) }
    }
}

impl Throttle {
    /// Whether this source may try to enrol now. Asked before any curve operation and before any look-up.
    pub fn enrolment(&self, source: IpAddr) -> bool {
        self.enrolments.check_key(&source.into()).is_ok()
    }

    /// Forgets the sources that have been quiet.
    pub fn forget_quiet(&self) {
        self.enrolments.retain_recent();
    }
}
