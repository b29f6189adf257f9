use core::time::Duration;

use crate::time::Timestamp;

/// A span of time; both ends are inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub to: Timestamp,
}

impl Span {
    /// Whether `moment` lies in it.
    pub fn holds(self, moment: Timestamp) -> bool {
        (self.from..=self.to).contains(&moment)
    }

    /// The span from the earlier beginning to the later end.
    pub(super) fn with(self, other: Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

/// The `created` values that the guard cannot vouch for: a request from there may have been accepted by an earlier run
/// whose nonces are lost. They are refused as warming-up, whatever the clock says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fence {
    pub(super) low_water: Timestamp,
    pub(super) ahead: Vec<Span>,
}

impl Fence {
    /// Whether a request created then is refused.
    pub fn refuses(&self, created: Timestamp) -> bool {
        created <= self.low_water || self.ahead.iter().any(|span| span.holds(created))
    }

    /// How long to wait at `now` before signing anew, in whole seconds and at least one. `created` has seconds only, so
    /// the first that passes is the whole second after the fence.
    pub fn retry_after(&self, now: Timestamp) -> Duration {
        let lifted = self.ahead.iter().fold(self.low_water.max(now), |lifted, span| {
            if span.from <= lifted.saturating_add(Duration::from_secs(1)) { lifted.max(span.to) } else { lifted }
        });
        let first = Timestamp::from_secs(lifted.as_secs().saturating_add(1));
        Duration::from_secs(first.since(now).as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX))
    }
}
