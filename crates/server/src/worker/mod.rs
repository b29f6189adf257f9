//! What goes on beside the requests.

pub mod accept_mark;
#[cfg(feature = "standalone")]
pub mod certificate;
pub mod event_log;
pub mod housekeeping;
pub mod key_ends;
pub mod rekey;
pub mod sessions;
pub mod token_keys;

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

/// Ticks at once and then once in each period; one that is missed is not made up for.
fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
