//! Processor time, so that what other processes take does not count.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The nanoseconds of processor time that each of `count` operations takes in this thread.
pub(crate) fn nanoseconds_each(count: usize, work: impl FnOnce()) -> f64 {
    let before = thread_time();
    work();
    (thread_time() - before).as_nanos() as f64 / count as f64
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
