use countersign_core::account::{Role, UserState};
use countersign_core::username::Username;
use serde::Serialize;

use super::MOST_ROWS;
use crate::accounts::Accounts;
use crate::service::Undecided;
use crate::service::control::UserRow;

/// Which users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhichUsers {
    /// Begin after this name.
    pub after: Option<Username>,
    /// Look at no more than so many.
    pub limit: u32,
    /// Only those of this role.
    pub role: Option<Role>,
    /// Only those in this state.
    pub state: Option<UserState>,
}

/// A part of the users who are not deleted, by name.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct UserPage {
    /// The users.
    pub users: Vec<UserRow>,
    /// Ask again after this name; null when there are no more.
    pub next: Option<String>,
}

/// The users that are asked for.
pub async fn users(accounts: &Accounts, which: &WhichUsers) -> Result<UserPage, Undecided> {
    let limit = which.limit.min(MOST_ROWS);
    let read = accounts.stores.users.list(which.after.as_ref(), limit).await?;
    let is_last = read.len() < limit as usize;
    let next = read.last().filter(|_| !is_last).map(|last| last.username.to_string());
    let wanted = read.iter().filter(|user| {
        which.role.is_none_or(|role| user.role == role) && which.state.is_none_or(|state| user.state == state)
    });
    Ok(UserPage { users: wanted.map(UserRow::of).collect(), next })
}
