use core::net::IpAddr;

use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::id::{SessionRef, UserId};
use countersign_core::session::{EndReason, Family, Limit, Scope, Session};
use countersign_core::time::Timestamp;

use super::StoreError;

/// Sessions. They come into being with the family of their refresh tokens, and end for ever.
///
/// Whatever ends sessions, by this port or another, ends their families, appends to the log of
/// [`Revocations`](super::Revocations) and records an event for each, in one transaction. A row whose MAC does not hold is
/// given back as ended. A session of an earlier [epoch](countersign_core::session::Epoch) is given back as ended with it.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Keeps a new session and its family at `event.at`, ending as many others of its user as the limit says. Of any
    /// number of logins at once no more than the limit are live afterwards. After [`Opened::LimitReached`] and
    /// [`Opened::Stale`] nothing has changed. An id that exists is an error.
    async fn open(
        &self,
        session: &Session,
        family: &Family,
        limit: Option<Limit>,
        event: &Event,
    ) -> Result<Opened, StoreError>;

    /// The session of this name, ended ones included.
    async fn find(&self, session: SessionRef) -> Result<Option<Session>, StoreError>;

    /// At most `limit` sessions of a user by name, ended ones included, after this one.
    async fn of_user(&self, user: UserId, after: Option<SessionRef>, limit: u32) -> Result<Vec<Session>, StoreError>;

    /// At most `limit` sessions by name, ended ones included, after this one; for the table in memory at start.
    async fn list(&self, after: Option<SessionRef>, limit: u32) -> Result<Vec<Session>, StoreError>;

    /// Ends sessions at `event.at` and says which. Each has its own event, which is `event` for that session.
    /// [`Scope::User`] raises the user's generation too, if there is such a user, which `event` tells of itself.
    async fn end(&self, scope: &Scope, why: EndReason, event: &Event) -> Result<Vec<SessionRef>, StoreError>;

    /// Keeps when and where sessions were last used. Those are left alone that have ended, are of another generation, or
    /// were used later.
    async fn touch(&self, touched: &[Touched]) -> Result<(), StoreError>;

    /// Forgets at most `limit` sessions and their families that [are past](Session::is_past) at `now`; how many it were.
    async fn forget_expired(&self, now: Timestamp, limit: u32) -> Result<u32, StoreError>;
}

/// What became of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The session is open.
    Done {
        /// These have ended for it.
        evicted: Vec<SessionRef>,
    },
    /// The user has as many sessions as may be.
    LimitReached,
    /// What the login relied upon is no longer so: the user is not enabled, the generation or the epoch has risen, or the
    /// key has ended.
    Stale,
}

/// The use of a session, as it is written behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Which session.
    pub session: SessionRef,
    /// The session's generation when it was used.
    pub generation: u32,
    /// When.
    pub last_used: Timestamp,
    /// Where from.
    pub address: IpAddr,
    /// What the client called itself, as in [`Session::user_agent`].
    pub user_agent: Option<Box<str>>,
}
