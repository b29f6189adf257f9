//! A session as it is shown.

use countersign_core::id::SessionRef;
use countersign_core::session::{OpenedBy, Session, SessionState};
use countersign_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Undecided;
use crate::accounts::Accounts;
use crate::sessions::Standing;

/// A session in answers and in lists. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct SessionRow {
    /// Its public name.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Whose it is.
    pub user_id: String,
    /// The name of the user; empty when that one was deleted.
    pub username: String,
    /// What the user calls the device; empty when nobody has said.
    pub device: String,
    /// The address from which it was opened, or refreshed since: not that of every use.
    pub ip_address: String,
    /// What the client called itself then.
    pub user_agent: Option<String>,
    /// What its requests have to prove: `key` or `bearer`.
    pub proof: String,
    /// `password`, or the keyid that opened it.
    pub opened_by: String,
    /// When it was opened.
    pub created_ms: u64,
    /// When it was last used, to ten seconds.
    pub last_used_ms: u64,
    /// When the user last proved who they are.
    pub auth_time_ms: u64,
    /// When it is over, whatever happens.
    pub expires_ms: u64,
    /// `open`, `ended` or `expired`.
    pub state: String,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// Why it ended.
    pub why: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl SessionRow {
    /// The session as the guard holds it at `now`, without the name of its user. Memory knows more than the store: of ends
    /// that are being written, of those that befell all sessions of a user or a key, and when a session was last used. What
    /// memory does not hold nobody can use.
    pub fn now(
        accounts: &Accounts,
        session: &Session,
        asking: Option<SessionRef>,
        now: Timestamp,
    ) -> Result<(Standing, Self), Undecided> {
        let entry = accounts.sessions.find(session.reference)?;
        let standing = match (session.state, &entry) {
            (SessionState::Ended { .. }, _) => Standing::Ended,
            (SessionState::Open, Some(entry)) => accounts.standing(entry, now)?,
            (SessionState::Open, None) if session.is_live(now) => Standing::Ended,
            (SessionState::Open, None) => Standing::Expired,
        };
        let last_used = entry.map_or(session.last_used, |entry| entry.last_used().max(session.last_used));
        let row = Self::of(session, "", asking, now);
        Ok((standing, Self { state: word(standing).to_owned(), last_used_ms: last_used.as_millis(), ..row }))
    }

    /// The session at `now` as it is kept, to whoever asks in the session `asking`.
    pub fn of(session: &Session, username: &str, asking: Option<SessionRef>, now: Timestamp) -> Self {
        let (state, ended, why) = match session.state {
            SessionState::Open if session.is_live(now) => ("open", None, None),
            SessionState::Open => ("expired", None, None),
            SessionState::Ended { at, why } => ("ended", Some(at), Some(why)),
        };
        let opened_by = match &session.opened_by {
            OpenedBy::Password { .. } => "password".to_owned(),
            OpenedBy::Key(key) => key.to_string(),
        };
        Self {
            reference: session.reference.to_string(),
            user_id: session.user.to_string(),
            username: username.to_string(),
            device: session.device.to_string(),
            ip_address: session.address.to_string(),
            user_agent: session.user_agent.as_deref().map(str::to_owned),
            proof: session.proof.as_str().to_owned(),
            opened_by,
            created_ms: session.created.as_millis(),
            last_used_ms: session.last_used.as_millis(),
            auth_time_ms: session.auth_time.as_millis(),
            expires_ms: session.expires.as_millis(),
            state: state.to_owned(),
            ended_ms: ended.map(Timestamp::as_millis),
            why: why.map(|why| why.to_string()),
            current: asking == Some(session.reference),
        }
    }
}

/// The word for it in lists.
const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Open => "open",
        Standing::Ended => "ended",
        Standing::Expired => "expired",
    }
}
