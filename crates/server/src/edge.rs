//! Where time and chance come in: the only file of the server that reads a clock or asks for random octets.
//!
//! They are read once per request and travel as arguments from here on, so that everything behind can be tested to the
//! millisecond.

use std::time::{Duration, SystemTime};

use countersign_core::replay::Reading;
use countersign_core::time::Timestamp;

/// What both clocks of the machine show now.
pub fn now() -> Reading {
    Reading { wall: wall(), monotonic: since_boot() }
}

/// What the wall clock shows now, where nothing depends on whether it jumped. Before 1970 it reads as 1970, which no
/// request survives.
#[expect(clippy::disallowed_methods, reason = "this is the edge at which the wall clock is read")]
pub fn wall() -> Timestamp {
    Timestamp::default().saturating_add(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// `N` random octets from the operating system. When there are none the process ends: it could neither make a key nor seal
/// one, and a caller that goes on with zeros would be worse than none.
#[expect(clippy::disallowed_methods, reason = "this is the edge at which randomness is read")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    if getrandom::fill(&mut octets).is_err() {
        tracing::error!("the operating system gives no random octets; the guard cannot go on");
        std::process::abort();
    }
    octets
}

/// The monotonic clock that goes on while the machine sleeps: otherwise the wall clock seems to jump at every waking.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let read = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(read).unwrap_or_default()
}

/// The monotonic clock of the platform.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "this is the edge at which the monotonic clock is read")]
fn since_boot() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_run_and_the_wall_clock_is_a_plausible_one() {
        let (first, second) = (now(), now());
        assert!(second.monotonic >= first.monotonic);
        assert!(first.monotonic > Duration::ZERO);
        assert!(first.wall > Timestamp::from_secs(1_763_780_000));
    }

    #[test]
    fn no_two_draws_are_alike() {
        assert_ne!(random::<32>(), random::<32>());
    }
}
