//! How often a source may make us do what is dear.

use std::net::IpAddr;
use std::num::NonZeroU32;

use countersign_core::id::TicketId;
use countersign_core::network::FineNetwork;
use governor::clock::DefaultClock;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// Enrolments per second of one source, in the long run.
const RATE: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// How many may come at once: a class behind one address.
const BURST: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// Attempts at one recovery card or code in a minute, whoever makes them.
const RECOVERIES: NonZeroU32 = NonZeroU32::new(6).unwrap();

/// How many of them may come at once: somebody whose answers get lost tries again.
const RECOVERY_BURST: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// How many times in a minute a source may give a wrong secret of a verifier.
const WRONG_SECRETS: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// How many times in a minute a source may bring a refresh token that is none of ours.
const UNKNOWN_TOKENS: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// Limits per source, and per recovery card.
#[derive(Debug)]
pub struct Throttle {
    enrolments: RateLimiter<FineNetwork, DefaultKeyedStateStore<FineNetwork>, DefaultClock>,
    recoveries: RateLimiter<TicketId, DefaultKeyedStateStore<TicketId>, DefaultClock>,
    wrong_secrets: RateLimiter<FineNetwork, DefaultKeyedStateStore<FineNetwork>, DefaultClock>,
    unknown_tokens: RateLimiter<FineNetwork, DefaultKeyedStateStore<FineNetwork>, DefaultClock>,
}

impl Default for Throttle {
    fn default() -> Self {
        let enrolments = RateLimiter::keyed(Quota::per_second(RATE).allow_burst(BURST));
        let recoveries = RateLimiter::keyed(Quota::per_minute(RECOVERIES).allow_burst(RECOVERY_BURST));
        let wrong_secrets = RateLimiter::keyed(Quota::per_minute(WRONG_SECRETS));
        let unknown_tokens = RateLimiter::keyed(Quota::per_minute(UNKNOWN_TOKENS));
        Self { enrolments, recoveries, wrong_secrets, unknown_tokens }
    }
}

impl Throttle {
    /// Whether this source may try to enrol now. Asked before any curve operation and before any look-up.
    pub fn enrolment(&self, source: IpAddr) -> bool {
        self.enrolments.check_key(&source.into()).is_ok()
    }

    /// Whether this recovery card or code may be tried now. Asked before it is looked up, so that the answer is the same
    /// whether there is one of this id or not.
    pub fn recovery(&self, ticket: TicketId) -> bool {
        self.recoveries.check_key(&ticket).is_ok()
    }

    /// Notes that this source gave a wrong secret of a verifier; whether it may do so once more. It is asked after the secret
    /// was compared: nobody guesses one, and a verifier must not lose its voice to another program behind the same address.
    pub fn wrong_secret(&self, source: IpAddr) -> bool {
        self.wrong_secrets.check_key(&source.into()).is_ok()
    }

    /// Notes that this source brought a refresh token that is none of ours; whether it may do so once more. It is asked after
    /// the token was looked up, for a good one is always taken: clients behind one address must not log each other out.
    pub fn unknown_token(&self, source: IpAddr) -> bool {
        self.unknown_tokens.check_key(&source.into()).is_ok()
    }

    /// Forgets the sources that have been quiet.
    pub fn forget_quiet(&self) {
        self.enrolments.retain_recent();
        self.recoveries.retain_recent();
        self.wrong_secrets.retain_recent();
        self.unknown_tokens.retain_recent();
    }
}
