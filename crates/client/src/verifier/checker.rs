//! Whether a token is good, from what is known: the whole decision, without any I/O.

use core::fmt;
use core::time::Duration;

use countersign_core::session::Proof;
use countersign_core::time::Timestamp;
use countersign_core::token::{AccessClaims, BadKeySet, Parties, TokenFault, TokenKeys, verify};

use super::feed::{Feed, Poll, Progress};
use super::page::Page;
use super::settings::Settings;
use super::taken_back::Revocation;
use crate::conversation::Reading;

/// A token that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What it says.
    pub claims: AccessClaims,
    /// How it is known that it was not taken back.
    pub by: Evidence,
}

/// How it is known that a token was not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// From the feed: nothing that had been taken back so long ago hits it.
    Feed {
        /// Less than [`Settings::silence`].
        age: Duration,
    },
    /// The guard said so when it was asked.
    Guard,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// It is no token of this guard's that is good now.
    #[error("the token is not good: {0}")]
    Token(#[from] TokenFault),
    /// It was taken back.
    #[error("the token has been revoked")]
    Revoked(Revocation),
    /// It is of a session that signs its requests, and nobody has seen to that signature. See
    /// [`Checker::verify_with_proof`].
    #[error("the token is of a session that signs its requests; by itself it is worth nothing")]
    ProofRequired,
    /// It cannot be known whether it was taken back, and so it is not taken.
    #[error("whether the token was revoked is not known: {0}")]
    Unavailable(Doubt),
}

/// Why nothing can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// The feed has never been read to its end.
    Starting,
    /// There are public keys that we do not have yet, and it may be one of them.
    KeyMissing,
    /// Nothing was heard for too long.
    Silent,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "the guard's feed has not been read to its end yet",
            Self::KeyMissing => "a public key of the guard's is missing",
            Self::Silent => "the guard's feed is silent",
        })
    }
}

impl Refused {
    /// The status that an HTTP API answers with: 401, or 503 where nothing could be decided.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Token(_) | Self::Revoked(_) | Self::ProofRequired => 401,
            Self::Unavailable(_) => 503,
        }
    }

    /// The `WWW-Authenticate` that goes with a 401 (RFC 6750 §3). All bad tokens are told the same.
    pub const fn www_authenticate(&self) -> Option<&'static str> {
        match self {
            Self::Token(_) | Self::ProofRequired => Some(r#"Bearer error="invalid_token""#),
            Self::Revoked(_) => Some(r#"Bearer error="invalid_token", error_description="Token has been revoked""#),
            Self::Unavailable(_) => None,
        }
    }
}

/// What is known of one guard's tokens, and what follows from it.
#[derive(Clone, Debug)]
pub struct Checker {
    issuer: Box<str>,
    audience: Box<str>,
    silence: Duration,
    feed: Feed,
    keys: TokenKeys,
    vouched_for: Vec<Box<str>>,
}

/// What can be said of a token without asking anybody.
pub(super) enum Looked {
    /// All of it.
    Certain(Result<Accepted, Refused>),
    /// It is good unless it was taken back since the feed is silent.
    UnlessTakenBack(AccessClaims),
}

impl Checker {
    /// A checker that knows nothing yet, and refuses everything.
    pub fn new(settings: &Settings) -> Self {
        Self {
            issuer: settings.issuer.as_str().into(),
            audience: settings.audience.as_str().into(),
            silence: settings.silence,
            feed: Feed::new(),
            keys: TokenKeys::default(),
            vouched_for: Vec::new(),
        }
    }

    /// The next question for the feed. `now` is read before it is sent: what its answer says is as old as that.
    pub const fn poll(&self, now: Reading) -> Poll {
        self.feed.poll(now)
    }

    /// Takes in the answer to a poll. It has to be verified as the guard's own answer to that very request, as
    /// [`Verified`](crate::Verified) is; `server_time` is what that says.
    pub fn receive(&mut self, poll: &Poll, page: &Page, server_time: Timestamp) -> Progress {
        let progress = self.feed.receive(poll, page, server_time);
        if progress != Progress::Late {
            self.vouched_for.clone_from(&page.token_keys);
            self.keys = core::mem::take(&mut self.keys).vouched_for(thumbprints(&self.vouched_for));
        }
        progress
    }

    /// Whether there are keys that the guard vouches for and that are not here.
    pub fn lacks_keys(&self) -> bool {
        !self.vouched_for.iter().all(|thumbprint| self.keys.has(thumbprint))
    }

    /// Takes in a JWK set from anywhere. Of its keys those count that the guard's signed answers vouch for.
    pub fn learn_keys(&mut self, document: &[u8]) -> Result<(), BadKeySet> {
        let fetched = TokenKeys::of_jwks(document)?;
        let all = TokenKeys::new(self.keys.iter().chain(fetched.iter()).cloned());
        self.keys = all.vouched_for(thumbprints(&self.vouched_for));
        Ok(())
    }

    /// Whether a token is good at `now`. Tokens of sessions that sign their requests are refused here, whoever shows them.
    pub fn verify(&self, token: &str, now: Reading) -> Result<Accepted, Refused> {
        self.verify_with_proof(token, now, |_| false)
    }

    /// The same, where the caller can tell whether the request that came with the token was signed by its session: `is_proven`
    /// is asked if the token needs that. Behind the guard, a request is the session's of which `Remote-Session` has the
    /// reference, if nobody else can reach the program.
    pub fn verify_with_proof(
        &self,
        token: &str,
        now: Reading,
        is_proven: impl FnOnce(&AccessClaims) -> bool,
    ) -> Result<Accepted, Refused> {
        match self.look(token, now, is_proven) {
            Looked::Certain(decided) => decided,
            Looked::UnlessTakenBack(_) => Err(Refused::Unavailable(Doubt::Silent)),
        }
    }

    pub(super) fn look(&self, token: &str, now: Reading, is_proven: impl FnOnce(&AccessClaims) -> bool) -> Looked {
        let refused = |refused| Looked::Certain(Err(refused));
        // Nothing is known before everything is that was taken back before we began, and nothing is asked either.
        let (Some(server_time), Some(age)) = (self.feed.server_time(now), self.feed.age(now)) else {
            return refused(Refused::Unavailable(Doubt::Starting));
        };
        let parties = Parties { issuer: &self.issuer, audience: &self.audience };
        let claims = match verify(token, &self.keys, &parties, server_time) {
            Ok(verified) => verified.claims().clone(),
            Err(TokenFault::UnknownKey) if self.lacks_keys() => {
                return refused(Refused::Unavailable(Doubt::KeyMissing));
            }
            Err(fault) => return refused(Refused::Token(fault)),
        };
        // Nothing that was taken back comes back, however long nothing was heard.
        if let Some(revocation) = self.feed.judge(&claims) {
            return refused(Refused::Revoked(revocation));
        }
        if claims.proof == Proof::Key && !is_proven(&claims) {
            return refused(Refused::ProofRequired);
        }
        if age < self.silence {
            Looked::Certain(Ok(Accepted { claims, by: Evidence::Feed { age } }))
        } else {
            Looked::UnlessTakenBack(claims)
        }
    }

    /// Whether the feed was read to its end less than [`Settings::silence`] ago.
    pub fn is_up_to_date(&self, now: Reading) -> bool {
        self.feed.age(now).is_some_and(|age| age < self.silence)
    }

    /// Whether the feed was ever read to its end: nothing is refused any more for want of that.
    pub(super) const fn was_read_to_its_end(&self) -> bool {
        self.feed.was_read_to_its_end()
    }

    /// Grows whenever an answer told of something taken back that was not known before.
    pub(super) const fn learnt(&self) -> u64 {
        self.feed.learnt()
    }

    /// The sequence number up to which the log of revocations was read.
    pub const fn read_up_to(&self) -> u64 {
        self.feed.cursor()
    }

    /// How many sessions and users are known as taken back, and how many octets of memory they take.
    pub fn usage(&self) -> (usize, usize) {
        self.feed.usage()
    }
}

fn thumbprints(listed: &[Box<str>]) -> impl Iterator<Item = &str> + Clone {
    listed.iter().map(Box::as_ref)
}
