//! Following the feed: what is asked for next, what an answer is worth, and since when it is known.

use core::time::Duration;

use countersign_core::time::Timestamp;
use countersign_core::token::AccessClaims;

use super::page::Page;
use super::taken_back::{Revocation, TakenBack};
use crate::conversation::Reading;

/// What is known of the feed.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    taken_back: TakenBack,
    cursor: u64,
    /// Grows whenever the feed is read from its start again, so that an answer from before says nothing about how far we are.
    round: u32,
    /// Whether entries may be missing because they were forgotten before we began.
    is_following: bool,
    /// The epoch in which this round began.
    round_epoch: Option<u32>,
    /// When the last poll was sent that was answered at all, and the guard's clock in that answer.
    heard: Option<Heard>,
    /// When the last poll was sent after whose answer nothing was left to read.
    complete: Option<Reading>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    sent: Reading,
    server_time: Timestamp,
}

/// A question that was asked of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    after: u64,
    round: u32,
    sent: Reading,
}

impl Poll {
    /// The sequence number after which entries are asked for.
    pub const fn after(&self) -> u64 {
        self.after
    }

    /// When it was sent.
    pub const fn sent(&self) -> Reading {
        self.sent
    }
}

/// Where we are after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything that had been taken back when the poll was sent is known.
    Complete,
    /// There is more to read.
    More,
    /// Something does not follow from what we know: everything is read from the start again. Nothing is forgotten for that.
    FromTheStart,
    /// It answers a question from before that. What it says was learnt, and that is all.
    Late,
}

impl Feed {
    pub(super) fn new() -> Self {
        let taken_back = TakenBack::new();
        Self { taken_back, cursor: 0, round: 0, is_following: false, round_epoch: None, heard: None, complete: None }
    }

    /// What to ask next. `now` is read before anything is sent.
    pub(super) const fn poll(&self, now: Reading) -> Poll {
        Poll { after: self.cursor, round: self.round, sent: now }
    }

    /// Takes in an answer that is proven to be the guard's own to this poll.
    pub(super) fn receive(&mut self, poll: &Poll, page: &Page, server_time: Timestamp) -> Progress {
        // Whatever an answer is worth otherwise: what it says was taken back is.
        page.entries.iter().for_each(|entry| self.taken_back.learn(entry, poll.sent.monotonic));
        self.taken_back.learn_epoch(page.epoch);
        // By the guard's own time, which is signed, entries are kept for as long as it would itself. It may be set ahead for a
        // while, though, so that as much time has to have passed here.
        self.taken_back.sweep(server_time, poll.sent.monotonic);
        if self.heard.is_none_or(|heard| heard.sent.monotonic <= poll.sent.monotonic) {
            self.heard = Some(Heard { sent: poll.sent, server_time });
        }
        if (poll.round, poll.after) != (self.round, self.cursor) {
            return Progress::Late;
        }
        if !self.follows(page) {
            self.round = self.round.wrapping_add(1);
            (self.cursor, self.is_following, self.round_epoch) = (0, false, None);
            return Progress::FromTheStart;
        }
        self.round_epoch = Some(page.epoch);
        self.cursor = page.next;
        if page.more {
            return Progress::More;
        }
        self.is_following = true;
        if self.complete.is_none_or(|complete| complete.monotonic < poll.sent.monotonic) {
            self.complete = Some(poll.sent);
        }
        Progress::Complete
    }

    /// Whether a page goes on where we are.
    ///
    /// A log that is shorter than it was, or of another epoch, may have been put back from a backup: the numbers after our
    /// cursor may stand for other entries than those before it, and below it may be some that we have not seen.
    fn follows(&self, page: &Page) -> bool {
        let is_same_log = self.round_epoch.is_none_or(|epoch| epoch == page.epoch) && page.head >= self.cursor;
        let is_whole = !self.is_following || {
            let expected = (self.cursor + 1)..;
            let without_gaps = page.entries.iter().zip(expected).all(|(entry, number)| entry.sequence == number);
            without_gaps && page.next == page.entries.last().map_or(self.cursor, |last| last.sequence)
        };
        is_same_log && is_whole && page.next >= self.cursor
    }

    pub(super) const fn was_read_to_its_end(&self) -> bool {
        self.complete.is_some()
    }

    /// How long ago what we know was all that there was to know; `None` before that was ever so.
    pub(super) fn age(&self, now: Reading) -> Option<Duration> {
        self.complete.map(|complete| since(complete, now))
    }

    /// The time at the guard, rather too late than too early: the guard wrote its time after the poll was sent. `None` before
    /// it was ever heard of.
    pub(super) fn server_time(&self, now: Reading) -> Option<Timestamp> {
        let Heard { sent, server_time } = self.heard?;
        Some(server_time.saturating_add(since(sent, now)))
    }

    /// Whether a token that says this was taken back, as far as is known.
    pub(super) fn judge(&self, claims: &AccessClaims) -> Option<Revocation> {
        self.taken_back.judge(claims)
    }

    /// The sequence number up to which everything was read.
    pub(super) const fn cursor(&self) -> u64 {
        self.cursor
    }

    pub(super) const fn learnt(&self) -> u64 {
        self.taken_back.learnt()
    }

    pub(super) fn usage(&self) -> (usize, usize) {
        (self.taken_back.len(), self.taken_back.octets())
    }
}

/// How long ago it was, by whichever clock says more: the one that only runs forward stands still while a machine sleeps,
/// and the time of day may be set back.
fn since(then: Reading, now: Reading) -> Duration {
    now.monotonic.saturating_sub(then.monotonic).max(now.wall.since(then.wall))
}
