use std::sync::Arc;

use countersign_core::problem::Problem;

use super::Unreadable;
use crate::session::Refusal;
use crate::{CallError, Verified};

/// Why the guard's feed tells nothing at present.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// The guard said no to the key of the client, verifiably: it is a person's.
    #[error("{0} The key has to be that of a service: `countersign user invite --role service` makes a card for one")]
    WrongKey(Refusal),
    /// The guard said no, verifiably.
    #[error("{0}")]
    Refused(Refusal),
    /// There is no answer that can be believed.
    #[error(transparent)]
    Call(Arc<CallError>),
    /// No answer came in time.
    #[error("no answer came within a second")]
    TooLate,
    /// The answer is proven to be the guard's, and cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The feed is heard, but there are public keys that it vouches for and that could not be fetched.
    #[error("the guard's public keys (/.well-known/jwks.json) cannot be had, or are not those that it vouches for")]
    NoKeys,
}

impl Trouble {
    /// What a verified answer that is no 200 says.
    pub(super) fn refused(verified: &Verified) -> Self {
        let refusal = Refusal::of(verified);
        let is_wrong = [Some(&Problem::FORBIDDEN), Some(&Problem::SESSION_REQUIRED)].contains(&refusal.problem);
        if is_wrong { Self::WrongKey(refusal) } else { Self::Refused(refusal) }
    }

    /// Whether waiting mends nothing: the guard says, verifiably, that this key is not one for its feed, or no key any more.
    pub fn is_final(&self) -> bool {
        match self {
            Self::WrongKey(_) => true,
            // Other refusals of a poll, for its time say, pass.
            Self::Refused(refusal) => refusal.problem == Some(&Problem::UNAUTHORIZED),
            Self::Call(_) | Self::TooLate | Self::Unreadable(_) | Self::NoKeys => false,
        }
    }
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Call(Arc::new(error))
    }
}
