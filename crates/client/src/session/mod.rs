//! Sessions: from a login until somebody says that it is over (protocol §12).
//!
//! A login gives a [`Session`], which is for keeping. On the network it is a [`SignedSession`], whose requests are signed by
//! the session's own key and whose answers are verified, or a [`BearerSession`], whose requests show a token and whose
//! answers prove nothing. What a session can ask of the guard itself is in [`SessionApi`], for both.

mod api;
mod bearer;
mod error;
mod grant;
mod login;
mod rows;
mod signed;

pub use api::{Asking, Said, SessionApi};
pub use bearer::{BearerSession, UnprovenAnswer};
pub use error::{Refusal, SessionError};
pub use login::{LoginKey, PasswordLogin, WantedProof, login_by_password};
pub use rows::{SessionRow, WhoAmI};
pub use signed::{SignedSession, SignedSessionBuilder};

use core::fmt;
use std::sync::Arc;

use countersign_core::authority::Authority;
use countersign_core::enrolment::Answers;
use countersign_core::id::{KeyId, SessionRef};
use countersign_core::secret::Root;
use countersign_core::time::Timestamp;
use zeroize::Zeroizing;

use crate::envelope::EnvelopeCredentials;
use crate::{Conversation, Credentials};

/// A session that was opened. Whoever has this can act as its user until it ends.
#[derive(Clone, Debug)]
pub struct Session {
    /// The name by which the server is called in signatures.
    pub authority: Authority,
    /// Which answers the server signs.
    pub answers: Answers,
    /// The public name of the session.
    pub reference: SessionRef,
    /// Whose it is, as the server spells it.
    pub username: String,
    /// What its user calls the device; may be empty.
    pub device: String,
    /// The key that opened it; none when a password did.
    pub opened_by: Option<KeyId>,
    /// What its requests prove themselves by.
    pub means: Means,
    /// Its tokens.
    pub tokens: Tokens,
    /// When its user last proved who they are, by the server's clock.
    pub auth_time: Timestamp,
    /// When it is over whatever happens, by the server's clock.
    pub expires: Timestamp,
}

/// What the requests of a session prove themselves by.
#[derive(Clone, Debug)]
pub enum Means {
    /// A signature by keys that are derived from this root.
    Key(Root),
    /// The access token alone.
    Bearer,
}

/// The tokens of a session.
#[derive(Clone)]
pub struct Tokens {
    /// Comes with each request of a session without a key.
    pub access: Zeroizing<String>,
    /// When that will have expired, by the clock of this machine.
    pub good_until: Timestamp,
    /// Gets the next tokens, once. Keep those before you use them: two that hold one token end the session.
    pub refresh: Zeroizing<String>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(redacted)")
    }
}

/// Told of a session whenever it has changed, so that it can be kept before it is used.
pub(crate) type Keep = Arc<dyn Fn(&Session) + Send + Sync>;

impl Session {
    /// The root of its keys, if it has any.
    pub const fn root(&self) -> Option<&Root> {
        match &self.means {
            Means::Key(root) => Some(root),
            Means::Bearer => None,
        }
    }

    /// What its requests are signed with, if they are.
    pub fn credentials(&self) -> Option<Credentials> {
        let mut credentials = Credentials::new(self.authority.clone(), self.reference.into(), self.root()?);
        credentials.answers = self.answers;
        Some(credentials)
    }

    /// What its envelopes are signed with; without keys it has none.
    pub fn envelope_credentials(&self) -> Option<EnvelopeCredentials> {
        Some(EnvelopeCredentials::new(self.authority.clone(), self.reference.into(), &self.username, self.root()?))
    }

    /// The conversation of a session with keys, with a server whose clock is `offset_ms` ahead of ours.
    pub fn conversation(&self, offset_ms: i64) -> Option<Conversation> {
        Some(Conversation::new(self.credentials()?, offset_ms))
    }
}
