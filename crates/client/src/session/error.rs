use countersign_core::problem::Problem;
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use crate::transport::CallError;
use crate::{BadUrl, Network, Verified};

/// Why something was not done with a session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// There is no answer that can be believed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The server said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The answer is nothing that this version understands.
    #[error("the server answered in words that this version does not know: use a newer version")]
    NotUnderstood,
    /// Nothing was sent: it would have gone in plain text over a network.
    #[error(
        "nothing was sent: a password or a token would go in plain text over the network, where anybody on the way can take \
         it; use the https address of the server"
    )]
    PlainText,
    /// Nothing was sent: the session has no key, and this takes one.
    #[error("this session has no key: log in with a key, or ask for one at the login (proof key)")]
    NoKey,
}

/// The server's no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// Why, where it is one of the guard's own answers.
    pub problem: Option<&'static Problem>,
    /// Whether the server has signed it. Else anybody on the way may have said it.
    pub proven: bool,
    /// After how many seconds to try again.
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// The no in a verified answer.
    pub fn of(verified: &Verified) -> Self {
        let Verified { status, problem, headers, .. } = verified;
        Self { status: *status, problem: *problem, proven: true, retry_after: retry_after(headers) }
    }

    /// Whether somebody has ended the session: it never comes back, and its holder should be told so.
    pub fn is_revoked(&self) -> bool {
        matches!(self.problem, Some(&(Problem::TOKEN_REVOKED | Problem::REFRESH_REUSED)))
    }

    /// Whether the session, or its token, is not good any more, and a login with a key may open another.
    pub fn is_invalid(&self) -> bool {
        self.problem == Some(&Problem::TOKEN_INVALID)
    }

    /// Whether the login is too long ago for what was asked.
    pub fn wants_a_new_login(&self) -> bool {
        self.problem == Some(&Problem::REAUTHENTICATION_REQUIRED)
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { status, problem, proven, retry_after } = self;
        let status = status.as_u16();
        match (problem, proven) {
            (Some(problem), true) => write!(f, "the guard refused ({status} {}): {}", problem.code, problem.detail)?,
            (None, true) => write!(f, "the server answered {status}")?,
            (Some(problem), false) => {
                write!(f, "the server refuses, not proven ({status} {}): {}", problem.code, problem.detail)?;
            }
            (None, false) => write!(f, "an unsigned answer {status}: from the server or from the network, not proven")?,
        }
        match retry_after {
            Some(seconds) => write!(f, " Try again in {seconds} s."),
            None => Ok(()),
        }
    }
}

impl core::error::Error for Refusal {}

/// What an answer says of when to try again.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

impl From<Network> for SessionError {
    fn from(error: Network) -> Self {
        Self::Call(error.into())
    }
}

impl From<BadUrl> for SessionError {
    fn from(error: BadUrl) -> Self {
        Self::Call(error.into())
    }
}
