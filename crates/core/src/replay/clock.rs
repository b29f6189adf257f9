use core::time::Duration;

use super::line::Line;
use super::{AcceptMark, Fence, Reading};
use crate::time::{Freshness, Timestamp};

/// The clock by which requests are accepted. It never goes back, over restarts neither, because a nonce that it has
/// passed is forgotten (invariant I2); and it runs only as far as a durable mark allows (I6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AcceptClock {
    freshness: Freshness,
    now: Timestamp,
    /// `None` until the wall clock has been believed once: a clock that is put right before that has not jumped.
    line: Option<Line>,
    /// The mark that should be durable next.
    due: AcceptMark,
    /// The mark that is durable, none as long as this run has kept none.
    durable: Option<AcceptMark>,
    fence: Fence,
}

/// How far ahead of the wall clock the mark is made. With W and the whole seconds of `created` this is what a client waits
/// for after a crash: at most W + 2 s.
const AHEAD: Duration = Duration::from_secs(1);

/// What [`AcceptClock::observe`] made of a reading. Only the first lets a request be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Judgement {
    /// It is this time.
    Now(Timestamp),
    /// The wall clock is more than W behind what has been accepted already: either is wrong.
    Behind,
    /// The wall clock ran ahead of the monotonic clock and was not followed.
    Jumped,
    /// The mark has not been kept in time: after a crash now we would forget requests accepted now.
    BeyondMark,
}

impl AcceptClock {
    /// The clock of a run that begins at `reading`, after one that kept `persisted`. `resumed` says that all nonces of
    /// that run are at hand (a saved ring that bears the persisted mark). No request is accepted before the first mark has
    /// been [`kept`](Self::kept).
    pub fn start(persisted: Option<&AcceptMark>, resumed: bool, reading: Reading, freshness: Freshness) -> Self {
        let now = persisted.map_or(reading.wall, |previous| previous.mark.max(reading.wall));
        let due = AcceptMark::of_run(persisted, resumed, now, freshness);
        let fence = due.fence(persisted);
        let mut clock = Self { freshness, now, line: None, due, durable: None, fence };
        clock.extend(reading.wall);
        clock
    }

    /// Takes a reading and says whether, and at what time, requests can be judged.
    pub fn observe(&mut self, reading: Reading) -> Judgement {
        let in_line = self.line.as_mut().is_none_or(|line| line.follow(reading));
        if reading.wall.saturating_add(self.freshness.window()) < self.now {
            return Judgement::Behind;
        }
        if !in_line && reading.wall > self.now {
            return Judgement::Jumped;
        }
        self.now = self.now.max(reading.wall);
        self.line.get_or_insert_with(|| Line::new(self.now, reading.monotonic));
        self.extend(reading.wall);
        if self.durable.as_ref().is_some_and(|durable| self.now <= durable.mark) {
            Judgement::Now(self.now)
        } else {
            Judgement::BeyondMark
        }
    }

    /// Ahead of the wall clock, not of the accept clock: else every restart of a crash loop would push the accept clock
    /// further into the future.
    fn extend(&mut self, wall: Timestamp) {
        self.due.mark = self.due.mark.max(self.now).max(wall.saturating_add(AHEAD));
    }

    /// The mark that should be made durable now.
    pub fn mark_to_keep(&self) -> AcceptMark {
        self.due.clone()
    }

    /// Says that a mark made by [`mark_to_keep`](Self::mark_to_keep) is durable.
    pub fn kept(&mut self, mark: AcceptMark) {
        if self.durable.as_ref().is_none_or(|durable| durable.mark < mark.mark) {
            self.durable = Some(mark);
        }
    }

    /// The mark that is durable, if this run has kept one. A ring that is saved bears it.
    pub fn durable(&self) -> Option<&AcceptMark> {
        self.durable.as_ref()
    }

    /// What this run cannot vouch for.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }
}
