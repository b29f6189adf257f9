use core::time::Duration;

use super::super::desk::Desk;
use super::super::limits::{Hashing, Limits, ReplayQuotas, Sizes};
use super::super::written::{Written, WrittenIdempotency, WrittenLimits, WrittenPassword, WrittenReplay};
use crate::hashing::Cost;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The longest body that may be asked for: it is spooled to disk.
pub(super) const LONGEST_BODY: u64 = 64 * GIB;

impl Desk<'_> {
    /// A span of `1..=most` units, as so many seconds.
    pub(super) fn seconds(&mut self, path: &str, written: Option<u64>, default: u64, most: u64) -> Duration {
        Duration::from_secs(self.whole(path, written, default, 1..=most))
    }
}

pub(super) fn sizes(desk: &mut Desk<'_>, written: &Written) -> Sizes {
    let sizes = Sizes {
        max_body: desk.size("max_body", written.max_body, 16 * MIB, 0..=LONGEST_BODY),
        max_signed_response: desk.size("max_signed_response", written.max_signed_response, 8 * MIB, KIB..=GIB),
        max_buffered: desk.size("max_buffered", written.max_buffered, 256 * MIB, MIB..=1_024 * GIB),
        max_spooled: desk.size("max_spooled", written.max_spooled, 4 * GIB, 0..=1_024 * GIB),
    };
    if sizes.max_signed_response > sizes.max_buffered {
        desk.contradiction(
            "max_signed_response",
            "is more than `max_buffered`, which all answers together may take; lower the one or raise the other",
        );
    }
    if sizes.max_body > sizes.max_spooled {
        desk.contradiction("max_body", MORE_THAN_SPOOLED);
    }
    sizes
}

/// How long events are kept; zero stands for ever.
pub(super) fn event_retention(desk: &mut Desk<'_>, written: &Written) -> Option<Duration> {
    let days: u64 = desk.whole("event_retention_days", written.event_retention_days, 400, 0..=36_500);
    (days > 0).then(|| Duration::from_secs(days * 86_400))
}

/// No body of that length could ever be taken in.
pub(super) const MORE_THAN_SPOOLED: &str =
    "is more than `max_spooled`, which all bodies together may take on the disk; lower the one or raise the other";

pub(super) fn replay(desk: &mut Desk<'_>, written: &WrittenReplay) -> ReplayQuotas {
    let total = desk.whole("replay.total", written.total, 1 << 22, 1..=1 << 28);
    let per_key =
        desk.whole("replay.per_key", written.per_key, 60_000.min(u32::try_from(total).unwrap_or(u32::MAX)), 1..=total);
    ReplayQuotas { per_key, total }
}

pub(super) fn kept_per_user(desk: &mut Desk<'_>, written: &WrittenIdempotency) -> u64 {
    desk.size("idempotency.max_per_user", written.max_per_user, 64 * MIB, MIB..=GIB)
}

pub(super) fn passwords(desk: &mut Desk<'_>, written: &WrittenPassword) -> Hashing {
    let (least, most) = (Cost::LEAST, Cost::MOST);
    let octets = |memory: u32| u64::from(memory) * KIB;
    let memory = octets(least.memory)..=octets(most.memory);
    let memory = desk.size("password.memory", written.memory, octets(least.memory), memory) / KIB;
    let iterations = u64::from(least.iterations)..=u64::from(most.iterations);
    Hashing {
        cost: Cost {
            memory: u32::try_from(memory).unwrap_or(most.memory),
            iterations: desk.whole("password.iterations", written.iterations, least.iterations, iterations),
            lanes: desk.whole("password.lanes", written.lanes, least.lanes, 1..=u64::from(most.lanes)),
        },
        at_once: desk.whole("password.at_once", written.at_once, 2, 1..=64),
        waiting: desk.whole("password.waiting", written.waiting, 64, 1..=4_096),
    }
}

pub(super) fn limits(desk: &mut Desk<'_>, written: &WrittenLimits) -> Limits {
    let all: u32 = desk.whole("limits.max_connections", written.max_connections, 4_096, 1..=1_000_000);
    let from_one = written.max_connections_per_address;
    Limits {
        max_connections: all,
        max_connections_per_address: desk.whole(
            "limits.max_connections_per_address",
            from_one,
            all.min(1_024),
            1..=u64::from(all),
        ),
        head: desk.seconds("limits.head_seconds", written.head_seconds, 5, 60),
        idle: desk.seconds("limits.idle_seconds", written.idle_seconds, 75, 3_600),
        body: desk.seconds("limits.body_seconds", written.body_seconds, 30, 3_600),
        min_body_rate: desk.whole("limits.min_body_rate", written.min_body_rate, KIB, 1..=GIB),
    }
}
