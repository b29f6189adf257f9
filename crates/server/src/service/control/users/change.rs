use core::fmt;

use countersign_core::account::Role;
use countersign_core::event::EventKind;
use countersign_core::password::PasswordHash;
use countersign_core::permission::Permissions;
use countersign_core::session::Scope;
use countersign_store::port::PasswordSet;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::{Asked, ControlError, Operation, not_found, unprocessable};
use super::{done, named};
use crate::accounts::Accounts;
use crate::hashing::Cost;

/// The hash of a password on the control socket. It wipes itself and prints as `redacted`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct HashText(Zeroizing<String>);

impl From<String> for HashText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<HashText> for String {
    fn from(HashText(text): HashText) -> Self {
        text.as_str().to_owned()
    }
}

impl HashText {
    /// A hash of our own making, if it is one that can be checked later.
    pub(super) fn hash(&self) -> Result<PasswordHash, ControlError> {
        let hash = PasswordHash::from_phc(self.0.to_string()).ok().filter(|hash| Cost::of(hash).is_ok());
        hash.ok_or_else(|| unprocessable("this is no argon2id hash; use the `countersign` of the server's version"))
    }
}

impl From<&PasswordHash> for HashText {
    fn from(hash: &PasswordHash) -> Self {
        Self(Zeroizing::new(hash.expose().to_owned()))
    }
}

impl fmt::Debug for HashText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashText(redacted)")
    }
}

/// Gives a person another password, or the first. Their sessions end; their keys go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetPassword {
    /// Whom.
    pub username: String,
    /// The hash of the password: the password itself stays with whoever typed it.
    pub password: HashText,
}

impl Operation for SetPassword {
    const NAME: &'static str = "set-password";
    type Reply = ();

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<(), ControlError> {
        let hash = self.password.hash()?;
        let _alone = accounts.changing.lock().await;
        let user = named(accounts, &self.username).await?;
        let event = asked.event(
            EventKind::PasswordChanged,
            (Some(user.id), None),
            format!("{}, by an operator", user.username),
        );
        accounts.sessions.deny(&Scope::User(user.id), asked.at)?;
        match accounts.stores.users.set_password(user.id, user.generation, &hash, &event).await? {
            PasswordSet::Done => Ok(accounts.reload_keys(user.id).await?),
            PasswordSet::Stale => Err(unprocessable("this user was changed at the same moment; try again")),
            PasswordSet::Missing if user.role == Role::Service => {
                Err(unprocessable("a program has no password: it signs with its key"))
            }
            PasswordSet::Missing => Err(not_found("this user was deleted meanwhile")),
        }
    }
}

/// Gives a user another role. Their sessions end; whoever becomes a program loses the password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetRole {
    /// Whom.
    pub username: String,
    /// `user`, `admin` or `service`.
    pub role: String,
}

impl Operation for SetRole {
    const NAME: &'static str = "set-role";
    type Reply = ();

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<(), ControlError> {
        let role = role(&self.role)?;
        let _alone = accounts.changing.lock().await;
        let user = named(accounts, &self.username).await?;
        let detail = format!("{}, from {} to {role}", user.username, user.role);
        let event = asked.event(EventKind::RoleChanged, (Some(user.id), None), detail);
        if user.role != role {
            accounts.sessions.deny(&Scope::User(user.id), asked.at)?;
        }
        let change = accounts.stores.users.set_role(user.id, role, &event).await?;
        done(accounts, &user, change).await
    }
}

/// Gives a user these permissions and no others. Their sessions end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetPermissions {
    /// Whom.
    pub username: String,
    /// What the user may do at the API.
    pub permissions: Vec<String>,
}

impl Operation for SetPermissions {
    const NAME: &'static str = "set-permissions";
    type Reply = ();

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<(), ControlError> {
        let permissions = permissions(&self.permissions)?;
        let _alone = accounts.changing.lock().await;
        let user = named(accounts, &self.username).await?;
        let now = if permissions.is_empty() { "none".to_owned() } else { permissions.to_string() };
        let event =
            asked.event(EventKind::PermissionsChanged, (Some(user.id), None), format!("{}, now {now}", user.username));
        if user.permissions != permissions {
            accounts.sessions.deny(&Scope::User(user.id), asked.at)?;
        }
        let change = accounts.stores.users.set_permissions(user.id, &permissions, &event).await?;
        done(accounts, &user, change).await
    }
}

pub(super) fn role(text: &str) -> Result<Role, ControlError> {
    text.parse().map_err(|error| unprocessable(format!("{error}")))
}

pub(super) fn permissions(words: &[String]) -> Result<Permissions, ControlError> {
    let permissions = words.iter().map(|word| word.parse()).collect::<Result<Vec<_>, _>>();
    permissions.and_then(Permissions::new).map_err(|error| unprocessable(format!("{error}")))
}
