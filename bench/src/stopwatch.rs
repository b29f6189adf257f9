//! Time as the processor sees it, so that what other programs take does not count, and as the clock on the wall sees it.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};

/// The nanoseconds of processor time that each of `count` operations takes in this thread.
pub(crate) fn nanoseconds_each(count: usize, work: impl FnOnce()) -> f64 {
    let before = read(ClockId::ThreadCPUTime);
    work();
    (read(ClockId::ThreadCPUTime) - before).as_nanos() as f64 / count as f64
}

/// The time that passes for everybody.
pub(crate) fn wall_time() -> Duration {
    read(ClockId::Monotonic)
}

/// The processor time of this process.
pub(crate) fn own_time() -> Duration {
    read(ClockId::ProcessCPUTime)
}

fn read(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

/// The processor time of other processes, in the steps of `/proc/<pid>/schedstat`: nanoseconds of every thread.
pub(crate) fn time_of_processes(pids: &[u32]) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for pid in pids {
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let own: u64 = text.split(' ').next().context("an empty schedstat")?.parse()?;
            nanoseconds += own;
        }
    }
    Ok(Duration::from_nanos(nanoseconds))
}
