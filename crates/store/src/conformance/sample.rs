//! Values to try stores with, told apart by a small number.

use core::future::Future;
use core::time::Duration;

use countersign_core::account::{
    KeyOrigin, KeyRecord, KeyState, Recovers, RecoveryKind, Role, Ticket, TicketState, User, UserState,
};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{FamilyId, KeyId, SessionId, SessionRef, TicketId, UserId};
use countersign_core::password::PasswordHash;
use countersign_core::permission::Permissions;
use countersign_core::replay::{AcceptClock, AcceptMark, Reading};
use countersign_core::secret::Sealed;
use countersign_core::session::{Family, Limit, OpenedBy, Place, Proof, Session, SessionState, TokenHash};
use countersign_core::time::{Freshness, Timestamp};
use countersign_core::username::Username;
use tokio::task::JoinSet;

use crate::Stores;
use crate::port::{Confirmation, Confirmed, Opened};

/// The time around which these samples live.
pub const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

/// So many milliseconds after [`NOW`].
pub const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

/// The mark of a run that began at [`NOW`] and was followed by so many others, kept so many milliseconds later.
pub fn accept_mark(later_runs: u8, millis: u64) -> AcceptMark {
    let reading = Reading { wall: NOW, monotonic: Duration::ZERO };
    let first = AcceptClock::start(None, false, reading, Freshness::DEFAULT).mark_to_keep();
    let mut last = (0..later_runs).fold(first, |mark, _| mark.reset(NOW));
    last.mark = at(millis);
    last
}

/// An event of this kind at this time.
pub fn event(kind: EventKind, at: Timestamp) -> Event {
    Event { at, kind, user: None, key: None, session: None, actor: "127.0.0.1".to_owned(), detail: kind.to_string() }
}

/// The event of a confirmation at [`NOW`].
pub fn enrolled() -> Event {
    event(EventKind::Enrolled, NOW)
}

/// The id of the user of this number.
pub fn user_id(number: u8) -> UserId {
    UserId::from_random([number; 16])
}

/// The id of the key of this number; they are ordered as their numbers.
pub fn key_id(number: u8) -> KeyId {
    KeyId::from_random([number; 16])
}

/// The id of the ticket of this number.
pub const fn ticket_id(number: u8) -> TicketId {
    TicketId([number; 8])
}

/// A username.
pub fn name(text: &str) -> Username {
    text.parse().expect("a username")
}

/// An enabled user.
pub fn user(number: u8, username: &str) -> User {
    User {
        id: user_id(number),
        username: name(username),
        role: Role::User,
        state: UserState::Enabled,
        permissions: Permissions::default(),
        has_password: false,
        generation: 1,
        created: NOW,
    }
}

/// What looks like a hash of a password; this store reads no more of it.
pub fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_phc(format!("$argon2id$v=19${text}")).expect("a hash")
}

/// An active key of the user of the same number.
pub fn key(number: u8, origin: KeyOrigin) -> KeyRecord {
    KeyRecord {
        id: key_id(number),
        user: user_id(number),
        device: format!("device {number}"),
        root: Sealed { version: 1, octets: vec![number; 60] },
        origin,
        state: KeyState::Active,
        created: NOW,
    }
}

/// An open ticket that is good until a minute after [`NOW`].
pub const fn ticket(number: u8) -> Ticket {
    Ticket {
        id: ticket_id(number),
        role: Role::User,
        recovers: None,
        not_after: at(60_000),
        created: NOW,
        state: TicketState::Open,
    }
}

/// The same for recovering a user.
pub fn recovery_card(number: u8, user: u8) -> Ticket {
    Ticket { recovers: Some(Recovers { user: user_id(user), by: RecoveryKind::Card }), ..ticket(number) }
}

/// An open recovery code of a user, which has no end.
pub fn code(number: u8, user: u8) -> Ticket {
    let recovers = Some(Recovers { user: user_id(user), by: RecoveryKind::Code });
    Ticket { recovers, not_after: Timestamp::MAX, ..ticket(number) }
}

/// An active key of this user in the place of that key.
pub fn successor(number: u8, predecessor: u8, user: u8) -> KeyRecord {
    KeyRecord { user: user_id(user), ..key(number, KeyOrigin::Rotation(key_id(predecessor))) }
}

/// The user of this number and name, let in by the group's card.
pub fn by_group(number: u8, username: &str) -> Confirmation {
    Confirmation { user: user(number, username), key: key(number, KeyOrigin::GroupCard) }
}

/// The user of this number and name, let in by a ticket.
pub fn by_ticket(number: u8, username: &str, ticket: TicketId) -> Confirmation {
    Confirmation { user: user(number, username), key: key(number, KeyOrigin::Ticket(ticket)) }
}

/// Keeps the user and the key of this number.
pub async fn enrol(stores: &Stores, number: u8, username: &str) {
    let confirmed = stores.enrolments.confirm(&by_group(number, username), &enrolled()).await;
    assert_eq!(confirmed.expect("confirm"), Confirmed::Done);
}

/// Keeps an open ticket of this number.
pub async fn issue(stores: &Stores, number: u8) {
    stores.tickets.issue(&ticket(number), &event(EventKind::TicketIssued, NOW)).await.expect("issue");
}

/// The name of the session of this number.
pub const fn session_ref(number: u8) -> SessionRef {
    SessionRef([number; 16])
}

/// The name of the family of the session of this number.
pub const fn family_id(number: u8) -> FamilyId {
    FamilyId([number; 16])
}

/// A bearer session that this user's password has opened at [`NOW`], for a day.
pub fn session(number: u8, user: u8) -> Session {
    Session {
        id: SessionId([number; 16]),
        reference: session_ref(number),
        user: user_id(user),
        opened_by: OpenedBy::Password { root: None },
        proof: Proof::Bearer,
        generation: 1,
        epoch: 0,
        created: NOW,
        auth_time: NOW,
        last_used: NOW,
        expires: at(DAY),
        address: "192.0.2.1".parse().expect("an address"),
        user_agent: Some("curl".into()),
        device: "laptop".into(),
        token: TokenHash([number; 32]),
        state: SessionState::Open,
    }
}

/// The same with a key, opened by this user's.
pub fn key_session(number: u8, user: u8) -> Session {
    Session { opened_by: OpenedBy::Key(key_id(user)), proof: Proof::Key, ..session(number, user) }
}

/// The family of this session, whose first token is good for an hour.
pub fn family(session: &Session) -> Family {
    Family {
        id: FamilyId(session.reference.0),
        session: session.reference,
        user: session.user,
        proof: session.proof,
        secret: Sealed { version: 1, octets: vec![session.reference.0[0]; 60] },
        sequence: 0,
        rotated: session.created,
        place: HOME,
        used: false,
        good_until: at(3_600_000),
        expires: session.expires,
        state: SessionState::Open,
    }
}

/// Where sessions are opened.
pub const HOME: Place = Place([1; 16]);

/// So many milliseconds.
pub const DAY: u64 = 86_400_000;

/// Keeps this session.
pub async fn open(stores: &Stores, session: &Session) {
    let opened = open_within(stores, session, None).await;
    assert_eq!(opened, Opened::Done { evicted: Vec::new() });
}

/// What a login with this limit meets, at the time at which the session was created.
pub async fn open_within(stores: &Stores, session: &Session, limit: Option<Limit>) -> Opened {
    let event = event(EventKind::SessionOpened, session.created);
    stores.sessions.open(session, &family(session), limit, &event).await.expect("open")
}

/// How many events there are.
pub async fn events(stores: &Stores) -> usize {
    stores.events.list(0, 1_000).await.expect("list").len()
}

/// What eight callers are told who ask at the same time.
pub async fn eight_at_once<T, F>(ask: impl Fn(u8) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut callers = JoinSet::new();
    for number in 1..=8 {
        callers.spawn(ask(number));
    }
    callers.join_all().await
}
