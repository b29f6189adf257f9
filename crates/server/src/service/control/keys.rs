//! Signing keys: whose they are, and their end.

use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, User, UserState};
use countersign_core::event::EventKind;
use countersign_core::id::KeyId;
use countersign_store::port::Change;
use serde::{Deserialize, Serialize};

use super::invitations::PAGE;
use super::users::named;
use super::{Asked, ControlError, Operation, not_found, unprocessable};
use crate::accounts::Accounts;

/// Lists keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListKeys {
    /// Of this user only.
    pub username: Option<String>,
    /// Begin after this key.
    pub after: Option<String>,
}

/// A key in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyRow {
    /// The public name of the key.
    pub keyid: String,
    /// Whose it is.
    pub user_id: String,
    /// The user's name, unless the user was deleted.
    pub username: Option<String>,
    /// What the user calls the device.
    pub device: String,
    /// `active` or `revoked`.
    pub state: String,
    /// `group`, `ticket` or `seed-mode`.
    pub origin: String,
    /// When it was confirmed, in milliseconds since the Unix epoch.
    pub created_ms: u64,
}

impl Operation for ListKeys {
    const NAME: &'static str = "list-keys";
    type Reply = Vec<KeyRow>;

    async fn run(self, accounts: &Accounts, _asked: &Asked) -> Result<Vec<KeyRow>, ControlError> {
        let keys = match (self.username, self.after) {
            (Some(_), Some(_)) => Vec::new(),
            (Some(name), None) => accounts.stores.keys.of_user(named(accounts, &name).await?.id).await?,
            (None, after) => {
                let after = after.as_deref().map(keyid).transpose()?;
                accounts.stores.keys.list(after.as_ref(), PAGE).await?
            }
        };
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            let user = accounts.stores.users.find(key.user).await?;
            rows.push(row(key, user.filter(|user| user.state != UserState::Deleted)));
        }
        Ok(rows)
    }
}

fn row(key: KeyRecord, user: Option<User>) -> KeyRow {
    let state = match key.state {
        KeyState::Active => "active",
        KeyState::Revoked { .. } => "revoked",
    };
    let origin = match key.origin {
        KeyOrigin::GroupCard => "group",
        KeyOrigin::Ticket(_) => "ticket",
        KeyOrigin::SeedMode => "seed-mode",
    };
    KeyRow {
        keyid: key.id.to_string(),
        user_id: key.user.to_string(),
        username: user.map(|user| user.username.to_string()),
        device: key.device,
        state: state.to_owned(),
        origin: origin.to_owned(),
        created_ms: key.created.as_millis(),
    }
}

/// Ends a key for ever.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeKey {
    /// Its public name.
    pub keyid: String,
}

impl Operation for RevokeKey {
    const NAME: &'static str = "revoke-key";
    type Reply = ();

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<(), ControlError> {
        let id = keyid(&self.keyid)?;
        let _alone = accounts.changing.lock().await;
        accounts.keyring.revoke(&id)?;
        let user = accounts.stores.keys.find(&id).await?.map(|key| key.user);
        let event = asked.event(EventKind::KeyRevoked, (user, Some(id.clone())), String::new());
        match accounts.stores.keys.revoke(&id, &event).await? {
            Change::Made | Change::Already => Ok(()),
            Change::Missing => Err(not_found("no key has this id; `countersign key list` shows them")),
        }
    }
}

fn keyid(text: &str) -> Result<KeyId, ControlError> {
    text.parse().map_err(|_| {
        unprocessable("a keyid is `k` and 16 to 63 lower-case letters and digits, as `countersign key list` shows them")
    })
}
