//! Points in time, and how far a signature's `created` may lie from ours.

use core::fmt;
use core::time::Duration;

/// Milliseconds since the Unix epoch. Where the protocol speaks of seconds (`created`, `expires`, a ticket's
/// `not_after`) the conversion is explicit.
#[derive(Copy, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The end of time.
    pub const MAX: Self = Self(u64::MAX);

    /// A point in time from milliseconds since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// A point in time from whole seconds since the Unix epoch.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000
    }

    /// This much later; stops at the end of time instead of wrapping.
    pub const fn saturating_add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// This much earlier; stops at the epoch instead of wrapping.
    pub const fn saturating_sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

const fn millis(span: Duration) -> u64 {
    let millis = span.as_millis();
    if millis > u64::MAX as u128 { u64::MAX } else { millis as u64 }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

/// How far `created` may lie from our clock: W seconds, the same backwards and forwards.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Freshness {
    window: Duration,
}

impl Freshness {
    /// The window of the seed and the default: 5 s.
    pub const DEFAULT: Self = Self::from_window(Duration::from_secs(5));

    /// A window of this width on either side of now.
    pub const fn from_window(window: Duration) -> Self {
        Self { window }
    }

    /// W.
    pub const fn window(self) -> Duration {
        self.window
    }

    /// Where a signature made at `created` stands. Both edges are still inside.
    pub fn judge(self, created: Timestamp, now: Timestamp) -> Age {
        if created > now.saturating_add(self.window) {
            Age::Future
        } else if created < now.saturating_sub(self.window) {
            Age::Stale
        } else {
            Age::Fresh
        }
    }
}

/// What [`Freshness::judge`] found.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Age {
    /// Within the window.
    Fresh,
    /// Too old; it can never become valid.
    Stale,
    /// Ahead of our clock; it would become valid later, so it must be burnt.
    Future,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_edges_of_the_window_are_inside_and_a_millisecond_beyond_is_not() {
        let now = Timestamp::from_millis(1_763_780_000_000);
        let at = |offset: i64| Timestamp::from_millis(now.as_millis().saturating_add_signed(offset));
        let judge = |offset| Freshness::DEFAULT.judge(at(offset), now);
        assert_eq!(judge(-5_000), Age::Fresh);
        assert_eq!(judge(5_000), Age::Fresh);
        assert_eq!(judge(-5_001), Age::Stale);
        assert_eq!(judge(5_001), Age::Future);
    }

    #[test]
    fn arithmetic_at_the_ends_of_time_saturates() {
        let end = Timestamp::from_millis(u64::MAX);
        assert_eq!(end.saturating_add(Duration::MAX), end);
        assert_eq!(Timestamp::from_millis(0).saturating_sub(Duration::MAX), Timestamp::from_millis(0));
        assert_eq!(Timestamp::from_secs(u64::MAX), end);
    }
}
