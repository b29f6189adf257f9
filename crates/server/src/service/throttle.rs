//! How often a source may make us do what is dear.

use std::net::IpAddr;
use std::num::NonZeroU32;

use countersign_core::network::FineNetwork;
use governor::clock::DefaultClock;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// Enrolments per minute of one source; as many again may come at once.
const ENROLMENTS: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// Limits per source.
#[derive(Debug)]
pub struct Throttle {
    enrolments: RateLimiter<FineNetwork, DefaultKeyedStateStore<FineNetwork>, DefaultClock>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { enrolments: RateLimiter::keyed(Quota::per_minute(ENROLMENTS)) }
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
