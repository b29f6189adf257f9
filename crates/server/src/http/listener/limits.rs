use std::time::Duration;

/// What a listener grants its peers. Every figure has an answer: 408, 503, or the end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections in all. When full, room is made by closing those that have sent no head, then idle ones.
    pub connections: usize,
    /// Open connections per IPv4 address or IPv6 /64. Trusted proxies are exempt: all clients come through them.
    pub per_network: usize,
    /// From the connection to the first octet; then the connection is closed.
    pub first_byte: Duration,
    /// From the first octet of a head to its end; then 408.
    pub head: Duration,
    /// From the end of an answer to the first octet of the next head; then the connection is closed.
    pub idle: Duration,
    /// How quickly a body has to come while it is waited for; else [`BodyViolation::TooSlow`](super::BodyViolation).
    pub body: Pace,
    /// How quickly an answer has to be taken while it waits; then the connection is closed.
    pub answer: Pace,
    /// How long, after the last answer on a connection, what the peer still sends is read and thrown away: closing with
    /// unread octets resets the connection, and the peer might lose the answer (RFC 9112 §9.6).
    pub linger: Duration,
    /// How long requests in flight may take after the stop.
    pub stop: Duration,
}

/// A minimum rate: each second of waiting has to be earned. Only time in which one side waits for the other counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The time that is granted in advance.
    pub grace: Duration,
    /// So many octets earn another second.
    pub octets_per_second: u32,
    /// The longest wait without any progress, however much was earned before.
    pub stall: Duration,
}

impl Pace {
    /// How long one may have waited in all after so many octets.
    pub(super) fn earned(&self, octets: u64) -> Duration {
        let rate = u64::from(self.octets_per_second.max(1));
        self.grace.saturating_add(Duration::from_millis(octets.saturating_mul(1_000) / rate))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            per_network: 1_024,
            first_byte: Duration::from_secs(5),
            head: Duration::from_secs(5),
            idle: Duration::from_secs(75),
            body: Pace { grace: Duration::from_secs(5), octets_per_second: 1_024, stall: Duration::from_secs(30) },
            answer: Pace { grace: Duration::from_secs(30), octets_per_second: 1_024, stall: Duration::from_secs(30) },
            linger: Duration::from_secs(2),
            stop: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// The same with no more connections than half of the file descriptors that the process may open: the other half is
    /// for connections to the API behind, the store and all else.
    #[must_use]
    pub(super) fn within_descriptors(mut self, descriptors: Option<u64>) -> Self {
        if let Some(descriptors) = descriptors {
            let half = usize::try_from(descriptors / 2).unwrap_or(usize::MAX);
            self.connections = self.connections.min(half.max(1));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_use_up_the_descriptors() {
        let connections = |descriptors| Limits::default().within_descriptors(descriptors).connections;
        assert_eq!(connections(Some(512)), 256);
        assert_eq!(connections(Some(1)), 1);
        assert_eq!(connections(Some(u64::MAX)), 4_096);
        assert_eq!(connections(None), 4_096);
    }

    #[test]
    fn waiting_is_earned_by_octets() {
        let pace = Pace { grace: Duration::from_secs(5), octets_per_second: 1_024, stall: Duration::from_secs(30) };
        assert_eq!(pace.earned(0), Duration::from_secs(5));
        assert_eq!(pace.earned(512), Duration::from_millis(5_500));
        assert_eq!(pace.earned(10_240), Duration::from_secs(15));
        assert!(pace.earned(u64::MAX) >= Duration::from_secs(5));
        assert!(Pace { octets_per_second: 0, ..pace }.earned(1) <= Duration::from_secs(6));
    }
}
