use std::collections::HashMap;

use countersign_core::id::{SessionRef, UserId};
use countersign_core::time::Timestamp;
use countersign_core::username::Username;
use serde::Serialize;

use super::MOST_ROWS;
use crate::accounts::Accounts;
use crate::service::Undecided;
use crate::service::session_row::SessionRow;
use crate::sessions::Standing;

/// Which sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhichSessions {
    /// Begin after this one.
    pub after: Option<SessionRef>,
    /// Look at no more than so many.
    pub limit: u32,
    /// Only those of this user.
    pub user: Option<UserId>,
    /// Only those in this state.
    pub state: Option<Standing>,
}

/// A part of the sessions that there are, ended ones included, by name.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<SessionRow>,
    /// Ask again after this one; null when there are no more.
    pub next: Option<String>,
}

/// The sessions that are asked for, to whoever asks in the session `asking`.
pub async fn sessions(
    accounts: &Accounts,
    which: &WhichSessions,
    asking: Option<SessionRef>,
    now: Timestamp,
) -> Result<SessionPage, Undecided> {
    let limit = which.limit.min(MOST_ROWS);
    let read = match which.user {
        Some(user) => accounts.stores.sessions.of_user(user, which.after, limit).await?,
        None => accounts.stores.sessions.list(which.after, limit).await?,
    };
    let is_last = read.len() < limit as usize;
    let next = read.last().filter(|_| !is_last).map(|last| last.reference.to_string());
    let (mut rows, mut names) = (Vec::new(), HashMap::new());
    for session in &read {
        let (standing, row) = SessionRow::now(accounts, session, asking, now)?;
        if which.state.is_some_and(|state| state != standing) {
            continue;
        }
        let username = name(accounts, &mut names, session.user).await?.to_string();
        rows.push(SessionRow { username, ..row });
    }
    Ok(SessionPage { sessions: rows, next })
}

/// The name of a user, looked up once for each.
async fn name(accounts: &Accounts, names: &mut HashMap<UserId, Username>, user: UserId) -> Result<Username, Undecided> {
    if let Some(name) = names.get(&user) {
        return Ok(name.clone());
    }
    let name = accounts.user(user).await?.username;
    names.insert(user, name.clone());
    Ok(name)
}
