//! The answer to "is this still the one who signed in?".

use crate::account::Role;
use crate::id::{KeyId, UserId};
use crate::problem::Problem;
use crate::username::Username;

/// Who signed a request, once everything has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Whose key it is.
    pub user: UserId,
    /// The name that the API behind is told.
    pub username: Username,
    /// What the user may be.
    pub role: Role,
    /// The key that signed.
    pub key: KeyId,
}

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Serve it, as this principal's.
    Admit(Principal),
    /// Do not.
    Refuse(Refusal),
}

/// Why not. The log is told the reason; the caller is told what [`problem`](Self::problem) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The MAC is wrong, whether for a wrong key, a changed octet or a missing component.
    BadSignature,
    /// Nobody has a key of this name.
    UnknownKey,
    /// The key was revoked, or its user disabled or deleted.
    RevokedKey,
    /// Created before the window; it can never run.
    Stale,
    /// Created beyond the window; the nonce has been burnt.
    FutureDated,
    /// The nonce was seen before.
    Replayed,
    /// This key has too many nonces under way.
    Throttled,
    /// Another enrolment took the name before this key was confirmed.
    NameTaken,
    /// The ticket that this key came by was used, taken back or expired before the key was confirmed.
    TicketSpent,
    /// The key whose place this one would take was replaced or ended before this one was confirmed.
    NotTheSuccessor,
    /// The guard does not know yet what it has seen.
    WarmingUp,
    /// The guard cannot remember any more nonces, or its clock is in doubt.
    Unavailable,
    /// Another request of this user's has this idempotency key.
    KeyOfAnother,
    /// The first request under this idempotency key is under way.
    InFlight,
    /// The first request under this idempotency key is over, and nobody can say how it ended.
    OutcomeUnknown,
    /// The outcomes that are kept for this user take all the room that they may.
    TooMuchKept,
}

impl Refusal {
    /// What the caller is told: one answer for all that fails before the MAC has verified.
    pub const fn problem(self) -> Problem {
        match self {
            Self::BadSignature | Self::UnknownKey | Self::RevokedKey => Problem::UNAUTHORIZED,
            Self::Stale | Self::FutureDated => Problem::CLOCK_SKEW,
            Self::Replayed => Problem::REPLAYED,
            Self::Throttled | Self::TooMuchKept => Problem::THROTTLED,
            Self::NameTaken | Self::TicketSpent | Self::NotTheSuccessor | Self::KeyOfAnother => Problem::CONFLICT,
            Self::InFlight => Problem::IN_FLIGHT,
            Self::OutcomeUnknown => Problem::OUTCOME_UNKNOWN,
            Self::WarmingUp => Problem::WARMING_UP,
            Self::Unavailable => Problem::UNAVAILABLE,
        }
    }
}
