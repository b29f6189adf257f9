use countersign_core::account::{Credentials, Role, User, UserState};
use countersign_core::event::EventKind;
use countersign_core::id::UserId;
use countersign_store::port::Added;
use serde::{Deserialize, Serialize};

use super::super::{Asked, ControlError, Operation, unprocessable};
use super::change::{HashText, permissions, role};
use super::{UserRow, username};
use crate::accounts::Accounts;
use crate::edge;

/// Adds a person who logs in with a password. They have no key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddUser {
    /// The name.
    pub username: String,
    /// `user` or `admin`. A program enrols instead, with a card.
    pub role: String,
    /// What the user may do at the API.
    pub permissions: Vec<String>,
    /// The hash of the password: the password itself stays with whoever typed it.
    pub password: HashText,
}

impl Operation for AddUser {
    const NAME: &'static str = "add-user";
    type Reply = UserRow;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<UserRow, ControlError> {
        let role = role(&self.role)?;
        if role == Role::Service {
            return Err(unprocessable(
                "a program has no password; `countersign user invite --role service` makes a card for it to enrol with",
            ));
        }
        let user = User {
            id: UserId::from_random(edge::random()),
            username: username(&self.username)?,
            role,
            state: UserState::Enabled,
            permissions: permissions(&self.permissions)?,
            has_password: true,
            generation: 0,
            created: asked.at,
        };
        let credentials = Credentials::new(user, Some(self.password.hash()?));
        let user = credentials.user();
        let detail = format!("{}, {role}", user.username);
        let event = asked.event(EventKind::UserAdded, (Some(user.id), None), detail);
        match accounts.stores.users.add(&credentials, &event).await? {
            Added::Done => Ok(UserRow::of(credentials.user())),
            Added::NameTaken => Err(unprocessable(
                "somebody has this name already; `countersign user show` says who, `countersign user passwd` gives them \
                 another password",
            )),
        }
    }
}
