//! What time it is at the server, learnt from its signed answers (protocol §7).

use core::time::Duration;
use std::collections::VecDeque;

use countersign_core::time::{Freshness, Timestamp};

/// How many measurements are kept; the one with the smallest round trip is believed.
const SAMPLES: usize = 8;

/// A change of this much is shown to a person: a clock that far off is wrong for more than this protocol.
const JUMP: Duration = Duration::from_secs(600);

/// From here on `created` has ten digits (protocol §4.3).
const EARLIEST: Timestamp = Timestamp::from_secs(1_000_000_000);

/// The end of the year 9999.
const LATEST: Timestamp = Timestamp::from_secs(253_402_300_799);

/// Both clocks of this machine, read at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The time of day by this machine. It may be wrong and may be set at any moment.
    pub wall: Timestamp,
    /// A clock that only runs forward, from an arbitrary start. Round trips and deadlines are measured with it.
    pub monotonic: Duration,
}

/// That the idea of the server's time was replaced, because the one before was further off than measuring explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockChange {
    /// The offset before, in milliseconds: server time minus the time of this machine.
    pub from_ms: i64,
    /// The offset now.
    pub to_ms: i64,
}

impl ClockChange {
    /// How far the clock was moved.
    pub const fn distance(self) -> Duration {
        Duration::from_millis(self.to_ms.abs_diff(self.from_ms))
    }

    /// Whether it moved by ten minutes or more, which a person should be told.
    pub fn is_jump(self) -> bool {
        self.distance() >= JUMP
    }
}

/// The clock of one server, as seen from here. No other server's answers have any influence on it.
#[derive(Debug)]
pub(crate) struct ServerClock {
    offset_ms: i64,
    samples: VecDeque<Sample>,
    longest_round_trip: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    round_trip: Duration,
    offset_ms: i64,
}

impl ServerClock {
    /// A clock that is `offset_ms` ahead of this machine's until it is measured. No measurement counts whose round
    /// trip is longer than half the window: what it is good for, half the round trip, would eat the window up.
    pub(crate) fn new(freshness: Freshness, offset_ms: i64) -> Self {
        Self { offset_ms, samples: VecDeque::with_capacity(SAMPLES), longest_round_trip: freshness.window() / 2 }
    }

    /// The server's time at this reading, as far as that can be written into a signature: a machine that woke up in
    /// 1970 is refused for its clock, and learns the time by that.
    pub(crate) fn time(&self, reading: Reading) -> Timestamp {
        let time = reading.wall.as_millis().saturating_add_signed(self.offset_ms);
        Timestamp::from_millis(time.clamp(EARLIEST.as_millis(), LATEST.as_millis()))
    }

    /// Server time minus the time of this machine, in milliseconds.
    pub(crate) const fn offset_ms(&self) -> i64 {
        self.offset_ms
    }

    /// Learns from a verified answer: the server wrote `server_time` between the two readings.
    ///
    /// Two measurements of clocks that run alike differ by no more than half of both round trips, so by no more than
    /// the longest round trip that counts. One that differs by more says that a clock was set: what was measured
    /// before is void, and the change is returned.
    pub(crate) fn measure(&mut self, sent: Reading, received: Reading, server_time: Timestamp) -> Option<ClockChange> {
        let round_trip = received.monotonic.saturating_sub(sent.monotonic);
        if round_trip > self.longest_round_trip {
            return None;
        }
        let midpoint = sent.wall.saturating_add(round_trip / 2);
        let sample = Sample { round_trip, offset_ms: difference_ms(server_time, midpoint) };
        let change = ClockChange { from_ms: self.offset_ms, to_ms: sample.offset_ms };
        let was_set = change.distance() > self.longest_round_trip;
        if was_set {
            self.samples.clear();
        } else if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        if let Some(best) = self.samples.iter().min_by_key(|sample| sample.round_trip) {
            self.offset_ms = best.offset_ms;
        }
        was_set.then_some(change)
    }
}

/// `later − earlier` in milliseconds, negative when it is the other way round.
fn difference_ms(later: Timestamp, earlier: Timestamp) -> i64 {
    let forward = later.since(earlier).as_millis();
    let backward = earlier.since(later).as_millis();
    let magnitude = i64::try_from(forward.max(backward)).unwrap_or(i64::MAX);
    if forward >= backward { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_763_780_000_000;

    fn reading(wall_ms: u64, monotonic_ms: u64) -> Reading {
        Reading { wall: Timestamp::from_millis(wall_ms), monotonic: Duration::from_millis(monotonic_ms) }
    }

    /// A measurement that took `round_trip` and found the server `ahead` of the midpoint.
    fn measure(clock: &mut ServerClock, round_trip: u64, ahead: i64) -> Option<ClockChange> {
        let server = (NOON + round_trip / 2).saturating_add_signed(ahead);
        clock.measure(reading(NOON, 0), reading(NOON + round_trip, round_trip), Timestamp::from_millis(server))
    }

    fn clock() -> ServerClock {
        ServerClock::new(Freshness::DEFAULT, 0)
    }

    #[test]
    fn the_offset_is_the_servers_time_minus_the_midpoint() {
        let mut clock = clock();
        let change = measure(&mut clock, 200, 73_000);
        assert_eq!(change, Some(ClockChange { from_ms: 0, to_ms: 73_000 }));
        assert_eq!(clock.time(reading(NOON, 0)).as_millis(), NOON + 73_000);
        assert_eq!(measure(&mut clock, 200, -73_000).map(|change| change.to_ms), Some(-73_000));
        assert_eq!(clock.time(reading(NOON, 0)).as_millis(), NOON - 73_000);
    }

    #[test]
    fn a_round_trip_of_half_the_window_counts_and_a_millisecond_more_does_not() {
        let mut clock = clock();
        assert_eq!(measure(&mut clock, 2_501, 73_000), None);
        assert_eq!(clock.offset_ms(), 0);
        assert!(measure(&mut clock, 2_500, 73_000).is_some());
        assert_eq!(clock.offset_ms(), 73_000);
    }

    #[test]
    fn the_smallest_round_trip_of_the_last_eight_is_believed() {
        let mut clock = clock();
        measure(&mut clock, 10, 40);
        for _ in 0..7 {
            assert_eq!(measure(&mut clock, 300, 100), None);
        }
        assert_eq!(clock.offset_ms(), 40, "the best of eight");
        measure(&mut clock, 300, 100);
        assert_eq!(clock.offset_ms(), 100, "the best has gone out of the eight");
    }

    #[test]
    fn a_clock_that_was_set_voids_what_was_measured_before_however_well() {
        let mut clock = clock();
        measure(&mut clock, 2, 0);
        assert_eq!(measure(&mut clock, 2_000, 2_500), None, "still explained by measuring");
        assert_eq!(clock.offset_ms(), 0);
        assert_eq!(measure(&mut clock, 2_000, 2_501), Some(ClockChange { from_ms: 0, to_ms: 2_501 }));
        assert_eq!(clock.offset_ms(), 2_501);
    }

    #[test]
    fn a_wall_clock_that_is_set_during_the_round_trip_does_not_enter_the_measurement() {
        let mut clock = clock();
        let server_time = Timestamp::from_millis(NOON + 50);
        clock.measure(reading(NOON, 0), reading(NOON + 3_600_000, 100), server_time);
        assert_eq!(clock.offset_ms(), 0);
    }

    #[test]
    fn a_jump_is_ten_minutes_or_more_in_either_direction() {
        let change = |to_ms| ClockChange { from_ms: 0, to_ms };
        assert!(change(600_000).is_jump() && change(-600_000).is_jump());
        assert!(!change(599_999).is_jump());
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let mut clock = clock();
        clock.measure(reading(0, 0), reading(0, 0), Timestamp::from_millis(u64::MAX));
        assert_eq!(clock.offset_ms(), i64::MAX);
        clock.measure(reading(u64::MAX, 0), reading(u64::MAX, 0), Timestamp::from_millis(0));
        assert_eq!(clock.offset_ms(), -i64::MAX);
        assert_eq!(clock.time(reading(5, 0)), EARLIEST);
        assert_eq!(ServerClock::new(Freshness::DEFAULT, i64::MAX).time(reading(NOON, 0)), LATEST);
    }
}
