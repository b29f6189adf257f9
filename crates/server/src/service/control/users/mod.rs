//! Users: who they are, what they may do, and whether they may sign and log in.

mod add;
mod change;
mod state;

pub use add::AddUser;
pub use change::{HashText, SetPassword, SetPermissions, SetRole};
pub use state::{DeleteUser, DisableUser, EnableUser};

use countersign_core::account::{KeyState, User, UserState};
use countersign_core::username::Username;
use countersign_store::port::Change;
use serde::{Deserialize, Serialize};

use super::invitations::PAGE;
use super::sessions::open_sessions;
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
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct UserRow {
    /// The id, a UUID.
    pub user_id: String,
    /// The name.
    pub username: String,
    /// `user`, `admin` or `service`.
    pub role: String,
    /// `enabled` or `disabled`.
    pub state: String,
    /// What the user may do at the API.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// Whether the user can log in with a password.
    #[serde(default)]
    pub has_password: bool,
    /// Raised whenever everything issued before died.
    #[serde(default)]
    pub generation: u32,
    /// When the first key was confirmed or the user added, in milliseconds since the Unix epoch.
    pub created_ms: u64,
}

impl Operation for ListUsers {
    const NAME: &'static str = "list-users";
    type Reply = Vec<UserRow>;

    async fn run(self, accounts: &Accounts, _asked: &Asked) -> Result<Vec<UserRow>, ControlError> {
        let after = self.after.as_deref().map(username).transpose()?;
        let users = accounts.stores.users.list(after.as_ref(), PAGE).await?;
        Ok(users.iter().map(UserRow::of).collect())
    }
}

/// Shows one user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowUser {
    /// Whom.
    pub username: String,
}

/// A user, looked at alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShownUser {
    /// What a list says of the user.
    #[serde(flatten)]
    pub row: UserRow,
    /// How many keys of the user may sign.
    pub keys: usize,
    /// How many sessions of the user are open.
    #[serde(default)]
    pub sessions: usize,
}

impl Operation for ShowUser {
    const NAME: &'static str = "show-user";
    type Reply = ShownUser;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<ShownUser, ControlError> {
        let user = named(accounts, &self.username).await?;
        let keys = accounts.stores.keys.of_user(user.id).await?;
        let may_sign = |state| matches!(state, KeyState::Active | KeyState::Ending { .. });
        let keys = keys.into_iter().filter(|key| may_sign(key.state)).count();
        let sessions = open_sessions(accounts, user.id, asked.at).await?;
        Ok(ShownUser { row: UserRow::of(&user), keys, sessions })
    }
}

impl UserRow {
    /// The user.
    pub fn of(user: &User) -> Self {
        let state = match user.state {
            UserState::Enabled => "enabled",
            UserState::Disabled => "disabled",
            UserState::Deleted => "deleted",
        };
        Self {
            user_id: user.id.to_string(),
            username: user.username.to_string(),
            role: user.role.to_string(),
            state: state.to_owned(),
            permissions: user.permissions.iter().map(ToString::to_string).collect(),
            has_password: user.has_password,
            generation: user.generation,
            created_ms: user.created.as_millis(),
        }
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

/// What the store says of a change, once the keyring knows of it, too.
async fn done(accounts: &Accounts, user: &User, change: Change) -> Result<(), ControlError> {
    match change {
        Change::Made | Change::Already => Ok(accounts.reload_keys(user.id).await?),
        Change::Missing => Err(not_found("this user was deleted meanwhile")),
    }
}
