//! The one place where the server reads clocks and randomness. From here they travel as arguments.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_core::replay::Reading;
use countersign_core::time::Timestamp;

/// What both clocks of the machine show now. A clock before 1970 shows the epoch: the guard then refuses everything.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn now() -> Reading {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Reading { wall: Timestamp::default().saturating_add(wall), monotonic: since_boot() }
}

/// Time since the machine started, time asleep included: a laptop that wakes up has not had its clock set forward.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let rustix::time::Timespec { tv_sec, tv_nsec } = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(tv_sec).unwrap_or(0), u32::try_from(tv_nsec).unwrap_or(0))
}

/// Time since this was first asked.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
fn since_boot() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// Octets from the system's generator. Without it nothing can be kept secret, so a system that has none ends the process.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    if let Err(error) = getrandom::fill(&mut octets) {
        tracing::error!(%error, "the system gives no random octets");
        std::process::abort();
    }
    octets
}
