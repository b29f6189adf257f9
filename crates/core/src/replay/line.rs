use core::time::Duration;

use super::Reading;
use crate::time::Timestamp;

/// Where the wall clock ought to be by the monotonic one, so that a jump shows.
///
/// The line follows the wall clock, at most a tenth faster or slower than time passes: slewing corrects by up to a twelfth
/// (chrony), so nothing slower can be told from a correction. A wall clock further ahead of its line than [`STEP`] has
/// jumped. If it stays where it jumped to, the line reaches it after ten times the jump: a virtual machine that was
/// paused for five seconds is back within a minute, an hour needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Line {
    at: Timestamp,
    monotonic: Duration,
}

/// How far the wall clock may be ahead of its line.
const STEP: Duration = Duration::from_secs(2);

/// The part of the passed time by which the line gives way.
const GIVE: u32 = 10;

/// Readings closer together than this leave the line alone: in milliseconds, many short steps would round it to a halt.
const COARSE: Duration = Duration::from_millis(100);

impl Line {
    pub(super) fn new(at: Timestamp, monotonic: Duration) -> Self {
        Self { at, monotonic }
    }

    /// Follows a reading, and says whether its wall clock is where it ought to be.
    pub(super) fn follow(&mut self, reading: Reading) -> bool {
        let passed = reading.monotonic.saturating_sub(self.monotonic);
        let give = passed / GIVE;
        let latest = self.at.saturating_add(passed).saturating_add(give);
        let expected = if passed < COARSE {
            latest
        } else {
            let earliest = self.at.saturating_add(passed.saturating_sub(give));
            self.monotonic = reading.monotonic;
            self.at = reading.wall.clamp(earliest, latest);
            self.at
        };
        reading.wall <= expected.saturating_add(STEP)
    }
}
