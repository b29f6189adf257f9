use async_trait::async_trait;
use countersign_core::account::{Credentials, Role, User, UserState};
use countersign_core::event::Event;
use countersign_core::id::UserId;
use countersign_core::password::PasswordHash;
use countersign_core::permission::Permissions;
use countersign_core::username::Username;

use super::{Change, StoreError};

/// Users. They come into being by [`Enrolments`](super::Enrolments) and by [`add`](Self::add), and are never forgotten.
///
/// A row whose MAC does not hold is given back as disabled, or deleted if it says so, and without a password. It cannot be
/// enabled again, and is given no password, role or permissions.
///
/// Where a change raises the generation, everything that was issued to the user before is void from then on, and the user's
/// sessions end with it.
#[async_trait]
pub trait Users: Send + Sync {
    /// The user of this id, deleted ones included.
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user of this name who is not deleted.
    async fn named(&self, name: &Username) -> Result<Option<User>, StoreError>;

    /// The same together with the hash of the password, read at one moment.
    async fn credentials(&self, name: &Username) -> Result<Option<Credentials>, StoreError>;

    /// At most `limit` users who are not deleted, by name, after this one.
    async fn list(&self, after: Option<&Username>, limit: u32) -> Result<Vec<User>, StoreError>;

    /// Keeps a new user. Of any number of callers wanting one name, exactly one is told [`Added::Done`]; for the others
    /// nothing has changed. An id that exists is an error.
    async fn add(&self, credentials: &Credentials, event: &Event) -> Result<Added, StoreError>;

    /// Sets the state. A deleted user stays deleted ([`Change::Missing`]), and deleting revokes all keys of the user at
    /// `event.at`, which needs no events of their own. Leaving `Enabled` raises the generation.
    async fn set_state(&self, id: UserId, state: UserState, event: &Event) -> Result<Change, StoreError>;

    /// Gives the user this password, if the generation is still this one, and raises it.
    async fn set_password(
        &self,
        id: UserId,
        generation: u32,
        hash: &PasswordHash,
        event: &Event,
    ) -> Result<PasswordSet, StoreError>;

    /// Puts `fresh`, a hash of the same password, in the place of `former`. Nothing else changes, and nobody is told.
    /// [`Change::Already`] when another hash stands there by now.
    async fn rehash(&self, id: UserId, former: &PasswordHash, fresh: &PasswordHash) -> Result<Change, StoreError>;

    /// Gives the user this role and raises the generation. A program loses its password: it has none.
    async fn set_role(&self, id: UserId, role: Role, event: &Event) -> Result<Change, StoreError>;

    /// Gives the user these permissions and no others, and raises the generation.
    async fn set_permissions(&self, id: UserId, permissions: &Permissions, event: &Event)
    -> Result<Change, StoreError>;
}

/// What became of a new user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// There is one.
    Done,
    /// Somebody else has the name.
    NameTaken,
}

/// What became of a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordSet {
    /// It is the user's.
    Done,
    /// Something about the user has changed meanwhile: what was looked at before the password was set may no longer hold.
    Stale,
    /// There is no such user, or it is a program, which has none.
    Missing,
}

impl From<Change> for PasswordSet {
    fn from(change: Change) -> Self {
        match change {
            Change::Made => Self::Done,
            Change::Already => Self::Stale,
            Change::Missing => Self::Missing,
        }
    }
}
