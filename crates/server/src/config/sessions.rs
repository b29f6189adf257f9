use core::time::Duration;

use countersign_core::session::Limit;

/// How sessions are opened and how long they go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// How long a refresh token is good, and how long a session goes on that nobody uses.
    pub idle: Duration,
    /// How long a session goes on at most, however often it is refreshed.
    pub longest: Duration,
    /// How many a user may have at a time.
    pub limit: Option<Limit>,
    /// How long after somebody has proved who they are they may do what is sensitive.
    pub sensitive: Duration,
    /// Whether passwords are taken that came in plain text.
    pub plain_passwords: bool,
}
