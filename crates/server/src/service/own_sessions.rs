//! What users see and do of their own sessions.

use countersign_core::id::{SessionRef, UserId};
use countersign_core::session::{EndReason, Scope};
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Principal, SessionPrincipal};
use serde::Serialize;

use super::Undecided;
use super::control::Asked;
use super::end_sessions::end;
use super::session_row::SessionRow;
use super::whence::Whence;
use crate::app::{App, SharedApp};
use crate::sessions::Standing;

/// The most sessions that are shown at once.
pub const MOST: u32 = 100;

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Begin after this one.
    pub after: Option<SessionRef>,
    /// At most so many, and never more than [`MOST`].
    pub limit: u32,
}

/// A part of a user's open sessions, by name.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct OwnSessions {
    /// The sessions.
    pub sessions: Vec<SessionRow>,
    /// Ask again after this one; null when there are no more.
    pub next: Option<String>,
}

/// Lists the sessions of whoever asks that are open.
pub async fn list(app: &App, caller: &Principal, page: Page, now: Timestamp) -> Result<OwnSessions, Undecided> {
    let asking = caller.session.as_ref().map(|session| session.reference);
    let (limit, mut after) = (page.limit.min(MOST) as usize, page.after);
    let mut rows = Vec::new();
    loop {
        let sessions = app.accounts.stores.sessions.of_user(caller.user, after, MOST).await?;
        let is_last = sessions.len() < MOST as usize;
        for session in sessions {
            let (Standing::Open, row) = SessionRow::now(&app.accounts, &session, asking, now)? else { continue };
            if rows.len() == limit {
                let next = after.map(|after| after.to_string());
                return Ok(OwnSessions { sessions: rows, next });
            }
            after = Some(session.reference);
            rows.push(SessionRow { username: caller.username.to_string(), ..row });
        }
        if is_last {
            return Ok(OwnSessions { sessions: rows, next: None });
        }
    }
}

/// The session of whoever asks; none where a key asks.
pub async fn present(app: &App, caller: &Principal, now: Timestamp) -> Result<Option<SessionRow>, Undecided> {
    let Some(asking) = caller.session.as_ref().map(|session| session.reference) else { return Ok(None) };
    let Some(kept) = app.accounts.stores.sessions.find(asking).await? else { return Ok(None) };
    let (_, row) = SessionRow::now(&app.accounts, &kept, Some(asking), now)?;
    Ok(Some(SessionRow { username: caller.username.to_string(), ..row }))
}

/// Ends the session that asks: a logout.
pub async fn log_out(
    app: &SharedApp,
    session: &SessionPrincipal,
    whence: &Whence,
    now: Timestamp,
) -> Result<(), Undecided> {
    end(app, Scope::Session(session.reference), EndReason::LoggedOut, asked(Some(session), whence, now)).await?;
    Ok(())
}

/// Ends all sessions of a user but the one that asks.
pub async fn revoke_others(
    app: &SharedApp,
    (user, session): (UserId, &SessionPrincipal),
    whence: &Whence,
    now: Timestamp,
) -> Result<(), Undecided> {
    let others = Scope::Others { user, keep: session.reference };
    end(app, others, EndReason::Revoked, asked(Some(session), whence, now)).await?;
    Ok(())
}

/// Ends one of a user's sessions, or finds that it has ended. False: the user has no such session, whether anybody else has
/// or not.
pub async fn revoke(
    app: &SharedApp,
    caller: &Principal,
    target: SessionRef,
    whence: &Whence,
    now: Timestamp,
) -> Result<bool, Undecided> {
    let found = app.accounts.stores.sessions.find(target).await?;
    if found.is_none_or(|session| session.user != caller.user) {
        return Ok(false);
    }
    let is_own = caller.session.as_ref().is_some_and(|session| session.reference == target);
    let why = if is_own { EndReason::LoggedOut } else { EndReason::Revoked };
    end(app, Scope::Session(target), why, asked(caller.session.as_ref(), whence, now)).await?;
    Ok(true)
}

fn asked(session: Option<&SessionPrincipal>, whence: &Whence, now: Timestamp) -> Asked {
    Asked { actor: whence.address.to_string(), session: session.map(|session| session.reference), at: now }
}
