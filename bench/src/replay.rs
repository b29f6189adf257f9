//! What it costs to remember a nonce, beside the one read of cold memory that no table of this size can do without.

use std::hint::black_box;

use anyhow::ensure;
use countersign_core::secret::Secret32;
use countersign_core::time::{Freshness, Timestamp};
use countersign_store::memory::{Limits, MemoryReplayGuard};
use countersign_store::port::Seen;

use crate::micro::{BATCH, octets};
use crate::report;
use crate::spread::Spread;
use crate::stopwatch::nanoseconds_each;

/// Keys that take turns.
const KEYS: usize = 1_000;

/// So many accept clocks are simulated: the first fill the guard, the others are measured.
const SECONDS: u64 = 10;

/// How many seconds a nonce is under way.
const LIFE: u64 = 6;

/// Measures with few and with many nonces under way, and prints what came out.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for (title, under_way) in
        [("24 thousand nonces", 24_000), ("240 thousand nonces", 240_000), ("4 million nonces", 4 << 20)]
    {
        let inserts = Inserts::measure(under_way)?;
        lines.push((title, inserts, cold_reads(inserts.octets)));
    }
    report::replay(&lines);
    Ok(())
}

/// What inserts came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inserts {
    /// Nanoseconds of most of them.
    pub(crate) each: Spread,
    /// The same on average, with the sweeps that give memory back.
    pub(crate) mean: f64,
    /// Octets of memory for one nonce.
    pub(crate) octets_each: f64,
    /// The same for all.
    octets: usize,
}

impl Inserts {
    fn measure(under_way: usize) -> anyhow::Result<Self> {
        let limits = Limits { per_key: u32::MAX, total: under_way * 2 };
        let guard = MemoryReplayGuard::new(&Secret32::new([5; 32]), Freshness::DEFAULT, limits);
        let keys: Vec<_> = (0..KEYS).map(|key| format!("kabcdefghijklmnopqrs{key:06}")).collect();
        let batches = under_way / usize::try_from(LIFE)? / BATCH;
        let (mut number, mut times) = (0, Vec::new());
        for second in 0..SECONDS {
            let now = Timestamp::from_secs(1_763_780_000 + second);
            for _ in 0..batches {
                let nonces: Vec<_> = (number..number + BATCH).map(octets).collect();
                number += BATCH;
                let mut first = 0;
                let time = nanoseconds_each(BATCH, || {
                    for (nonce, key) in nonces.iter().zip(keys.iter().cycle().skip(number % KEYS)) {
                        let seen = guard.remember_at(key, nonce, now, now);
                        first += usize::from(matches!(seen, Ok(Seen::Never)));
                    }
                });
                ensure!(first == BATCH, "the replay guard refused a new nonce");
                times.extend((second > LIFE).then_some(time));
            }
        }
        let usage = guard.usage()?;
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let octets_each = usage.octets as f64 / usage.nonces as f64;
        Ok(Self { each: Spread::of(times), mean, octets_each, octets: usage.octets })
    }
}

/// Nanoseconds of a read that must wait for the one before it, somewhere in so much memory.
fn cold_reads(octets: usize) -> Spread {
    const READS: usize = 1_024;
    let mut chain: Vec<[usize; 8]> = (0..octets / 64).map(|line| [line; 8]).collect();
    one_cycle(&mut chain);
    let mut at = 0;
    Spread::of((0..64).map(|_| {
        nanoseconds_each(READS, || {
            for _ in 0..READS {
                at = chain.get(at).map_or(0, |[next, ..]| *next);
            }
            black_box(at);
        })
    }))
}

/// Makes each line of memory name another one, at random, so that following the names leads through all of them: the
/// shuffle of Sattolo (1986).
fn one_cycle(chain: &mut [[usize; 8]]) {
    for at in (1..chain.len()).rev() {
        let random = u64::from_be_bytes(*octets(at).first_chunk().unwrap_or(&[0; 8]));
        chain.swap(at, (random % at as u64) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_leads_through_all_of_the_memory() {
        let mut chain: Vec<[usize; 8]> = (0..100).map(|line| [line; 8]).collect();
        one_cycle(&mut chain);
        let mut at = 0;
        for step in 1..=100 {
            at = chain[at][0];
            assert_eq!(at == 0, step == 100);
        }
    }
}
