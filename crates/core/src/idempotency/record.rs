//! What is kept of a request under its key, and what the next request under that key meets.

use core::time::Duration;

use super::fingerprint::{Fingerprint, OutcomeId};
use crate::secret::Sealed;
use crate::time::Timestamp;

/// How long an outcome is kept, from when the request began (protocol §7).
pub const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// What a record counts for in its user's quota beside its answer: about what it takes on the disk.
const RECORD: u64 = 512;

/// One run of a guard, from its start to its end: what was started by another run is under way no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunId(pub [u8; 16]);

/// One try to have a request carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The run that makes it.
    pub run: RunId,
    /// Its number in this run; no two have the same.
    pub number: u64,
}

/// A request that asks to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Under which key.
    pub id: OutcomeId,
    /// What it asks for.
    pub fingerprint: Fingerprint,
    /// When, by the accept clock.
    pub at: Timestamp,
    /// The attempt that it would be.
    pub attempt: Attempt,
}

/// What is kept under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was asked for.
    pub fingerprint: Fingerprint,
    /// When it began.
    pub began: Timestamp,
    /// How far it has come.
    pub state: State,
}

/// How far a request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It was handed on, and nothing is known of its outcome.
    Started {
        /// In this attempt.
        attempt: Attempt,
    },
    /// It was answered; a [`KeptAnswer`](super::KeptAnswer), sealed.
    Answered(Sealed),
    /// It is over, and whether it was carried out, or how it was answered, will never be known.
    Unknown,
}

/// What became of a request that was handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered; a [`KeptAnswer`](super::KeptAnswer), sealed.
    Answered(Sealed),
    /// Nobody knows, or nobody can say it again.
    Unknown,
    /// It was certainly not carried out, so the next request under its key may be.
    NotCarriedOut,
}

/// What a request meets under its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: it is the first, and may be carried out.
    First,
    /// The first one is under way.
    InFlight,
    /// The answer to the first one, sealed.
    Answered(Sealed),
    /// Another request has this key.
    Different,
    /// The first one is over and its outcome is not known; it must not run again.
    OutcomeUnknown,
    /// Nothing, but the user has as much kept as may be.
    TooMuch,
}

impl Record {
    /// The record of a request that begins.
    pub const fn started(start: &Start) -> Self {
        let Start { id: _, fingerprint, at, attempt } = start;
        Self { fingerprint: *fingerprint, began: *at, state: State::Started { attempt: *attempt } }
    }

    /// What it counts for in its user's quota, in octets.
    pub fn octets(&self) -> u64 {
        match &self.state {
            State::Answered(sealed) => RECORD.saturating_add(sealed.octets.len() as u64),
            State::Started { .. } | State::Unknown => RECORD,
        }
    }

    /// Whether it is to be forgotten at `at`: its time is over, and it is not under way in this run. At
    /// [`RETENTION`] to the millisecond it is still kept.
    pub fn is_past(&self, at: Timestamp, run: RunId) -> bool {
        !self.is_under_way(run) && self.began.saturating_add(RETENTION) < at
    }

    /// Whether this run has started it and not told its outcome.
    pub fn is_under_way(&self, in_run: RunId) -> bool {
        match self.state {
            State::Started { attempt } => attempt.run == in_run,
            State::Answered(_) | State::Unknown => false,
        }
    }

    fn meets(&self, start: &Start) -> Begun {
        if self.fingerprint != start.fingerprint {
            return Begun::Different;
        }
        match &self.state {
            State::Started { attempt } if attempt.run == start.attempt.run => Begun::InFlight,
            State::Started { attempt: _ } | State::Unknown => Begun::OutcomeUnknown,
            State::Answered(sealed) => Begun::Answered(sealed.clone()),
        }
    }
}

/// What a request meets that wants to begin. `record` is what is kept under its key and not [past](Record::is_past),
/// `used` what all records of its user count for, and `quota` what they may count for before nothing more begins. Only
/// after [`Begun::First`] is there something to keep: [`Record::started`].
pub fn begin(record: Option<&Record>, start: &Start, used: u64, quota: u64) -> Begun {
    match record {
        Some(record) => record.meets(start),
        None if used >= quota => Begun::TooMuch,
        None => Begun::First,
    }
}

/// What the status of an answer says about the request behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    /// This is the outcome; the same request would be answered so again.
    Final,
    /// It was refused unseen, and may be sent again.
    Refused,
    /// Something failed on the way, before the request was carried out or after.
    Failed,
}

impl Finality {
    /// By the status of the API's answer. A failure is not kept, or it would last as long as the record; neither does
    /// it show that nothing was done.
    pub const fn of(status: u16) -> Self {
        match status {
            429 => Self::Refused,
            200..=499 => Self::Final,
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

    const DAY: u64 = 24 * 60 * 60 * 1_000;
    const RUN: RunId = RunId([1; 16]);

    fn start(fingerprint: u8, at: u64) -> Start {
        let id = OutcomeId { user: UserId::from_random([1; 16]), name: [1; 32] };
        let attempt = Attempt { run: RUN, number: 7 };
        Start { id, fingerprint: Fingerprint([fingerprint; 32]), at: Timestamp::from_millis(at), attempt }
    }

    fn started_in(run: RunId) -> State {
        State::Started { attempt: Attempt { run, number: 1 } }
    }

    fn record(state: State) -> Record {
        Record { state, ..Record::started(&start(1, 0)) }
    }

    fn sealed(length: usize) -> Sealed {
        Sealed { version: 1, octets: vec![7; length] }
    }

    #[test]
    fn a_request_meets_what_became_of_the_first_under_its_key() {
        for (state, met) in [
            (started_in(RUN), Begun::InFlight),
            (started_in(RunId([2; 16])), Begun::OutcomeUnknown),
            (State::Unknown, Begun::OutcomeUnknown),
            (State::Answered(sealed(9)), Begun::Answered(sealed(9))),
        ] {
            let record = record(state);
            assert_eq!(begin(Some(&record), &start(1, DAY), u64::MAX, 0), met, "the quota is for new ones only");
            assert_eq!(begin(Some(&record), &start(2, DAY), 0, u64::MAX), Begun::Different);
        }
        assert_eq!(begin(None, &start(1, 0), 0, 1), Begun::First);
    }

    #[test]
    fn nothing_begins_once_the_quota_is_used() {
        assert_eq!(begin(None, &start(1, 0), 999, 1_000), Begun::First);
        assert_eq!(begin(None, &start(1, 0), 1_000, 1_000), Begun::TooMuch);
    }

    #[test]
    fn a_record_is_past_a_millisecond_after_a_day_unless_it_is_under_way() {
        let at = Timestamp::from_millis;
        for state in [State::Unknown, State::Answered(sealed(1)), started_in(RunId([2; 16]))] {
            let record = record(state);
            assert!(!record.is_past(at(DAY), RUN));
            assert!(record.is_past(at(DAY + 1), RUN), "{record:?}");
        }
        assert!(!record(started_in(RUN)).is_past(at(u64::MAX), RUN));
    }

    #[test]
    fn a_record_counts_for_its_answer_and_its_place() {
        assert_eq!(record(State::Unknown).octets(), 512);
        assert_eq!(record(State::Answered(sealed(1_000))).octets(), 1_512);
    }

    #[test]
    fn failures_are_neither_kept_nor_taken_for_a_refusal() {
        for status in [200, 201, 204, 303, 400, 404, 409, 422, 499] {
            assert_eq!(Finality::of(status), Finality::Final, "{status}");
        }
        for status in [0, 100, 101, 199, 500, 502, 503, 504, 599, 600, u16::MAX] {
            assert_eq!(Finality::of(status), Finality::Failed, "{status}");
        }
        assert_eq!(Finality::of(429), Finality::Refused);
    }
}
