//! Sessions: whose are open, and their end.

use countersign_core::account::{User, UserState};
use countersign_core::id::{SessionRef, UserId};
use countersign_core::session::{EndReason, Scope, Session};
use countersign_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::invitations::PAGE;
use super::users::named;
use super::{Asked, ControlError, Operation, not_found, unprocessable};
use crate::accounts::Accounts;
use crate::service::end_sessions::{end_everything, end_in};
use crate::service::revoke_user::{Taking, take};
use crate::service::session_row::SessionRow;
use crate::sessions::Standing;

/// Lists sessions, ended ones included for as long as they are kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListSessions {
    /// Of this user only.
    pub username: Option<String>,
    /// Begin after this one.
    pub after: Option<String>,
}

impl Operation for ListSessions {
    const NAME: &'static str = "list-sessions";
    type Reply = Vec<SessionRow>;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<Vec<SessionRow>, ControlError> {
        let after = self.after.as_deref().map(reference).transpose()?;
        let sessions = &accounts.stores.sessions;
        let found = match self.username {
            Some(name) => sessions.of_user(named(accounts, &name).await?.id, after, PAGE).await?,
            None => sessions.list(after, PAGE).await?,
        };
        let mut rows = Vec::with_capacity(found.len());
        for session in found {
            rows.push(row(accounts, &session, asked.at).await?);
        }
        Ok(rows)
    }
}

/// Shows one session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowSession {
    /// Its public name.
    pub reference: String,
}

impl Operation for ShowSession {
    const NAME: &'static str = "show-session";
    type Reply = SessionRow;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<SessionRow, ControlError> {
        let session = found(accounts, &self.reference).await?;
        row(accounts, &session, asked.at).await
    }
}

/// Ends one session for ever.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeSession {
    /// Its public name.
    pub reference: String,
}

impl Operation for RevokeSession {
    const NAME: &'static str = "revoke-session";
    type Reply = ();

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<(), ControlError> {
        let session = found(accounts, &self.reference).await?;
        end_in(accounts, &Scope::Session(session.reference), EndReason::RevokedByAdmin, asked).await?;
        Ok(())
    }
}

/// Takes back everything that a user was issued: all sessions, and the keys if that is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeUserSessions {
    /// Whose.
    pub username: String,
    /// The keys, too.
    #[serde(default)]
    pub keys: bool,
}

/// What was ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RevokedSessions {
    /// How many sessions.
    pub sessions: u64,
}

impl Operation for RevokeUserSessions {
    const NAME: &'static str = "revoke-user-sessions";
    type Reply = RevokedSessions;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<RevokedSessions, ControlError> {
        let user = named(accounts, &self.username).await?;
        let sessions = take(accounts, Taking { user: user.id, keys: self.keys }, asked).await?;
        Ok(RevokedSessions { sessions })
    }
}

/// Ends everything that anybody was issued: all sessions, and with them all tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeEverybody {}

impl Operation for RevokeEverybody {
    const NAME: &'static str = "revoke-everybody";
    type Reply = ();

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<(), ControlError> {
        Ok(end_everything(accounts, asked).await?)
    }
}

/// How many sessions of a user are open at `now`.
pub(super) async fn open_sessions(accounts: &Accounts, user: UserId, now: Timestamp) -> Result<usize, ControlError> {
    let (mut open, mut after) = (0, None);
    loop {
        let page = accounts.stores.sessions.of_user(user, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(open) };
        after = Some(last.reference);
        for session in page {
            let (standing, _) = SessionRow::now(accounts, &session, None, now)?;
            open += usize::from(standing == Standing::Open);
        }
    }
}

/// A session as it is shown.
async fn row(accounts: &Accounts, session: &Session, now: Timestamp) -> Result<SessionRow, ControlError> {
    let user = accounts.stores.users.find(session.user).await?.filter(|user: &User| user.state != UserState::Deleted);
    let username = user.map(|user| user.username.to_string()).unwrap_or_default();
    let (_, row) = SessionRow::now(accounts, session, None, now)?;
    Ok(SessionRow { username, ..row })
}

async fn found(accounts: &Accounts, text: &str) -> Result<Session, ControlError> {
    let found = accounts.stores.sessions.find(reference(text)?).await?;
    found.ok_or_else(|| not_found("there is no such session; `countersign session list` shows those that there are"))
}

/// The session that this names.
pub(super) fn reference(text: &str) -> Result<SessionRef, ControlError> {
    text.parse().map_err(|_| {
        unprocessable(
            "a session has a reference of 22 letters, digits, - and _, as `countersign session list` shows them",
        )
    })
}
