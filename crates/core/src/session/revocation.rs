//! The log of what was taken back. It outranks what stands in rows and tokens.

use core::time::Duration;

use crate::id::{SessionRef, UserId};
use crate::time::Timestamp;
use crate::token::AccessLifetime;

/// How long a revocation is kept.
///
/// It must outlive every access token that it could hit, or a late token would find no trace of it and be judged by its
/// signature alone. The hour more is for clocks that disagree.
pub const KEEP_REVOCATIONS: Duration = AccessLifetime::MAX.longest().saturating_add(Duration::from_secs(60 * 60));

/// How long a session that signs is kept after it is over.
///
/// What a client signs with it is answered under its key as long as that is there. Afterwards nobody can sign the answer, and
/// the client has to take it for interference: a laptop that was closed over a weekend should hear that it was logged out.
pub const KEEP_SIGNING: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// An entry in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Grows by one for each entry, from one, and never comes twice.
    pub sequence: u64,
    /// The epoch in which it was made; for [`Revoked::Everybody`], the one that it began.
    pub epoch: u32,
    /// When it was made.
    pub at: Timestamp,
    /// What was taken back.
    pub what: Revoked,
}

impl Revocation {
    /// When the last token that it could hit has expired for certain.
    pub const fn keep_until(&self) -> Timestamp {
        self.at.saturating_add(KEEP_REVOCATIONS)
    }
}

/// What was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// A session and all of its tokens.
    Session(SessionRef),
    /// Everything of a user's that is of an earlier generation.
    User {
        /// Whose.
        id: UserId,
        /// The first generation that counts.
        generation: u32,
    },
    /// Everything of an earlier epoch.
    Everybody,
}

/// What counts when everything that anybody was issued is taken back: only what is of the current epoch is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoch {
    /// The first is 0.
    pub number: u32,
    /// When it began.
    pub since: Timestamp,
}
