//! What can happen to a guard, in any order: the world that the checker explores.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

use countersign_core::replay::Reading;
use countersign_core::time::{Freshness, Timestamp};
use stateright::{Model, Property};

/// The property that replays would break.
pub(crate) const AT_MOST_ONCE: &str = "no nonce is accepted twice";
/// The property that a future-dated request would break by running after its refusal.
pub(crate) const REFUSED_FOR_GOOD: &str = "a request that was refused as future-dated never runs";

/// A guard as the world sees it: a process that may die, and what is durable of it.
pub(crate) trait Rules: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// The process starts.
    fn start(&mut self, reading: Reading, freshness: Freshness);
    /// The process saves what it saves and ends.
    fn stop(&mut self);
    /// The process is gone.
    fn crash(&mut self);
    /// Whether there is a process.
    fn runs(&self) -> bool;
    /// The process keeps its mark; without `confirmed` the mark is durable and the process doesn't know.
    fn keep(&mut self, reading: Reading, confirmed: bool);
    /// An administrator sets the stopped guard to the wall clock.
    fn reset(&mut self, wall: Timestamp);
    /// A request with a good MAC arrives.
    fn offer(&mut self, nonce: usize, created: Timestamp, reading: Reading) -> Answer;
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It runs.
    Accepted,
    /// It does not run now.
    Refused,
    /// It is future-dated, and its sender is told that it will not run.
    FutureDated,
}

/// A world: which requests the attacker has recorded, and how often what can happen.
#[derive(Clone)]
pub(crate) struct World<R> {
    /// When the recorded requests were created, in seconds after the beginning.
    pub(crate) created: Vec<u64>,
    /// How many seconds can pass.
    pub(crate) seconds: u8,
    /// By how many seconds somebody can set the wall clock.
    pub(crate) steps: Vec<i64>,
    /// How often that can happen.
    pub(crate) settings: u8,
    /// How often the guard can be started again.
    pub(crate) restarts: u8,
    /// The windows, in seconds, that it can be started with.
    pub(crate) windows: Vec<u64>,
    /// How often an administrator can reset the clock.
    pub(crate) resets: u8,
    /// The guard.
    pub(crate) rules: R,
}

impl<R: Rules> World<R> {
    /// A world with a window of one second in which time stands still.
    pub(crate) fn of(rules: R) -> Self {
        Self {
            created: vec![],
            seconds: 0,
            steps: vec![],
            settings: 0,
            restarts: 0,
            windows: vec![1],
            resets: 0,
            rules,
        }
    }
}

/// Early enough that every second is a short number, late enough that no rule meets the epoch.
const BEGINNING: u64 = 1_000;

fn second(after: u64) -> Timestamp {
    Timestamp::from_secs(BEGINNING + after)
}

/// One moment of a world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Moment<R> {
    wall: Timestamp,
    passed: u8,
    settings: u8,
    starts: u8,
    resets: u8,
    rules: R,
    accepted: Vec<u8>,
    refused_for_good: Vec<bool>,
    ran_after_all: bool,
}

impl<R> Moment<R> {
    fn reading(&self) -> Reading {
        Reading { wall: self.wall, monotonic: Duration::from_secs(self.passed.into()) }
    }
}

/// What can happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A second passes on both clocks.
    Pass,
    /// The wall clock is set by so many seconds.
    Set(i64),
    /// The attacker, or the client, sends this request.
    Offer(usize),
    /// The mark is kept, and the guard knows or does not.
    Keep(bool),
    /// kill -9.
    Crash,
    /// A clean stop.
    Stop,
    /// A start with this window.
    Start(u64),
    /// `doctor --reset-clock`.
    Reset,
}

impl<R: Rules> Model for World<R> {
    type State = Moment<R>;
    type Action = Happening;

    fn init_states(&self) -> Vec<Self::State> {
        vec![Moment {
            wall: second(0),
            passed: 0,
            settings: 0,
            starts: 0,
            resets: 0,
            rules: self.rules.clone(),
            accepted: vec![0; self.created.len()],
            refused_for_good: vec![false; self.created.len()],
            ran_after_all: false,
        }]
    }

    fn actions(&self, now: &Self::State, can: &mut Vec<Happening>) {
        if now.passed < self.seconds {
            can.push(Happening::Pass);
        }
        if now.settings < self.settings {
            can.extend(self.steps.iter().copied().map(Happening::Set));
        }
        let may_start = now.starts <= self.restarts;
        if now.rules.runs() {
            can.extend((0..self.created.len()).map(Happening::Offer));
            can.extend([true, false].map(Happening::Keep));
            if may_start {
                can.extend([Happening::Crash, Happening::Stop]);
            }
        } else if may_start {
            can.extend(self.windows.iter().copied().map(Happening::Start));
            if now.resets < self.resets && now.starts > 0 {
                can.push(Happening::Reset);
            }
        }
    }

    fn next_state(&self, now: &Self::State, happening: Happening) -> Option<Self::State> {
        let mut next = now.clone();
        let reading = now.reading();
        match happening {
            Happening::Pass => {
                next.passed += 1;
                next.wall = now.wall.saturating_add(Duration::from_secs(1));
            }
            Happening::Set(step) => {
                next.settings += 1;
                next.wall = Timestamp::from_secs(now.wall.as_secs().saturating_add_signed(step));
            }
            Happening::Offer(nonce) => self.offer(&mut next, nonce),
            Happening::Keep(confirmed) => next.rules.keep(reading, confirmed),
            Happening::Crash => next.rules.crash(),
            Happening::Stop => next.rules.stop(),
            Happening::Start(window) => {
                next.starts += 1;
                next.rules.start(reading, Freshness::from_window(Duration::from_secs(window)));
            }
            Happening::Reset => {
                next.resets += 1;
                next.rules.reset(now.wall);
            }
        }
        (next != *now).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(AT_MOST_ONCE, |_, now: &Moment<R>| now.accepted.iter().all(|times| *times <= 1)),
            Property::always(REFUSED_FOR_GOOD, |_, now: &Moment<R>| !now.ran_after_all),
            Property::sometimes("every request can run", |_, now: &Moment<R>| {
                now.accepted.iter().all(|times| *times > 0)
            }),
        ]
    }
}

impl<R: Rules> World<R> {
    fn offer(&self, next: &mut Moment<R>, nonce: usize) {
        let reading = next.reading();
        match next.rules.offer(nonce, second(self.created[nonce]), reading) {
            Answer::Accepted => {
                next.accepted[nonce] += 1;
                next.ran_after_all |= next.refused_for_good[nonce];
            }
            Answer::FutureDated => next.refused_for_good[nonce] = true,
            Answer::Refused => {}
        }
    }
}
