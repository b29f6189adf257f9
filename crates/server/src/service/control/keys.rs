//! Signing keys: whose they are, and their end.

use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, User, UserState};
use countersign_core::event::EventKind;
use countersign_core::id::KeyId;
use countersign_core::succession::descendants;
use countersign_core::time::Timestamp;
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
    /// `active`, `ending` or `revoked`.
    pub state: String,
    /// When it ends, or ended, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub ends_ms: Option<u64>,
    /// `group`, `ticket`, `seed-mode`, `rotation` or `recovery`.
    pub origin: String,
    /// The key in whose place it stands.
    #[serde(default)]
    pub predecessor: Option<String>,
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
    let (state, ends) = state(key.state);
    KeyRow {
        keyid: key.id.to_string(),
        user_id: key.user.to_string(),
        username: user.map(|user| user.username.to_string()),
        device: key.device,
        state: state.to_owned(),
        ends_ms: ends.map(Timestamp::as_millis),
        origin: origin(&key.origin).to_owned(),
        predecessor: key.origin.predecessor().map(ToString::to_string),
        created_ms: key.created.as_millis(),
    }
}

/// The name of a state in lists, and when the key ends or ended.
pub(crate) const fn state(state: KeyState) -> (&'static str, Option<Timestamp>) {
    match state {
        KeyState::Active => ("active", None),
        KeyState::Ending { at } => ("ending", Some(at)),
        KeyState::Revoked { at } => ("revoked", Some(at)),
    }
}

/// The name of an origin in lists.
pub(crate) const fn origin(origin: &KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::GroupCard => "group",
        KeyOrigin::Ticket(_) => "ticket",
        KeyOrigin::SeedMode => "seed-mode",
        KeyOrigin::Rotation(_) => "rotation",
        KeyOrigin::Recovery(_) => "recovery",
    }
}

/// Ends a key for ever, and all that have come from it by rotation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeKey {
    /// Its public name.
    pub keyid: String,
}

/// What was ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RevokedKeys {
    /// The keys that came from the one that was named, and have ended with it.
    pub with_it: Vec<String>,
    /// The key in whose place it stood, while that can still sign.
    pub predecessor: Option<String>,
}

impl Operation for RevokeKey {
    const NAME: &'static str = "revoke-key";
    type Reply = RevokedKeys;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<RevokedKeys, ControlError> {
        let id = keyid(&self.keyid)?;
        let _alone = accounts.changing.lock().await;
        accounts.deny_key(&id, asked.at)?;
        let user = accounts.stores.keys.find(&id).await?.map(|key| key.user);
        let keys = match user {
            Some(user) => accounts.stores.keys.of_user(user).await?,
            None => Vec::new(),
        };
        let ended = descendants(&keys, &id);
        for descendant in &ended {
            accounts.deny_key(descendant, asked.at)?;
        }
        let event = asked.event(EventKind::KeyRevoked, (user, Some(id.clone())), String::new());
        let revoked = accounts.stores.keys.revoke(&id, &event).await?;
        accounts.sessions.log_has_grown();
        match revoked {
            Change::Made | Change::Already => Ok(RevokedKeys {
                with_it: ended.into_iter().filter(|ended| **ended != id).map(ToString::to_string).collect(),
                predecessor: living_predecessor(&keys, &id, asked.at),
            }),
            Change::Missing => Err(not_found("no key has this id; `countersign key list` shows them")),
        }
    }
}

fn living_predecessor(keys: &[KeyRecord], of: &KeyId, now: Timestamp) -> Option<String> {
    let predecessor = keys.iter().find(|key| key.id == *of)?.origin.predecessor()?;
    keys.iter().find(|key| key.id == *predecessor && key.state.may_sign(now)).map(|key| key.id.to_string())
}

fn keyid(text: &str) -> Result<KeyId, ControlError> {
    text.parse().map_err(|_| {
        unprocessable("a keyid is `k` and 16 to 63 lower-case letters and digits, as `countersign key list` shows them")
    })
}
