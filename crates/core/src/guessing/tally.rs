use core::time::Duration;

use crate::time::Timestamp;

const HOUR: Duration = Duration::from_secs(3_600);

/// How long a row of failures counts when no further one comes.
const MEMORY: Duration = Duration::from_secs(30 * 24 * 3_600);

/// How many failures are free, and how long the next attempt waits after more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// So many failures cost nothing.
    free: u32,
    /// Whether those of the last hour count, or all since the last success.
    span: Span,
    /// The wait after the last free failure. It doubles with each further one.
    first: Duration,
    /// The wait never gets longer than that.
    longest: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    Hour,
    UntilSuccess,
}

impl Rule {
    /// For an IPv4 address or an IPv6 /64.
    pub const FINE: Self = Self { free: 20, span: Span::Hour, first: Duration::from_secs(1), longest: HOUR };

    /// For an IPv4 /24 or an IPv6 /48.
    pub const WIDE: Self = Self { free: 100, ..Self::FINE };

    /// For an account, wherever the failures come from.
    pub const ACCOUNT: Self = Self {
        free: 100,
        span: Span::UntilSuccess,
        first: Duration::from_secs(30),
        longest: Duration::from_secs(15 * 60),
    };

    /// For an account and a network.
    pub const PAIR: Self = Self { free: 50, ..Self::ACCOUNT };

    /// How many failures cost nothing.
    pub const fn free(self) -> u32 {
        self.free
    }

    /// The wait after so many failures.
    fn wait(self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(self.free) else { return Duration::ZERO };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// Failures, and attempts that are still under way.
///
/// An attempt counts from its beginning: otherwise a thousand could begin before the first of them has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Which hour since the epoch `current` counts.
    hour: u64,
    /// Failures in that hour, or since the last success.
    current: u32,
    /// Failures in the hour before.
    previous: u32,
    /// Attempts whose end is not known yet.
    under_way: u32,
    /// When the next attempt may begin.
    not_before: Timestamp,
    /// When the last failure was.
    last: Timestamp,
}

impl Tally {
    /// How long an attempt has to wait; nothing if it may begin now. Beyond the free failures one attempt is under way at
    /// a time.
    pub fn wait(&self, rule: Rule, now: Timestamp) -> Duration {
        let failures = self.failures(rule, now);
        let wait = if failures >= rule.free { self.not_before.since(now).min(rule.longest) } else { Duration::ZERO };
        let crowded = self.under_way > 0 && failures.saturating_add(self.under_way) >= rule.free;
        if crowded { wait.max(rule.first) } else { wait }
    }

    /// An attempt begins.
    pub const fn begin(&mut self) {
        self.under_way = self.under_way.saturating_add(1);
    }

    /// An attempt ends, and was no failure.
    pub const fn withdraw(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// An attempt ends as a failure.
    pub fn fail(&mut self, rule: Rule, now: Timestamp) {
        self.withdraw();
        self.turn(rule, now);
        self.current = self.current.saturating_add(1);
        self.last = self.last.max(now);
        let wait = rule.wait(self.failures(rule, now));
        if !wait.is_zero() {
            self.not_before = now.saturating_add(wait);
        }
    }

    /// The owner succeeded: nothing before counts. Other attempts that are under way still do.
    pub const fn forgive(&mut self) {
        *self = Self { under_way: self.under_way, ..Self::EMPTY };
    }

    /// How many failures count at this time.
    pub fn failures(&self, rule: Rule, now: Timestamp) -> u32 {
        match rule.span {
            Span::UntilSuccess if now > self.last.saturating_add(MEMORY) => 0,
            Span::UntilSuccess => self.current,
            Span::Hour => self.of_the_last_hour(now),
        }
    }

    /// Whether forgetting this would change nothing.
    pub fn is_idle(&self, rule: Rule, now: Timestamp) -> bool {
        self.under_way == 0 && self.failures(rule, now) == 0
    }

    /// What has to be forgotten for want of room is forgotten in this order, the least first: what counts least, and of
    /// that what is oldest.
    pub fn weight(&self, rule: Rule, now: Timestamp) -> (u32, Timestamp) {
        (self.failures(rule, now).saturating_add(self.under_way), self.last)
    }

    const EMPTY: Self = Self {
        hour: 0,
        current: 0,
        previous: 0,
        under_way: 0,
        not_before: Timestamp::from_millis(0),
        last: Timestamp::from_millis(0),
    };

    /// Those of this hour, and of those of the hour before the part that is not yet an hour ago, as if they had come
    /// evenly. A clock that was set back changes nothing.
    fn of_the_last_hour(&self, now: Timestamp) -> u32 {
        let hour = hour_of(now).max(self.hour);
        let millis = u64::try_from(HOUR.as_millis()).unwrap_or(u64::MAX);
        let left = if hour == hour_of(now) { millis - now.as_millis() % millis } else { millis };
        let share = |failures: u32| u32::try_from((u64::from(failures) * left).div_ceil(millis)).unwrap_or(u32::MAX);
        match hour - self.hour {
            0 => self.current.saturating_add(share(self.previous)),
            1 => share(self.current),
            _ => 0,
        }
    }

    /// Goes on to the hour of `now`.
    fn turn(&mut self, rule: Rule, now: Timestamp) {
        match rule.span {
            Span::UntilSuccess => self.current = self.failures(rule, now),
            Span::Hour => match hour_of(now).saturating_sub(self.hour) {
                0 => {}
                1 => (self.hour, self.previous, self.current) = (hour_of(now), self.current, 0),
                _ => (self.hour, self.previous, self.current) = (hour_of(now), 0, 0),
            },
        }
    }
}

/// Which hour since the epoch.
fn hour_of(now: Timestamp) -> u64 {
    now.as_millis() / u64::try_from(HOUR.as_millis()).unwrap_or(u64::MAX)
}
