//! What an operator can do, through the control socket of a running guard or on the store itself when none runs: the
//! same operations either way.

mod events;
mod examination;
mod invitations;
mod keys;
mod rekey;
mod server_key;
mod sessions;
mod token_keys;
mod users;

pub use events::{EventRow, FollowEvents, Followed, ListEvents, ListHeads, SealEvents, VerifiedEvents, VerifyEvents};
pub use examination::{Examination, Examine};
pub use invitations::{Invitation, Invite, InviteBack, InviteKind, ListTickets, RevokeTicket, RotateGroup, TicketRow};
pub use keys::{KeyRow, ListKeys, RevokeKey, RevokedKeys};
pub(crate) use keys::{origin, state};
pub use rekey::{Rekey, Rekeyed};
pub use server_key::{AnnounceServerKey, RetireServerKey, ServerKeys, ShowServerKeys, SwitchServerKey};
pub use sessions::{ListSessions, RevokeEverybody, RevokeSession, RevokeUserSessions, RevokedSessions, ShowSession};
pub use token_keys::{RetireTokenKeys, RotateTokenKey, ShowTokenKeys, TokenKeyRow, TokenKeyState};
pub use users::{
    AddUser, DeleteUser, DisableUser, EnableUser, HashText, ListUsers, SetPassword, SetPermissions, SetRole, ShowUser,
    ShownUser, UserRow,
};

use core::time::Duration;

use countersign_core::event::{Event, EventKind};
use countersign_core::id::{KeyId, SessionRef, UserId};
use countersign_core::secret::Unsealable;
use countersign_core::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Undecided;
use crate::accounts::Accounts;
pub use crate::control::ControlError;
use crate::secrets::{MissingKek, SecretsError};

/// Who asks, and when.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `uid 1000`, as the log will name them.
    pub actor: String,
    /// The session in which it is asked for; none where no session asks.
    pub session: Option<SessionRef>,
    /// When.
    pub at: Timestamp,
}

/// One thing that an operator can ask for.
pub trait Operation: Serialize + DeserializeOwned + Send {
    /// Its name on the control socket.
    const NAME: &'static str;
    /// How long whoever asks a running server waits for its answer.
    const PATIENCE: Duration = Duration::from_secs(30);
    /// What comes back.
    type Reply: Serialize + DeserializeOwned + Send;

    /// Does it.
    fn run(self, accounts: &Accounts, asked: &Asked) -> impl Future<Output = Result<Self::Reply, ControlError>> + Send;
}

/// An operation on the wire.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asking<T> {
    /// [`Operation::NAME`].
    pub operation: String,
    /// The operation.
    pub arguments: T,
}

impl<T: Operation> From<T> for Asking<T> {
    fn from(arguments: T) -> Self {
        Self { operation: T::NAME.to_owned(), arguments }
    }
}

macro_rules! dispatch {
    ($accounts:ident, $asked:ident, $asking:ident: $($operation:ty),*) => {
        match $asking.operation.as_str() {
            $(<$operation>::NAME => run::<$operation>($accounts, $asked, $asking.arguments).await,)*
            _ => Err(unprocessable("this server does not know that operation; use the `countersign` of the server's version")),
        }
    };
}

/// Finds the operation that is asked for, does it, and gives back its reply.
pub async fn dispatch(accounts: &Accounts, asked: &Asked, request: Value) -> Result<Value, ControlError> {
    let asking: Asking<Value> = serde_json::from_value(request).map_err(|_| unreadable())?;
    dispatch!(accounts, asked, asking: Invite, InviteBack, ListTickets, RevokeTicket, RotateGroup,
        ListUsers, ShowUser, AddUser, SetPassword, SetRole, SetPermissions, DisableUser, EnableUser, DeleteUser, ListKeys, RevokeKey, ListEvents,
        FollowEvents, SealEvents, ListHeads, VerifyEvents, Examine, Rekey, ShowServerKeys, AnnounceServerKey, SwitchServerKey, RetireServerKey,
        ShowTokenKeys, RotateTokenKey, RetireTokenKeys,
        ListSessions, ShowSession, RevokeSession, RevokeUserSessions, RevokeEverybody)
}

async fn run<O: Operation>(accounts: &Accounts, asked: &Asked, arguments: Value) -> Result<Value, ControlError> {
    let operation: O = serde_json::from_value(arguments).map_err(|_| unreadable())?;
    let reply = operation.run(accounts, asked).await?;
    serde_json::to_value(reply).map_err(|_| ControlError::new("unavailable", "the reply could not be written"))
}

impl Asked {
    /// The event that tells of what is asked.
    pub(super) fn event(&self, kind: EventKind, (user, key): (Option<UserId>, Option<KeyId>), detail: String) -> Event {
        Event { at: self.at, kind, user, key, session: self.session, actor: self.actor.clone(), detail }
    }
}

/// What was asked for cannot be done as it was asked for.
fn unprocessable(message: impl Into<String>) -> ControlError {
    ControlError::new("unprocessable", message)
}

/// What was asked about does not exist.
fn not_found(message: impl Into<String>) -> ControlError {
    ControlError::new("not-found", message)
}

fn unreadable() -> ControlError {
    unprocessable("the request on the control socket cannot be read; use the `countersign` of the server's version")
}

impl<E: Into<Undecided>> From<E> for ControlError {
    fn from(error: E) -> Self {
        let error: Undecided = error.into();
        tracing::error!(error = &error as &dyn std::error::Error, "an operation failed");
        Self::new("unavailable", format!("{error}; see the server's log, and try again"))
    }
}

impl From<SecretsError> for Undecided {
    fn from(error: SecretsError) -> Self {
        match error {
            SecretsError::Store(error) => error.into(),
            SecretsError::Sealed(error) => error.into(),
            SecretsError::NoKey(MissingKek(version)) => Unsealable::NoKey { version }.into(),
            SecretsError::InDoubt => Self::SecretsInDoubt,
        }
    }
}
