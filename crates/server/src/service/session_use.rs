//! A session is used: whether it counts, and where from.

use std::net::IpAddr;

use countersign_core::event::{Event, EventKind};
use countersign_core::session::{EndReason, Scope};
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Principal, Prover, Refusal, Verdict};

use super::Undecided;
use super::control::Asked;
use super::end_sessions::end;
use crate::accounts::Accounts;
use crate::app::SharedApp;
use crate::config::OnNetworkChange;
use crate::sessions::Entry;

/// What a request of a session gets whose proof is right, at a time of the accept clock.
pub async fn judge(app: &SharedApp, session: &Entry, from: IpAddr, now: Timestamp) -> Result<Verdict, Undecided> {
    app.accounts.sessions.advance(now);
    let verdict = app.accounts.verdict_on(session, now)?;
    if !matches!(verdict, Verdict::Admit(_)) || !session.is_stranger(from) {
        return Ok(verdict);
    }
    match app.accounts.config.sessions.on_network_change {
        OnNetworkChange::Warn => {
            warn(app, session, from, now).await?;
            Ok(verdict)
        }
        OnNetworkChange::Revoke => {
            warn(app, session, from, now).await?;
            let reference = session.reference();
            let asked = Asked { actor: from.to_string(), session: Some(reference), at: now };
            end(app, Scope::Session(reference), EndReason::NetworkChanged, asked).await?;
            Ok(Verdict::Refuse(Refusal::TokenRevoked))
        }
    }
}

/// A session is used from a network from which it was neither opened nor refreshed. That is told once for each; it is what
/// a stolen token looks like, and a telephone on its way home.
async fn warn(app: &SharedApp, session: &Entry, from: IpAddr, now: Timestamp) -> Result<(), Undecided> {
    let sessions = &app.accounts.sessions;
    if !sessions.note_stranger(session, from)? {
        return Ok(());
    }
    let reference = session.reference();
    let user = session.username();
    tracing::warn!(session = %reference, %user, %from, "IP address mismatch: a session is used from another address");
    let event = Event {
        at: now,
        kind: EventKind::NetworkChange,
        user: Some(session.user()),
        key: session.opened_by().cloned(),
        session: Some(reference),
        actor: from.to_string(),
        detail: "it was neither opened nor refreshed from there".to_owned(),
    };
    if let Err(error) = app.accounts.stores.events.record(&event).await {
        sessions.forget_strangers(session)?;
        return Err(error.into());
    }
    Ok(())
}

/// Notes that a session is used by an admitted request.
pub fn note(
    accounts: &Accounts,
    principal: &Principal,
    from: IpAddr,
    user_agent: Option<&str>,
) -> Result<(), Undecided> {
    let Prover::Session(session) = principal.prover else { return Ok(()) };
    match accounts.sessions.find(session)? {
        Some(entry) => Ok(accounts.sessions.note_use(&entry, from, user_agent)?),
        None => Ok(()),
    }
}
