//! How a command ends. The codes are a contract: scripts tell a refusal from interference by them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what it was asked to; of a call: a verified answer 2xx or 3xx.
    Done = 0,
    /// It could not be done as it was asked for; nothing was sent.
    Usage = 1,
    /// There was no answer, or one that nobody signed: from the server or from the network, not proven.
    Network = 2,
    /// Somebody stands between.
    Interference = 3,
    /// The server itself said no, verifiably.
    Refused = 22,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
