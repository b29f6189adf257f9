//! The requests that wait for their answer.

use core::time::Duration;
use std::collections::HashMap;

use super::clock::Reading;

/// The nonce of a request as 32 octets: what an answer is asked for by.
pub(crate) type Nonce = [u8; 32];

/// How many requests may wait at once. Beyond it signing is refused: forgetting one early would turn its answer, when
/// it comes, into a false alarm.
pub(crate) const CAPACITY: usize = 4_096;

/// What waits for its answer, by nonce. An entry can be taken once; that it was taken is remembered until its deadline.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    entries: HashMap<Nonce, Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    deadline: Duration,
    waiting: Option<(Reading, T)>,
}

/// What [`Pending::take`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    /// It was waiting: when it was sent, and what. Nobody will get it a second time.
    Waiting(Reading, T),
    /// Its answer had come before.
    Answered,
    /// Its deadline has passed, or it was never sent.
    Gone,
}

/// Too many requests are waiting for their answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl<T> Pending<T> {
    pub(crate) fn new() -> Self {
        Self { entries: HashMap::new() }
    }

    /// Lets `request` wait until `deadline` on the monotonic clock.
    pub(crate) fn insert(&mut self, nonce: Nonce, request: T, sent: Reading, deadline: Duration) -> Result<(), Full> {
        if self.entries.len() >= CAPACITY {
            self.entries.retain(|_, entry| entry.deadline >= sent.monotonic);
        }
        if self.entries.len() >= CAPACITY {
            return Err(Full);
        }
        self.entries.insert(nonce, Entry { deadline, waiting: Some((sent, request)) });
        Ok(())
    }

    /// Takes the request of this nonce out, once.
    pub(crate) fn take(&mut self, nonce: &Nonce, now: Reading) -> Taken<T> {
        let Some(entry) = self.entries.get_mut(nonce) else { return Taken::Gone };
        if now.monotonic > entry.deadline {
            self.entries.remove(nonce);
            return Taken::Gone;
        }
        match entry.waiting.take() {
            Some((sent, request)) => Taken::Waiting(sent, request),
            None => Taken::Answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::time::Timestamp;

    use super::*;

    fn at(seconds: u64) -> Reading {
        Reading { wall: Timestamp::from_secs(seconds), monotonic: Duration::from_secs(seconds) }
    }

    fn nonce(number: usize) -> Nonce {
        let mut nonce = [0; 32];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        nonce
    }

    #[test]
    fn a_request_is_taken_once_and_that_is_remembered_until_its_deadline() {
        let mut pending = Pending::new();
        pending.insert(nonce(1), "transfer", at(0), Duration::from_secs(60)).unwrap();
        assert_eq!(pending.take(&nonce(1), at(1)), Taken::Waiting(at(0), "transfer"));
        assert_eq!(pending.take(&nonce(1), at(60)), Taken::Answered);
        assert_eq!(pending.take(&nonce(1), at(61)), Taken::Gone);
        assert_eq!(pending.take(&nonce(2), at(1)), Taken::Gone);
    }

    #[test]
    fn a_request_waits_up_to_its_deadline_and_not_longer() {
        let mut pending = Pending::new();
        pending.insert(nonce(1), (), at(0), Duration::from_secs(60)).unwrap();
        pending.insert(nonce(2), (), at(0), Duration::from_secs(60)).unwrap();
        assert_eq!(pending.take(&nonce(1), at(60)), Taken::Waiting(at(0), ()));
        assert_eq!(pending.take(&nonce(2), at(61)), Taken::Gone);
    }

    #[test]
    fn a_full_table_refuses_and_forgets_only_what_is_past_its_deadline() {
        let mut pending = Pending::new();
        for number in 0..CAPACITY {
            pending.insert(nonce(number), (), at(0), Duration::from_secs(60)).unwrap();
        }
        assert_eq!(pending.insert(nonce(CAPACITY), (), at(60), Duration::from_secs(120)), Err(Full));
        assert_eq!(pending.take(&nonce(0), at(60)), Taken::Waiting(at(0), ()), "nothing was forgotten early");
        assert_eq!(pending.insert(nonce(CAPACITY), (), at(61), Duration::from_secs(121)), Ok(()));
        assert_eq!(pending.entries.len(), 1);
    }
}
