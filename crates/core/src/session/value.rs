//! A session as it is kept.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::{Epoch, KEEP_REVOCATIONS, KEEP_SIGNING};
use crate::id::{KeyId, SessionId, SessionRef, UserId};
use crate::secret::Sealed;
use crate::time::Timestamp;

/// The longest user agent that is kept, in octets; a longer one is [cut].
pub const MAX_USER_AGENT: usize = 256;

/// The longest name of a device, in octets; a longer one is [cut].
pub const MAX_DEVICE: usize = 64;

/// The text, or as much of it as fits into so many octets without cutting a letter in two.
pub fn cut(text: &str, octets: usize) -> Box<str> {
    text.get(..text.floor_char_boundary(octets)).unwrap_or_default().into()
}

/// One login of one user, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Never shown.
    pub id: SessionId,
    /// The public name.
    pub reference: SessionRef,
    /// Whose it is.
    pub user: UserId,
    /// What the user proved when it was opened.
    pub opened_by: OpenedBy,
    /// What its requests have to prove; fixed when it was opened.
    pub proof: Proof,
    /// The user's generation when it was opened, or issued anew. It is dead once the user's is another.
    pub generation: u32,
    /// The epoch in which it was opened. It is dead in every later one.
    pub epoch: u32,
    /// When it was opened.
    pub created: Timestamp,
    /// When the user last proved who they are.
    pub auth_time: Timestamp,
    /// When it was last used. Written behind: the row may lag.
    pub last_used: Timestamp,
    /// When it is over, whatever happens. At this moment it is.
    pub expires: Timestamp,
    /// Where it was last used from; an IPv4 address never in an IPv6 one.
    pub address: IpAddr,
    /// What the client called itself then, at most [`MAX_USER_AGENT`] octets.
    pub user_agent: Option<Box<str>>,
    /// The name that the user gave the device, at most [`MAX_DEVICE`] octets.
    pub device: Box<str>,
    /// Of the access token that was issued last.
    pub token: TokenHash,
    /// Whether it goes on.
    pub state: SessionState,
}

impl Session {
    /// Whether it goes on at `now`, as far as it says itself; its user's generation and the epoch are somebody else's word.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == SessionState::Open && now < self.expires
    }

    /// The same as it counts in this epoch: a session of an earlier one ended when that did.
    #[must_use]
    pub fn in_epoch(self, epoch: Epoch) -> Self {
        match self.state {
            SessionState::Open if self.epoch < epoch.number => {
                Self { state: SessionState::Ended { at: epoch.since, why: EndReason::Everybody }, ..self }
            }
            SessionState::Open | SessionState::Ended { .. } => self,
        }
    }

    /// Whether it can be forgotten: it is over [for long enough](Proof::forgets).
    pub fn is_past(&self, now: Timestamp) -> bool {
        let over = match self.state {
            SessionState::Open => self.expires,
            SessionState::Ended { at, .. } => at,
        };
        over < self.proof.forgets(now)
    }

    /// The key that opened it, if one did.
    pub const fn key(&self) -> Option<&KeyId> {
        match &self.opened_by {
            OpenedBy::Key(key) => Some(key),
            OpenedBy::Password { .. } => None,
        }
    }
}

/// What a user proved when a session was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenedBy {
    /// The password.
    Password {
        /// The root of the session, 32 random octets sealed for its [`keyid`](SessionRef::keyid) and the username; none for
        /// one whose proof is [`Proof::Bearer`].
        root: Option<Sealed>,
    },
    /// This key, from whose root that of the session is [derived](crate::secret::Root::session_root). The session dies with
    /// the key.
    Key(KeyId),
}

/// What the requests of a session have to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Its key, by a signature.
    Key,
    /// The access token, by bringing it.
    Bearer,
}

impl Proof {
    /// The word for it in answers and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Bearer => "bearer",
        }
    }

    /// Sessions with this proof that were over before the time that this says, ended or expired, are forgotten at `now`:
    /// those that bring tokens with the [last one](KEEP_REVOCATIONS), those that sign [later](KEEP_SIGNING).
    pub const fn forgets(self, now: Timestamp) -> Timestamp {
        now.saturating_sub(match self {
            Self::Key => KEEP_SIGNING,
            Self::Bearer => KEEP_REVOCATIONS,
        })
    }
}

/// SHA-256 of an access token: what is kept of it. A token has more than 128 bits that nobody can guess, so the hash needs
/// neither salt nor key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of this token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Whether both are of one token; takes equally long whatever they differ in.
    pub fn matches(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_slice(), other.0.as_slice()).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({})", crate::encoding::hex(self.0.get(..4).unwrap_or_default()))
    }
}

/// Whether a session, or the family of its refresh tokens, goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// It does, until it expires.
    Open,
    /// It never will again.
    Ended {
        /// Since when.
        at: Timestamp,
        /// Why.
        why: EndReason,
    },
}

impl SessionState {
    /// The state after an end at `at`. The first end counts.
    #[must_use]
    pub const fn ended(self, at: Timestamp, why: EndReason) -> Self {
        match self {
            Self::Open => Self::Ended { at, why },
            Self::Ended { .. } => self,
        }
    }
}

/// Which sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This one.
    Session(SessionRef),
    /// All of this user's but one.
    Others {
        /// Whose.
        user: UserId,
        /// Which one goes on.
        keep: SessionRef,
    },
    /// All of this user's, and whatever else was issued to them: their generation rises.
    User(UserId),
    /// All that this key has opened.
    Key(KeyId),
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Why a session is over.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EndReason { $($(#[$doc])* $variant,)* }

        impl EndReason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it in answers, events and the store.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }

        impl FromStr for EndReason {
            type Err = UnknownReason;

            fn from_str(text: &str) -> Result<Self, UnknownReason> {
                match text { $($name => Ok(Self::$variant),)* _ => Err(UnknownReason) }
            }
        }
    };
}

reasons! {
    /// Its user logged out.
    LoggedOut = "logged_out",
    /// Its user ended it from another session.
    Revoked = "revoked",
    /// A program that was shown its token took it back (RFC 7009).
    TokenRevoked = "token_revoked",
    /// An administrator ended it.
    RevokedByAdmin = "revoked_by_admin",
    /// Everything that its user was issued was taken back.
    UserRevoked = "user_revoked",
    /// The user's password was changed.
    PasswordChanged = "password_changed",
    /// The user's role or permissions were changed.
    RoleChanged = "role_changed",
    /// The user was disabled.
    UserDisabled = "user_disabled",
    /// The user was deleted.
    UserDeleted = "user_deleted",
    /// The key that opened it has ended.
    KeyRevoked = "key_revoked",
    /// A later login took its place, for the user has only so many.
    Evicted = "evicted",
    /// A refresh token of its came that had been replaced.
    RefreshReused = "refresh_reused",
    /// It was used from another network, and that is not allowed.
    NetworkChanged = "network_changed",
    /// Its user proved anew who they are, which opened another.
    Replaced = "replaced",
    /// Its time was over.
    Expired = "expired",
    /// Its row in the store is not as it was written.
    Distrusted = "distrusted",
    /// Everything that anybody was issued was taken back.
    Everybody = "everybody",
}

/// A reason that we do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown reason for the end of a session")]
pub struct UnknownReason;

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
pub(crate) mod tests;
