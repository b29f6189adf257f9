use core::time::Duration;

use crate::time::Timestamp;

/// What both clocks of the machine showed at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The time of day. It may be wrong, and it may be set forward or back while we run.
    pub wall: Timestamp,
    /// Time since some moment before the start. It never goes back, and is not set by anybody.
    pub monotonic: Duration,
}
