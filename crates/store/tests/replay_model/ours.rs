//! The guard as it is built: nothing but calls of the code that the server runs.

use std::collections::BTreeSet;

use countersign_core::replay::{AcceptClock, AcceptMark, Judgement, Reading, burnt_until};
use countersign_core::secret::Secret32;
use countersign_core::time::{Age, Freshness, Timestamp};
use countersign_store::memory::{Burn, Limits, MemoryReplayGuard};
use countersign_store::port::Seen;

use super::world::{Answer, Rules};

/// What is durable, and the process while there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ours {
    mark: Option<AcceptMark>,
    saved_ring: Option<Vec<u8>>,
    burnt: BTreeSet<(usize, Timestamp)>,
    process: Option<Process>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Process {
    clock: AcceptClock,
    freshness: Freshness,
    /// The ring that it started from, and the mark beside it.
    resumed: Option<(Vec<u8>, AcceptMark)>,
    /// What it has accepted since: a guard is no value, so it is made anew for every step by doing the same again.
    accepted: Vec<(usize, Timestamp, Timestamp)>,
}

const KEY: &str = "the one key";

fn octets(nonce: usize) -> [u8; 8] {
    nonce.to_be_bytes()
}

impl Process {
    fn guard(&self, burnt: &BTreeSet<(usize, Timestamp)>) -> MemoryReplayGuard {
        let guard = MemoryReplayGuard::new(&Secret32::new([7; 32]), self.freshness, Limits::default());
        let guard = match &self.resumed {
            Some((ring, mark)) => guard.restore(ring, mark).expect("it was restored before"),
            None => guard,
        };
        let guard = guard.behind(self.clock.fence().clone());
        for (nonce, created) in burnt {
            guard.burn(KEY, &octets(*nonce), burnt_until(*created), 64).expect("open");
        }
        for (nonce, created, now) in &self.accepted {
            assert_eq!(guard.remember_at(KEY, &octets(*nonce), *created, *now).expect("open"), Seen::Never);
        }
        guard
    }
}

impl Rules for Ours {
    fn start(&mut self, reading: Reading, freshness: Freshness) {
        let resumed = self.saved_ring.take().zip(self.mark.clone()).filter(|(ring, mark)| {
            let guard = MemoryReplayGuard::new(&Secret32::new([7; 32]), freshness, Limits::default());
            guard.restore(ring, mark).is_ok()
        });
        let clock = AcceptClock::start(self.mark.as_ref(), resumed.is_some(), reading, freshness);
        self.process = Some(Process { clock, freshness, resumed, accepted: Vec::new() });
    }

    fn stop(&mut self) {
        let Some(process) = self.process.take() else { return };
        if let Some(mark) = process.clock.durable() {
            self.saved_ring = Some(process.guard(&self.burnt).save(mark).expect("open"));
        }
    }

    fn crash(&mut self) {
        self.process = None;
    }

    fn runs(&self) -> bool {
        self.process.is_some()
    }

    fn keep(&mut self, reading: Reading, confirmed: bool) {
        let Some(process) = &mut self.process else { return };
        process.clock.observe(reading);
        let mark = process.clock.mark_to_keep();
        if self.mark.as_ref().is_none_or(|kept| mark.supersedes(kept)) {
            self.mark = Some(mark.clone());
        }
        if confirmed {
            process.clock.kept(mark);
        }
    }

    fn reset(&mut self, wall: Timestamp) {
        self.mark = self.mark.as_ref().map(|mark| mark.reset(wall));
    }

    fn offer(&mut self, nonce: usize, created: Timestamp, reading: Reading) -> Answer {
        let Some(process) = &mut self.process else { return Answer::Refused };
        let Judgement::Now(now) = process.clock.observe(reading) else { return Answer::Refused };
        let guard = process.guard(&self.burnt);
        match process.freshness.judge(created, now) {
            Age::Stale => Answer::Refused,
            Age::Future => match guard.burn(KEY, &octets(nonce), burnt_until(created), 64).expect("open") {
                Burn::Done => {
                    self.burnt.insert((nonce, created));
                    Answer::FutureDated
                }
                Burn::Accepted | Burn::TooMany => Answer::Refused,
            },
            Age::Fresh => match guard.remember_at(KEY, &octets(nonce), created, now).expect("open") {
                Seen::Never => {
                    process.accepted.push((nonce, created, now));
                    process.accepted.sort_by_key(|(nonce, _, now)| (*now, *nonce));
                    Answer::Accepted
                }
                Seen::Before | Seen::TooManyOfThisKey | Seen::Full | Seen::Unknown => Answer::Refused,
            },
        }
    }
}
