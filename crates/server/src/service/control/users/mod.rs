//! Users: who they are, and whether they may sign.

use countersign_core::account::{User, UserState};
use countersign_core::event::EventKind;
use countersign_core::username::Username;
use countersign_store::port::Change;
use serde::{Deserialize, Serialize};

use super::invitations::PAGE;
use super::{Asked, ControlError, Operation, not_found, unprocessable};
use crate::accounts::Accounts;

/// Lists the users.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListUsers {
    /// Begin after this name.
    pub after: Option<String>,
}

/// A user in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserRow {
    /// The id, a UUID.
    pub user_id: String,
    /// The name.
    pub username: String,
    /// `user`, `admin` or `service`.
    pub role: String,
    /// `enabled` or `disabled`.
    pub state: String,
    /// When the first key was confirmed, in milliseconds since the Unix epoch.
    pub created_ms: u64,
}

impl Operation for ListUsers {
    const NAME: &'static str = "list-users";
    type Reply = Vec<UserRow>;

    async fn run(self, accounts: &Accounts, _asked: &Asked) -> Result<Vec<UserRow>, ControlError> {
        let after = self.after.as_deref().map(username).transpose()?;
        let users = accounts.stores.users.list(after.as_ref(), PAGE).await?;
        Ok(users.into_iter().map(row).collect())
    }
}

fn row(user: User) -> UserRow {
    let state = match user.state {
        UserState::Enabled => "enabled",
        UserState::Disabled => "disabled",
        UserState::Deleted => "deleted",
    };
    UserRow {
        user_id: user.id.to_string(),
        username: user.username.to_string(),
        role: user.role.to_string(),
        state: state.to_owned(),
        created_ms: user.created.as_millis(),
    }
}

macro_rules! state_change {
    ($(#[$doc:meta])* $operation:ident, $name:literal, $state:expr, $event:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub struct $operation {
            /// Whom.
            pub username: String,
        }

        impl Operation for $operation {
            const NAME: &'static str = $name;
            type Reply = ();

            async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<(), ControlError> {
                set_state(accounts, asked, &self.username, ($state, $event)).await
            }
        }
    };
}

state_change!(
    /// From now on none of this user's keys is accepted, until the user is enabled again.
    DisableUser, "disable-user", UserState::Disabled, EventKind::UserDisabled
);
state_change!(
    /// A disabled user's keys are accepted again.
    EnableUser, "enable-user", UserState::Enabled, EventKind::UserEnabled
);
state_change!(
    /// The user and all keys are gone for ever; the name is free.
    DeleteUser, "delete-user", UserState::Deleted, EventKind::UserDeleted
);

async fn set_state(
    accounts: &Accounts,
    asked: &Asked,
    name: &str,
    (state, kind): (UserState, EventKind),
) -> Result<(), ControlError> {
    let _alone = accounts.changing.lock().await;
    let user = named(accounts, name).await?;
    if state != UserState::Enabled {
        accounts.keyring.revoke_user(user.id)?;
    }
    let event = asked.event(kind, (Some(user.id), None), user.username.to_string());
    match accounts.stores.users.set_state(user.id, state, &event).await? {
        Change::Made | Change::Already => Ok(accounts.reload_keys(user.id).await?),
        Change::Missing => Err(not_found("this user was deleted meanwhile")),
    }
}

/// The user of this name, or a sentence that says where to look.
pub(super) async fn named(accounts: &Accounts, name: &str) -> Result<User, ControlError> {
    let found = accounts.stores.users.named(&username(name)?).await?;
    found.ok_or_else(|| not_found("nobody has this name; `countersign user list` shows who there is"))
}

fn username(name: &str) -> Result<Username, ControlError> {
    name.parse().map_err(|error| unprocessable(format!("{error}")))
}
