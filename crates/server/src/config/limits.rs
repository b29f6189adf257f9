use core::time::Duration;

use crate::hashing::Cost;

/// What a listener allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all.
    pub max_connections: u32,
    /// Connections from one address; never more than in all.
    pub max_connections_per_address: u32,
    /// How long the head of a request may take.
    pub head: Duration,
    /// How long a connection may stay open between requests.
    pub idle: Duration,
    /// How long a body may take before its rate counts.
    pub body: Duration,
    /// The slowest rate of a body, in octets per second.
    pub min_body_rate: u64,
}

/// How many octets a message may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// A request's body, where no route says otherwise.
    pub max_body: u64,
    /// An answer that is buffered to be signed.
    pub max_signed_response: u64,
    /// All that is in memory at one time.
    pub max_buffered: u64,
    /// All that is in spool files at one time.
    pub max_spooled: u64,
}

/// How many nonces the replay guard holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayQuotas {
    /// Of one key.
    pub per_key: u32,
    /// In all.
    pub total: u64,
}

/// How passwords are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashing {
    /// What a hash costs.
    pub cost: Cost,
    /// How many are computed at once.
    pub at_once: usize,
    /// How many may wait for their turn.
    pub waiting: usize,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least serious level that is written.
    pub level: tracing::Level,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text to a terminal, JSON to anything else.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}
