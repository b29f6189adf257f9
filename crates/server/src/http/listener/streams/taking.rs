use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::super::limits::Pace;
use super::super::patience::{Moving, Paced};

/// Which answers on a connection wait to be taken, and how patiently.
///
/// A peer that grants no window holds an answer, and the memory it stands in, without blocking the connection. So each
/// answer is watched by itself: hyper asks for the next piece when it could send the one before.
#[derive(Debug, Default)]
pub(super) struct Taking(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    next: u64,
    open: HashMap<u64, Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    paced: Paced,
    octets: u64,
    end: Option<Instant>,
}

impl Taking {
    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another answer begins; its number.
    pub(super) fn begin(&self) -> u64 {
        let mut answers = self.answers();
        let number = answers.next;
        answers.next += 1;
        answers.open.insert(number, Taken::default());
        number
    }

    /// A piece of so many octets waits to be taken. All before it has been.
    pub(super) fn offer(&self, number: u64, octets: usize, pace: &Pace, now: Instant) {
        if let Some(taken) = self.answers().open.get_mut(&number) {
            let waits = Moving { message: 0, octets: taken.octets };
            taken.end = taken.paced.observe(Some(waits), pace, now);
            taken.octets += octets as u64;
        }
    }

    /// All that was offered has been taken, and there is no more at present.
    pub(super) fn pause(&self, number: u64, pace: &Pace, now: Instant) {
        if let Some(taken) = self.answers().open.get_mut(&number) {
            taken.end = taken.paced.observe(None, pace, now);
        }
    }

    /// The answer is over.
    pub(super) fn end(&self, number: u64) {
        self.answers().open.remove(&number);
    }

    /// When the first of them will have waited too long.
    pub(super) fn earliest_end(&self) -> Option<Instant> {
        self.answers().open.values().filter_map(|taken| taken.end).min()
    }
}
