//! The few decisions that a port leaves to its adapters, made once for all of them.

use countersign_core::account::{Ticket, TicketState, User, UserState};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::UserId;
use countersign_core::session::{EndReason, MAX_USER_AGENT, Session, cut};
use countersign_core::time::Timestamp;

use crate::port::{MAX_ACTOR, MAX_DETAIL, Touched};

/// Whether a ticket can be used at `at`: `not_after` itself still does, a millisecond later does not.
pub(crate) fn is_usable(ticket: &Ticket, at: Timestamp) -> bool {
    ticket.state == TicketState::Open && at <= ticket.not_after
}

/// Whether a ticket lets somebody new in.
pub(crate) fn enrols(ticket: &Ticket, at: Timestamp) -> bool {
    ticket.recovers.is_none() && is_usable(ticket, at)
}

/// Whether a ticket is for recovering this user.
pub(crate) fn recovers(ticket: &Ticket, user: UserId) -> bool {
    ticket.recovers.is_some_and(|recovers| recovers.user == user)
}

/// The user in a new state. Leaving [`UserState::Enabled`] raises the generation, so that what was issued before stays
/// dead when the user comes back.
pub(crate) fn in_state(user: &User, state: UserState) -> User {
    let leaves = user.state == UserState::Enabled && state != UserState::Enabled;
    User { state, generation: user.generation.saturating_add(u32::from(leaves)), ..user.clone() }
}

/// The event for this session.
pub(crate) fn of_session(event: &Event, session: &Session) -> Event {
    let detail = format!("session {}: {}", session.reference, event.detail);
    Event { user: Some(session.user), key: session.key().cloned(), detail, ..event.clone() }
}

/// The event of a session's end that follows from what `event` tells of.
pub(crate) fn ended_by(event: &Event, why: EndReason) -> Event {
    Event { kind: EventKind::SessionEnded, detail: why.to_string(), ..event.clone() }
}

/// Why the sessions of a user end who comes into this state.
pub(crate) const fn why_ended(state: UserState) -> EndReason {
    match state {
        UserState::Deleted => EndReason::UserDeleted,
        UserState::Enabled | UserState::Disabled => EndReason::UserDisabled,
    }
}

/// The session after a use, if that is kept: it is live, of this generation, and was not used later.
pub(crate) fn touched(session: &Session, touched: &Touched) -> Option<Session> {
    let is_kept = session.is_live(touched.last_used)
        && session.generation == touched.generation
        && session.last_used < touched.last_used;
    is_kept.then(|| Session {
        last_used: touched.last_used,
        address: touched.address.to_canonical(),
        user_agent: touched.user_agent.as_deref().map(|text| cut(text, MAX_USER_AGENT)),
        ..session.clone()
    })
}

/// The event as it is kept: actor and detail cut at [`MAX_ACTOR`] and [`MAX_DETAIL`] octets.
///
/// An event is cut and not refused, because refusing it would refuse the change that it tells of.
pub(crate) fn bounded(event: &Event) -> Event {
    Event { actor: cut(&event.actor, MAX_ACTOR).into(), detail: cut(&event.detail, MAX_DETAIL).into(), ..event.clone() }
}
