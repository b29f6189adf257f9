//! Users, their keys, and the tickets that let them in: the values that stores keep.

pub(crate) mod rows;

use core::fmt;
use core::str::FromStr;

use crate::id::{KeyId, TicketId, UserId};
use crate::password::PasswordHash;
use crate::permission::Permissions;
use crate::secret::Sealed;
use crate::time::Timestamp;
use crate::username::Username;

/// What a user may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A person.
    User,
    /// A person who may administer this guard.
    Admin,
    /// A program.
    Service,
}

impl Role {
    /// The role as it is written on cards, in the store and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "user" => Ok(Self::User),
            "admin" => Ok(Self::Admin),
            "service" => Ok(Self::Service),
            _ => Err(UnknownRole),
        }
    }
}

/// A role that we do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of user, admin, service")]
pub struct UnknownRole;

/// A user of this guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Outlives every change of name.
    pub id: UserId,
    /// Unique among the users that are not deleted.
    pub username: Username,
    /// Given by the card, or by an operator since.
    pub role: Role,
    /// Whether this user may sign or log in.
    pub state: UserState,
    /// What the user may do at the API.
    pub permissions: Permissions,
    /// Whether the user can log in with a password. The hash stays in the store.
    pub has_password: bool,
    /// Raised whenever everything issued before must die: at every change of password, role or permissions, when the user
    /// is disabled or deleted, and when all sessions of the user are revoked.
    pub generation: u32,
    /// When the user's first key was confirmed, or an operator added the user.
    pub created: Timestamp,
}

/// A user together with the hash of the password, as they were at one moment: a check of the one that passes says nothing
/// of a later generation of the other.
#[derive(Clone, Debug)]
pub struct Credentials {
    user: User,
    password: Option<PasswordHash>,
}

impl Credentials {
    /// This user with this password, or with none.
    pub const fn new(mut user: User, password: Option<PasswordHash>) -> Self {
        user.has_password = password.is_some();
        Self { user, password }
    }

    /// The user.
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// The hash of the password, where there is one.
    pub const fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    /// The user, without the hash.
    pub fn into_user(self) -> User {
        self.user
    }
}

/// Whether a user's keys may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    /// They may.
    Enabled,
    /// They may not until an administrator says so.
    Disabled,
    /// They never will again; the name is free.
    Deleted,
}

/// A signing key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The public name of the key.
    pub id: KeyId,
    /// Whose it is.
    pub user: UserId,
    /// The name that the user gave the device, at most 64 octets.
    pub device: String,
    /// The root, sealed for this key id and this username.
    pub root: Sealed,
    /// How the key came to be.
    pub origin: KeyOrigin,
    /// Whether it may sign.
    pub state: KeyState,
    /// When it was confirmed.
    pub created: Timestamp,
}

/// Whether a key may sign. A revoked key stays as a tombstone: its answers are still signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It may.
    Active,
    /// It may until then: another key has taken its place.
    Ending {
        /// The last moment at which it may.
        at: Timestamp,
    },
    /// It never will again.
    Revoked {
        /// Since when.
        at: Timestamp,
    },
}

/// How a key came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// By the shared key of the group.
    GroupCard,
    /// By a ticket of its own.
    Ticket(TicketId),
    /// By the seed's own registration, which gives away the key to whoever holds the shared key.
    SeedMode,
    /// By the word of this key, in whose place it stands.
    Rotation(KeyId),
    /// By a recovery card or code, which has ended the user's other keys.
    Recovery(TicketId),
}

/// A single-use permission to enrol, or to recover, as it is kept. Its psk is derived, never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The public part.
    pub id: TicketId,
    /// What its bearer becomes, or was when it was made.
    pub role: Role,
    /// Whom it recovers. None: it enrols somebody new.
    pub recovers: Option<Recovers>,
    /// The last second in which it can be used.
    pub not_after: Timestamp,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it can still be used.
    pub state: TicketState,
}

/// Whose keys a ticket replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovers {
    /// The user; the name may be another's by the time the ticket is used.
    pub user: UserId,
    /// How it was handed out.
    pub by: RecoveryKind,
}

/// How a permission to recover was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecoveryKind {
    /// By an operator, in person.
    Card,
    /// Printed beforehand, by the user.
    Code,
}

/// Whether a ticket can still be used; expiry is `not_after`, not a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TicketState {
    /// It can.
    Open,
    /// It was used.
    Used {
        /// When.
        at: Timestamp,
        /// The key that it let in.
        key: KeyId,
    },
    /// It was taken back.
    Revoked {
        /// When.
        at: Timestamp,
    },
}
