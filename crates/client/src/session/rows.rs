use serde::{Deserialize, Serialize};

/// A session as the server shows it. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct SessionRow {
    /// Its public name.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Whose it is.
    #[serde(default)]
    pub user_id: String,
    /// The user's name; empty when that one was deleted.
    pub username: String,
    /// What its user calls the device; empty when nobody has said.
    pub device: String,
    /// The address from which it was opened, or refreshed since: not that of every use.
    pub ip_address: String,
    /// What the client called itself then.
    pub user_agent: Option<String>,
    /// What its requests prove themselves by: `key` or `bearer`.
    pub proof: String,
    /// `password`, or the keyid that opened it.
    pub opened_by: String,
    /// When it was opened.
    pub created_ms: u64,
    /// When it was last used.
    pub last_used_ms: u64,
    /// When its user last proved who they are.
    pub auth_time_ms: u64,
    /// When it is over, whatever happens.
    pub expires_ms: u64,
    /// `open`, `ended` or `expired`.
    #[serde(default)]
    pub state: String,
    /// When it ended.
    #[serde(default)]
    pub ended_ms: Option<u64>,
    /// Why it ended.
    #[serde(default)]
    pub why: Option<String>,
    /// Whether it is the one that asks: "this one".
    pub current: bool,
}

/// Who the guard takes the caller for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WhoAmI {
    /// The user.
    pub user_id: String,
    /// The user's name.
    pub username: String,
    /// `user`, `admin` or `service`.
    pub role: String,
    /// What the user may do at the API behind.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// What has signed, or would have: a key's name, or a session's.
    pub keyid: String,
    /// The session, where there is one.
    #[serde(default)]
    pub session: Option<SessionRow>,
}

/// A part of a list of sessions.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) sessions: Vec<SessionRow>,
    pub(super) next: Option<String>,
}
