use core::time::Duration;

/// How long sessions last, and what may befall them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// How long a session may go unused, and how long a refresh token is good.
    pub idle: Duration,
    /// How long a session lasts, however often it is used.
    pub absolute: Duration,
    /// What becomes of one that is used from another network.
    pub on_network_change: OnNetworkChange,
}

/// What becomes of a session that is used from a network from which it was neither opened nor refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnNetworkChange {
    /// It goes on; event and log tell of it.
    Warn,
    /// It ends.
    Revoke,
}
