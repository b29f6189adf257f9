use std::time::Duration;

use tokio::time::Instant;

use super::limits::{Limits, Pace};

/// What a connection waits for at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waits {
    pub(super) pause: Option<Pause>,
    /// The body that is waited for, and how much of it is there.
    pub(super) body: Option<Moving>,
    /// The answer that the peer does not take, and how much was written.
    pub(super) answer: Option<Moving>,
}

/// A wait with one bound. The number tells one wait from the next of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// For the first octet of all.
    Start,
    /// For the rest of a head.
    Head(u64),
    /// For the next request.
    Idle(u64),
    /// For the peer's end after ours.
    Linger,
}

/// Octets that arrive or leave with pauses: how many of this message so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moving {
    pub(super) message: u64,
    pub(super) octets: u64,
}

/// What follows when a wait has taken too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// The connection is closed.
    Close,
    /// The head is refused.
    Head,
    /// The body is given up.
    Body,
}

/// How long a connection has waited, and how long it still may. It reads no clock.
#[derive(Debug)]
pub(super) struct Patience {
    limits: Limits,
    pause: Option<(Pause, Instant)>,
    body: Paced,
    answer: Paced,
}

impl Patience {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, pause: None, body: Paced::default(), answer: Paced::default() }
    }

    /// Takes note of what is waited for from `now` on: when that will have taken too long, and what follows then.
    pub(super) fn observe(&mut self, waits: Waits, now: Instant) -> Option<(Instant, Expiry)> {
        let pause = self.observe_pause(waits.pause, now);
        let body = self.body.observe(waits.body, &self.limits.body, now).map(|end| (end, Expiry::Body));
        let answer = self.answer.observe(waits.answer, &self.limits.answer, now).map(|end| (end, Expiry::Close));
        [pause, body, answer].into_iter().flatten().min_by_key(|(end, _)| *end)
    }

    fn observe_pause(&mut self, pause: Option<Pause>, now: Instant) -> Option<(Instant, Expiry)> {
        let begun = match (pause, self.pause) {
            (Some(pause), Some((known, since))) if pause == known => Some((pause, since)),
            (pause, _) => pause.map(|pause| (pause, now)),
        };
        self.pause = begun;
        let (pause, since) = begun?;
        let (bound, expiry) = match pause {
            Pause::Start => (self.limits.first_byte, Expiry::Close),
            Pause::Head(_) => (self.limits.head, Expiry::Head),
            Pause::Idle(_) => (self.limits.idle, Expiry::Close),
            Pause::Linger => (self.limits.linger, Expiry::Close),
        };
        Some((since + bound, expiry))
    }
}

/// The waiting for one message, in pieces.
#[derive(Debug, Default)]
pub(super) struct Paced {
    message: u64,
    octets: u64,
    /// Time spent waiting in all, and what it was when octets last moved.
    spent: Duration,
    moved: Duration,
    since: Option<Instant>,
}

impl Paced {
    /// Takes note of what is waited for from `now` on, if anything is: when that will have taken too long.
    pub(super) fn observe(&mut self, moving: Option<Moving>, pace: &Pace, now: Instant) -> Option<Instant> {
        if let Some(since) = self.since.take() {
            self.spent += now.saturating_duration_since(since);
        }
        let Moving { message, octets } = moving?;
        if self.message != message {
            *self = Self { message, octets, ..Self::default() };
        } else if self.octets != octets {
            (self.octets, self.moved) = (octets, self.spent);
        }
        self.since = Some(now);
        let allowed = pace.earned(octets).min(self.moved + pace.stall);
        Some(now + allowed.saturating_sub(self.spent))
    }
}

#[cfg(test)]
mod tests;
