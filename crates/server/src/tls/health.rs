use core::time::Duration;

use countersign_core::time::Timestamp;

use super::certificate::Certificate;

const DAY: Duration = Duration::from_secs(86_400);

/// How long before its end a certificate should have been renewed: two weeks, or a third of the life of one that lives less
/// than six.
const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);

/// Where a certificate is in its life. Days are whole ones, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is valid, for so many days.
    Good {
        /// Days.
        days: u64,
    },
    /// It is valid, and should have been renewed.
    Ending {
        /// Days that are left.
        days: u64,
    },
    /// Its time is over.
    Ended {
        /// Days since then.
        days: u64,
    },
    /// Its time has not begun.
    Early,
    /// Nothing can be made out.
    Unknown,
}

impl Health {
    /// That of this certificate at `now`.
    pub fn of(certificate: Certificate<'_>, now: Timestamp) -> Self {
        match (certificate.begins(), certificate.expires()) {
            (Some(begins), Some(expires)) => Self::between(begins, expires, now),
            _ => Self::Unknown,
        }
    }

    fn between(begins: Timestamp, expires: Timestamp, now: Timestamp) -> Self {
        let days = |from: Timestamp, to: Timestamp| to.as_secs().saturating_sub(from.as_secs()) / DAY.as_secs();
        let third = Duration::from_secs(expires.as_secs().saturating_sub(begins.as_secs()) / 3);
        if now < begins {
            Self::Early
        } else if now > expires {
            Self::Ended { days: days(expires, now) }
        } else if now.saturating_add(TWO_WEEKS.min(third)) > expires {
            Self::Ending { days: days(now, expires) }
        } else {
            Self::Good { days: days(now, expires) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: u64) -> Timestamp {
        Timestamp::from_secs(1_763_780_000 + days * 86_400)
    }

    #[test]
    fn a_certificate_is_to_be_renewed_two_weeks_before_its_end_or_after_two_thirds_of_a_short_life() {
        let ninety = |now| Health::between(at(0), at(90), now);
        assert_eq!(ninety(at(76)), Health::Good { days: 14 });
        assert_eq!(ninety(at(76).saturating_add(Duration::from_millis(1))), Health::Ending { days: 14 });
        assert_eq!(ninety(at(90)), Health::Ending { days: 0 });
        assert_eq!(ninety(at(90).saturating_add(Duration::from_millis(1))), Health::Ended { days: 0 });
        let six = |now| Health::between(at(0), at(6), now);
        assert_eq!((six(at(4)), six(at(5))), (Health::Good { days: 2 }, Health::Ending { days: 1 }));
        assert_eq!(Health::between(at(1), at(6), at(0)), Health::Early);
    }
}
