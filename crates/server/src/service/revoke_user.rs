//! An administrator takes back everything that a user was issued.

use countersign_core::account::{KeyState, Role, UserState};
use countersign_core::event::EventKind;
use countersign_core::id::UserId;
use countersign_core::session::{EndReason, Scope};
use countersign_core::time::Timestamp;
use countersign_core::verdict::Principal;

use super::control::Asked;
use super::end_sessions::end_in;
use super::sensitive::may_do_sensitive;
use super::whence::Whence;
use super::{Undecided, to_its_end};
use crate::accounts::Accounts;
use crate::app::SharedApp;

/// Whose, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taking {
    /// Whose.
    pub user: UserId,
    /// Their keys, too: they have to be enrolled or recovered anew.
    pub keys: bool,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// All of it is void.
    Done,
    /// Whoever asks is no administrator.
    Forbidden,
    /// The administrator has to log in again first.
    TooLongAgo,
    /// There is no such user.
    NoSuchUser,
}

/// Ends all sessions of a user, and their keys if that is asked for.
pub async fn take_back(
    app: &SharedApp,
    caller: &Principal,
    taking: Taking,
    whence: &Whence,
    now: Timestamp,
) -> Result<TakenBack, Undecided> {
    if caller.role != Role::Admin {
        return Ok(TakenBack::Forbidden);
    }
    if !may_do_sensitive(&app.accounts, caller, now) {
        return Ok(TakenBack::TooLongAgo);
    }
    let user = app.accounts.stores.users.find(taking.user).await?;
    if user.is_none_or(|user| user.state == UserState::Deleted) {
        return Ok(TakenBack::NoSuchUser);
    }
    let asked = Asked {
        actor: format!("{} from {}", caller.username, whence.address),
        session: caller.session.as_ref().map(|session| session.reference),
        at: now,
    };
    let app = app.clone();
    to_its_end(async move { take(&app.accounts, taking, &asked).await }).await?;
    Ok(TakenBack::Done)
}

/// The same for a caller that may do so and cannot be dropped half way.
pub(super) async fn take(accounts: &Accounts, taking: Taking, asked: &Asked) -> Result<u64, Undecided> {
    let _alone = accounts.changing.lock().await;
    // All of it in memory first: the keys end one by one in the store, and the first that it could not end must not leave
    // the others and the sessions as they were.
    if taking.keys {
        accounts.deny_user(taking.user, asked.at)?;
        end_keys(accounts, taking.user, asked).await?;
    }
    let ended = end_in(accounts, &Scope::User(taking.user), EndReason::UserRevoked, asked).await?;
    Ok(ended.len() as u64)
}

async fn end_keys(accounts: &Accounts, user: UserId, asked: &Asked) -> Result<(), Undecided> {
    for key in accounts.stores.keys.of_user(user).await? {
        if !matches!(key.state, KeyState::Revoked { .. }) {
            let concerned = (Some(user), Some(key.id.clone()));
            let event = asked.event(EventKind::KeyRevoked, concerned, "with everything of its user".to_owned());
            accounts.stores.keys.revoke(&key.id, &event).await?;
        }
    }
    accounts.reload_keys(user).await
}
