use core::time::Duration;

use crate::time::{Freshness, Timestamp};

/// How much longer than the window a nonce is kept.
///
/// Both edges of the window are inside, so a nonce forgotten at `created + W` could be used again in that very
/// millisecond. The rest is for a request that was judged and then had to wait for the guard.
pub const GRACE: Duration = Duration::from_secs(1);

/// The widest window that can be configured.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(300);

/// The accept clock from which on a nonce may be forgotten: `created + W + 1 s` (invariant I1).
///
/// Counted from `created`, never from receipt: a request from the future edge of the window is valid for 2 W, and a nonce
/// kept for any time after its *receipt* can be forgotten while the request is still fresh.
pub const fn kept_until(created: Timestamp, freshness: Freshness) -> Timestamp {
    created.saturating_add(freshness.window()).saturating_add(GRACE)
}

/// The newest `created` that may have been forgotten when the accept clock shows `now`; [`kept_until`] turned round.
pub const fn forgotten_at(now: Timestamp, freshness: Freshness) -> Timestamp {
    now.saturating_sub(freshness.window()).saturating_sub(GRACE)
}

/// How long the nonce of a future-dated request stays burnt.
///
/// It outlives the window in force now *and* any wider one that the guard may be restarted with before that time comes.
pub const fn burnt_until(created: Timestamp) -> Timestamp {
    kept_until(created, Freshness::from_window(LONGEST_WINDOW))
}
