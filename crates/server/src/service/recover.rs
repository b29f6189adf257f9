//! A user who has lost every key gets a new one by a card or a code, and the others end (protocol §10).

use std::net::IpAddr;

use countersign_core::account::{KeyOrigin, Recovers, RecoveryKind, UserState};
use countersign_core::enrolment::pending::Pending;
use countersign_core::enrolment::{RecoveryCode, recovery_psk};
use countersign_core::event::EventKind;
use countersign_core::id::TicketId;
use countersign_core::secret::Secret32;
use countersign_core::session::Scope;
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Refusal, Verdict};
use countersign_store::port::Succeeded;

use super::Undecided;
use super::confirm::key_of;
use super::enrol::{Permission, is_spent};
use super::rotate::event;
use crate::app::App;

/// The psk of a recovery card or code, and what it permits. None when there is none of this id and kind, it is void, or its
/// user may not sign: whoever disabled a user has not left them a way round that.
pub(super) async fn permission(
    app: &App,
    (id, kind): (TicketId, RecoveryKind),
    now: Timestamp,
) -> Result<Option<(Secret32, Permission)>, Undecided> {
    let Some(ticket) = app.accounts.stores.tickets.find(id).await? else { return Ok(None) };
    let Some(Recovers { user, by }) = ticket.recovers else { return Ok(None) };
    let Some(spent) = is_spent(&ticket, now).filter(|_| by == kind) else { return Ok(None) };
    let user = app.accounts.stores.users.find(user).await?;
    let Some(user) = user.filter(|user| user.state == UserState::Enabled) else { return Ok(None) };
    let k_ticket = &app.accounts.secrets.ticket;
    let psk = match kind {
        RecoveryKind::Card => recovery_psk(k_ticket, id, ticket.not_after, (ticket.role, &user.username)),
        RecoveryKind::Code => RecoveryCode::of_ticket(k_ticket, id, &user.username).psk(id),
    };
    let (origin, username) = (KeyOrigin::Recovery(id), Some(user.username));
    Ok(Some((psk, Permission { role: user.role, origin, user: username, spent, rotation: None })))
}

/// Tells of a card or code that exists and was not proven; of others nothing is kept, since anybody can name them.
pub(super) async fn note_failure(
    app: &App,
    origin: Option<&KeyOrigin>,
    from: IpAddr,
    now: Timestamp,
) -> Result<(), Undecided> {
    let Some(KeyOrigin::Recovery(id)) = origin else { return Ok(()) };
    if let Some(event) = app.folding.note(EventKind::RecoveryFailed, &id.to_string(), from, now) {
        app.accounts.stores.events.record(&event).await?;
    }
    Ok(())
}

/// The new key has signed its first request: it is the only one of its user from now on. The caller holds
/// [`changing`](crate::accounts::Accounts::changing).
pub(super) async fn confirm(
    app: &App,
    pending: &Pending,
    ticket: TicketId,
    from: IpAddr,
    now: Timestamp,
) -> Result<Verdict, Undecided> {
    let recovers = app.accounts.stores.tickets.find(ticket).await?.and_then(|ticket| ticket.recovers);
    let user = match recovers {
        Some(Recovers { user, .. }) => app.accounts.stores.users.find(user).await?,
        None => None,
    };
    let Some(user) = user else { return Ok(Verdict::Refuse(Refusal::TicketSpent)) };
    let key = key_of(app, pending, &user, now)?;
    // Before the store, so that nothing of the other keys and of sessions slips through; what the store says then puts it right.
    app.accounts.deny_user(user.id, now)?;
    let detail = (EventKind::Recovered, format!("by {ticket}; all other keys of {} are void", user.username));
    let event = event(&key, detail, from, now);
    // Refused, it may still have been kept, by a first try to which the store answered too late: what is there decides.
    let recovered = app.accounts.stores.successions.recover(&key, &event).await;
    // Once more, for a session that was opened while the store had not been told.
    app.accounts.sessions.deny(&Scope::User(user.id), now)?;
    let (Succeeded::Done | Succeeded::NotTheSuccessor) = recovered?;
    app.accounts.reload_keys(user.id).await?;
    let holder = app.accounts.keyring.find(key.id.as_str())?;
    Ok(holder.map_or(Verdict::Refuse(Refusal::TicketSpent), |holder| holder.verdict(now)))
}
