use std::collections::HashMap;

use countersign_core::id::{SessionRef, UserId};
use countersign_core::session::{Session, SessionState};
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
        let (standing, last_used) = standing(accounts, session, now)?;
        if which.state.is_some_and(|state| state != standing) {
            continue;
        }
        let name = name(accounts, &mut names, session.user).await?;
        let row = SessionRow::of(session, name.as_str(), asking, now);
        rows.push(SessionRow { state: word(standing).to_owned(), last_used_ms: last_used.as_millis(), ..row });
    }
    Ok(SessionPage { sessions: rows, next })
}

/// The word for it in lists and filters.
const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Open => "open",
        Standing::Ended => "ended",
        Standing::Expired => "expired",
    }
}

/// Memory knows more than the store: of ends that are being written, of those that befell all sessions of a user, and when
/// a session was last used.
fn standing(accounts: &Accounts, session: &Session, now: Timestamp) -> Result<(Standing, Timestamp), Undecided> {
    let stored = match session.state {
        SessionState::Ended { .. } => Standing::Ended,
        SessionState::Open if session.is_live(now) => Standing::Open,
        SessionState::Open => Standing::Expired,
    };
    Ok(match (accounts.sessions.find(session.reference)?, stored) {
        (Some(entry), Standing::Open) => (accounts.sessions.standing(&entry, now), entry.last_used()),
        (Some(entry), Standing::Ended | Standing::Expired) => (stored, entry.last_used()),
        (None, _) => (stored, session.last_used),
    })
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
