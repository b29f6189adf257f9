//! The few decisions that a port leaves to its adapters, made once for all of them.

use countersign_core::account::{Credentials, Role, Ticket, TicketState, User, UserState};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{SessionRef, UserId};
use countersign_core::password::PasswordHash;
use countersign_core::permission::Permissions;
use countersign_core::session::{EndReason, Family, KEEP_REVOCATIONS, MAX_USER_AGENT, Session, cut};
use countersign_core::time::Timestamp;

use crate::port::{MAX_ACTOR, MAX_DETAIL, Touched, UsedToken};

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

/// What is to become of a user.
#[derive(Clone, Debug)]
pub(crate) enum UserChange {
    /// Another state.
    State(UserState),
    /// Another password, while the generation is this one.
    Password(u32, PasswordHash),
    /// The same password in another form, in the place of the first of these.
    Rehash(PasswordHash, PasswordHash),
    /// Another role.
    Role(Role),
    /// Other permissions.
    Permissions(Permissions),
}

/// What is to be kept of a change of a user.
#[derive(Debug)]
pub(crate) enum Changed {
    /// This.
    To(Credentials),
    /// It is so already, or something else is so that must not be overwritten.
    Not,
    /// There is nobody to whom this can be done.
    Nobody,
}

impl UserChange {
    /// Whether this gives something that the user did not have, and not only takes away. A row that is not as we wrote it
    /// is given nothing.
    pub(crate) const fn gives(&self) -> bool {
        match self {
            Self::State(UserState::Enabled) | Self::Password(..) | Self::Rehash(..) => true,
            Self::Role(_) | Self::Permissions(_) => true,
            Self::State(UserState::Disabled | UserState::Deleted) => false,
        }
    }

    /// Why the sessions of the user end, if this raises the generation.
    pub(crate) const fn why_sessions_end(&self) -> EndReason {
        match self {
            Self::State(UserState::Deleted) => EndReason::UserDeleted,
            Self::State(UserState::Enabled | UserState::Disabled) => EndReason::UserDisabled,
            Self::Password(..) | Self::Rehash(..) => EndReason::PasswordChanged,
            Self::Role(_) | Self::Permissions(_) => EndReason::RoleChanged,
        }
    }

    /// The user after this change. Deleted is final. Whatever voids what was issued before raises the generation; so does
    /// leaving [`UserState::Enabled`], so that it stays void when the user comes back.
    pub(crate) fn of(&self, former: &Credentials) -> Changed {
        let user = former.user();
        if user.state == UserState::Deleted {
            return Changed::Nobody;
        }
        let kept = |user: User| Changed::To(Credentials::new(user, former.password().cloned()));
        let generation = user.generation.saturating_add(1);
        match self {
            Self::State(state) if user.state == *state => Changed::Not,
            Self::State(state) if user.state == UserState::Enabled => {
                kept(User { state: *state, generation, ..user.clone() })
            }
            Self::State(state) => kept(User { state: *state, ..user.clone() }),
            Self::Password(..) if user.role == Role::Service => Changed::Nobody,
            Self::Password(seen, _) if user.generation != *seen => Changed::Not,
            Self::Password(_, hash) => {
                Changed::To(Credentials::new(User { generation, ..user.clone() }, Some(hash.clone())))
            }
            Self::Rehash(seen, fresh) if former.password().is_some_and(|hash| hash.expose() == seen.expose()) => {
                Changed::To(Credentials::new(user.clone(), Some(fresh.clone())))
            }
            Self::Rehash(..) => Changed::Not,
            Self::Role(role) if user.role == *role => Changed::Not,
            Self::Role(role) => {
                let password = former.password().filter(|_| *role != Role::Service).cloned();
                Changed::To(Credentials::new(User { role: *role, generation, ..user.clone() }, password))
            }
            Self::Permissions(permissions) if user.permissions == *permissions => Changed::Not,
            Self::Permissions(permissions) => {
                kept(User { permissions: permissions.clone(), generation, ..user.clone() })
            }
        }
    }
}

/// The event for this session.
pub(crate) fn of_session(event: &Event, session: &Session) -> Event {
    Event { user: Some(session.user), key: session.key().cloned(), ..named_session(event, session.reference) }
}

/// The event for the session of this name, of which no more is known. What came of another session's doing says of which:
/// that may be the thief's.
pub(crate) fn named_session(event: &Event, session: SessionRef) -> Event {
    let detail = match event.session {
        Some(other) if other != session => format!("{}, by session {other}", event.detail),
        Some(_) | None => event.detail.clone(),
    };
    Event { session: Some(session), detail, ..event.clone() }
}

/// The event of a session's end that follows from what `event` tells of.
pub(crate) fn ended_by(event: &Event, why: EndReason) -> Event {
    Event { kind: EventKind::SessionEnded, detail: why.to_string(), ..event.clone() }
}

/// Whether a family is the one to come into being with this session.
pub(crate) fn is_of(family: &Family, session: &Session) -> bool {
    (family.session, family.user, family.proof) == (session.reference, session.user, session.proof)
}

/// Whether an access token of this session was issued with the current token of its family.
pub(crate) fn came_with_the_current(used: &UsedToken, session: &Session, family: &Family) -> bool {
    match used {
        UsedToken::Issued(at) => at.as_secs() >= family.rotated.as_secs(),
        UsedToken::Hash(hash) => session.token.matches(hash),
    }
}

/// What ended or was taken back before this is forgotten at `now`.
pub(crate) const fn forgotten_before(now: Timestamp) -> Timestamp {
    now.saturating_sub(KEEP_REVOCATIONS)
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
