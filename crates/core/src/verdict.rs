//! The answer to "is this still the one who signed in?".

use core::fmt;
use std::sync::Arc;

use crate::account::Role;
use crate::id::{KeyId, SessionRef, UserId};
use crate::permission::Permissions;
use crate::problem::Problem;
use crate::session::Proof;
use crate::time::Timestamp;
use crate::username::Username;

/// Who sent a request, once everything has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Whose key or session it is.
    pub user: UserId,
    /// The name that the API behind is told.
    pub username: Username,
    /// What the user may be.
    pub role: Role,
    /// What the user may do at the API behind. Copies share them.
    pub permissions: Arc<Permissions>,
    /// What has proven it.
    pub prover: Prover,
    /// The session, where there is one.
    pub session: Option<SessionPrincipal>,
}

/// What has proven a request: a key by a signature, or a session by one or by its access token. Displayed as the `keyid`
/// that it signs, or would sign, with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Prover {
    /// This key.
    Key(KeyId),
    /// This session.
    Session(SessionRef),
}

/// What a request is told of the session that it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPrincipal {
    /// Its public name.
    pub reference: SessionRef,
    /// What its requests have to prove.
    pub proof: Proof,
    /// The key that opened it; none when a password did.
    pub opened_by: Option<KeyId>,
    /// When the user last proved who they are.
    pub auth_time: Timestamp,
    /// The user's generation that it is of.
    pub generation: u32,
}

impl Principal {
    /// The key behind the request: the one that signed it, or that opened the session. None for the session of a password.
    pub fn key(&self) -> Option<&KeyId> {
        match &self.prover {
            Prover::Key(key) => Some(key),
            Prover::Session(_) => self.session.as_ref()?.opened_by.as_ref(),
        }
    }
}

impl fmt::Display for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Session(session) => f.write_str(&session.keyid()),
        }
    }
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
    /// The access token is none of ours or has expired, or the session has.
    TokenInvalid,
    /// The session has ended, or whatever it relied upon.
    TokenRevoked,
    /// The access token is of a session that signs, and nothing has signed.
    TokenAlone,
    /// A person's key has signed what only a session's may.
    SessionRequired,
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
            Self::TokenInvalid | Self::TokenAlone => Problem::TOKEN_INVALID,
            Self::TokenRevoked => Problem::TOKEN_REVOKED,
            Self::SessionRequired => Problem::SESSION_REQUIRED,
        }
    }
}
