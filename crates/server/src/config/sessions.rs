use core::time::Duration;

use countersign_core::session::Limit;

/// How sessions are opened, how long they last, and what may befall them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// How long a session may go unused, and how long a refresh token is good.
    pub idle: Duration,
    /// How long a session lasts, however often it is used.
    pub absolute: Duration,
    /// How many a user may have at a time.
    pub limit: Option<Limit>,
    /// How long after somebody has proved who they are they may do what is sensitive.
    pub sensitive: Duration,
    /// Whether passwords are taken that came in plain text.
    pub plain_passwords: bool,
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
