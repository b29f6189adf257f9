use countersign_core::account::UserState;
use countersign_core::event::EventKind;
use serde::{Deserialize, Serialize};

use super::super::{Asked, ControlError, Operation};
use super::{done, named};
use crate::accounts::Accounts;

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
    /// From now on no key, session or password of this user is accepted, until the user is enabled again.
    DisableUser, "disable-user", UserState::Disabled, EventKind::UserDisabled
);
state_change!(
    /// A disabled user's keys and password are accepted again.
    EnableUser, "enable-user", UserState::Enabled, EventKind::UserEnabled
);
state_change!(
    /// The user, all keys and all sessions are gone for ever; the name is free.
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
        accounts.deny_user(user.id, asked.at)?;
    }
    let event = asked.event(kind, (Some(user.id), None), user.username.to_string());
    let change = accounts.stores.users.set_state(user.id, state, &event).await?;
    done(accounts, &user, change).await
}
