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

    /// When a token that is issued at `issued` expires, in whole seconds, and not after its session, which is over at `over`;
    /// `chance` is any random number. None if no second is left.
    pub fn expiry(self, issued: Timestamp, over: Timestamp, chance: u64) -> Option<Timestamp> {
        let whole = self.0.as_secs();
        let less = chance % (whole / 20 + 1);
        let expiry = Timestamp::from_secs(issued.as_secs().saturating_add(whole - less).min(over.as_secs()));
        (expiry > issued).then_some(expiry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_a_twentieth_less_at_most_and_never_for_more() {
        let issued = Timestamp::from_millis(1_763_780_000_999);
        let of = |chance| AccessLifetime::DEFAULT.expiry(issued, Timestamp::MAX, chance).unwrap().as_millis();
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
        let expiry = AccessLifetime::MIN.expiry(issued, Timestamp::MAX, u64::MAX).unwrap();
        assert_eq!(expiry.as_secs(), 60 - u64::MAX % 4);
    }

    /// Whoever verifies it elsewhere knows of no session.
    #[test]
    fn no_token_outlives_its_session() {
        let of = |issued, over| {
            let (issued, over) = (Timestamp::from_millis(issued), Timestamp::from_millis(over));
            AccessLifetime::DEFAULT.expiry(issued, over, 0).map(Timestamp::as_millis)
        };
        assert_eq!(of(1_000, 901_999), Some(901_000));
        assert_eq!(of(1_000, 901_000), Some(901_000));
        assert_eq!(of(1_000, 900_999), Some(900_000), "rounded down");
        assert_eq!(of(1_999, 2_000), Some(2_000));
        for (issued, over) in [(2_000, 2_000), (2_000, 2_999), (2_001, 2_999), (3_000, 2_000)] {
            assert_eq!(of(issued, over), None, "{issued} {over}");
        }
    }
}
