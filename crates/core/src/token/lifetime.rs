use core::time::Duration;

use crate::time::Timestamp;

/// How long access tokens are good.
///
/// Each is good for up to a twentieth less than the whole, by chance: clients that signed in together, after a restart say,
/// do not come back for the next one in the same second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessLifetime(Duration);

impl AccessLifetime {
    /// A quarter of an hour.
    pub const DEFAULT: Self = Self(Duration::from_secs(15 * 60));
    /// The longest that any token is good. What has been taken back must be remembered for this long, and so must the public
    /// half of a key that signs no more.
    pub const MAX: Self = Self(Duration::from_secs(60 * 60));
    /// The shortest.
    pub const MIN: Self = Self(Duration::from_secs(60));

    /// This long, in whole seconds, from one minute to one hour.
    pub fn of(whole: Duration) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&whole).then(|| Self(Duration::from_secs(whole.as_secs())))
    }

    /// The longest that a token of this lifetime is good.
    pub const fn longest(self) -> Duration {
        self.0
    }

    /// When a token that is issued at `issued` expires, in whole seconds; `chance` is any random number.
    pub fn expiry(self, issued: Timestamp, chance: u64) -> Timestamp {
        let whole = self.0.as_secs();
        let less = chance % (whole / 20 + 1);
        Timestamp::from_secs(issued.as_secs().saturating_add(whole - less))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_a_twentieth_less_at_most_and_never_for_more() {
        let issued = Timestamp::from_millis(1_763_780_000_999);
        let of = |chance| AccessLifetime::DEFAULT.expiry(issued, chance).as_millis();
        assert_eq!(of(0), 1_763_780_900_000);
        assert_eq!(of(45), 1_763_780_855_000);
        assert_eq!(of(46), 1_763_780_900_000);
        assert!((0..10_000).map(of).all(|at| (1_763_780_855_000..=1_763_780_900_000).contains(&at)));
    }

    #[test]
    fn a_lifetime_is_a_minute_to_an_hour() {
        for (secs, is_one) in [(0, false), (59, false), (60, true), (3_600, true), (3_601, false)] {
            assert_eq!(AccessLifetime::of(Duration::from_secs(secs)).is_some(), is_one, "{secs}");
        }
        let issued = Timestamp::from_secs(0);
        assert_eq!(AccessLifetime::MIN.expiry(issued, u64::MAX).as_secs(), 60 - u64::MAX % 4);
    }
}
