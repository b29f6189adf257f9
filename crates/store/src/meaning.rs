//! The few decisions that a port leaves to its adapters, made once for all of them.

use countersign_core::account::{Ticket, TicketState, User, UserState};
use countersign_core::event::Event;
use countersign_core::id::UserId;
use countersign_core::time::Timestamp;

use crate::port::{MAX_ACTOR, MAX_DETAIL};

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

/// The event as it is kept: actor and detail cut at [`MAX_ACTOR`] and [`MAX_DETAIL`] octets.
///
/// An event is cut and not refused, because refusing it would refuse the change that it tells of.
pub(crate) fn bounded(event: &Event) -> Event {
    Event { actor: cut(&event.actor, MAX_ACTOR), detail: cut(&event.detail, MAX_DETAIL), ..event.clone() }
}

fn cut(text: &str, limit: usize) -> String {
    text.get(..text.floor_char_boundary(limit)).unwrap_or_default().to_owned()
}
