//! [`Sessions`](crate::port::Sessions), and what else ends them.

use core::num::NonZeroU32;

use core::time::Duration;

use countersign_core::account::{KeyOrigin, KeyRecord, UserState};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::SessionRef;
use countersign_core::session::{
    EndReason, Family, KEEP_REVOCATIONS, KEEP_SIGNING, Limit, OnLimit, OpenedBy, Presented, Presenter, Proof, Revoked,
    Scope, Session, SessionState, TokenHash,
};
use countersign_core::succession::OVERLAP;
use countersign_core::time::Timestamp;

use super::sample::{
    DAY, HOME, NOW, at, eight_at_once, enrol, event, events, family, family_id, key, key_id, key_session, open,
    open_within, recovery_card, session, session_ref, successor, ticket_id, user_id,
};
use crate::Stores;
use crate::port::{Opened, Presentation, Refreshed, Touched};

async fn find(stores: &Stores, number: u8) -> Option<Session> {
    stores.sessions.find(session_ref(number)).await.expect("find")
}

async fn state(stores: &Stores, number: u8) -> SessionState {
    find(stores, number).await.expect("a session").state
}

async fn family_state(stores: &Stores, number: u8) -> SessionState {
    stores.token_families.find(family_id(number)).await.expect("find").expect("a family").state
}

async fn end(stores: &Stores, scope: Scope, why: EndReason, time: u64) -> Vec<SessionRef> {
    stores.sessions.end(&scope, why, &event(EventKind::SessionEnded, at(time))).await.expect("end")
}

/// What was taken back, in order.
async fn revoked(stores: &Stores) -> Vec<Revoked> {
    let log = stores.revocations.after(0, 1_000).await.expect("after");
    assert!(log.iter().zip(1..).all(|(revocation, sequence)| revocation.sequence == sequence));
    log.into_iter().map(|revocation| revocation.what).collect()
}

/// The newest events, oldest first.
async fn latest(stores: &Stores, count: u32) -> Vec<Event> {
    stores.events.latest(count).await.expect("latest").into_iter().map(|recorded| recorded.event).collect()
}

fn ended(time: u64, why: EndReason) -> SessionState {
    SessionState::Ended { at: at(time), why }
}

/// Everything about it, and that of its family, and an event that names both the user and the session.
pub async fn a_session_comes_back_as_it_was_opened(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let root = countersign_core::secret::Sealed { version: 1, octets: vec![9; 60] };
    let with_root = Session { opened_by: OpenedBy::Password { root: Some(root) }, ..session(2, 1) };
    let bare = Session { address: "2001:db8::1".parse().expect("an address"), user_agent: None, ..session(3, 1) };
    for session in [key_session(1, 1), with_root, bare] {
        open(stores, &session).await;
        assert_eq!(stores.sessions.find(session.reference).await.expect("find"), Some(session.clone()));
        let family = family(&session);
        assert_eq!(stores.token_families.find(family.id).await.expect("find"), Some(family));
        let told = latest(stores, 1).await.remove(0);
        assert_eq!(
            (told.kind, told.user, told.key, told.session),
            (EventKind::SessionOpened, Some(user_id(1)), session.key().cloned(), Some(session.reference))
        );
    }
    assert!(revoked(stores).await.is_empty());
}

/// Each of the names that must be unique.
pub async fn a_session_that_exists_is_not_opened_again(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    open(stores, &session(1, 1)).await;
    let told = events(stores).await;
    let (one, other) = (session(1, 1), session(2, 1));
    let event = event(EventKind::SessionOpened, NOW);
    for (session, family) in [
        (Session { reference: one.reference, ..other.clone() }, Family { session: one.reference, ..family(&other) }),
        (Session { id: one.id, ..other.clone() }, family(&other)),
        (Session { token: one.token, ..other.clone() }, family(&other)),
        (other.clone(), Family { id: family_id(1), ..family(&other) }),
        (other.clone(), Family { session: one.reference, ..family(&other) }),
    ] {
        stores.sessions.open(&session, &family, None, &event).await.expect_err("a name that is taken");
    }
    assert_eq!((find(stores, 2).await, events(stores).await), (None, told));
    assert_eq!(stores.token_families.find(family_id(2)).await.expect("find"), None);
}

/// Somebody was quicker than the login, and took back what it relies upon.
pub async fn a_login_that_relies_on_what_is_no_longer_so_opens_nothing(stores: &Stores) {
    for (number, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        enrol(stores, number, name).await;
    }
    let disabled = event(EventKind::UserDisabled, NOW);
    stores.users.set_state(user_id(2), UserState::Disabled, &disabled).await.expect("set_state");
    stores.keys.revoke(&key_id(3), &event(EventKind::KeyRevoked, NOW)).await.expect("revoke");
    let told = events(stores).await;
    for session in [
        Session { generation: 0, ..session(1, 1) },
        Session { generation: 2, ..session(1, 1) },
        Session { epoch: 1, ..session(1, 1) },
        Session { expires: NOW, ..session(1, 1) },
        session(1, 2),
        Session { generation: 2, ..session(1, 2) },
        session(1, 9),
        key_session(1, 3),
        Session { opened_by: OpenedBy::Key(key_id(1)), ..session(1, 3) },
        Session { opened_by: OpenedBy::Key(key_id(9)), ..session(1, 1) },
    ] {
        assert_eq!(open_within(stores, &session, None).await, Opened::Stale, "{session:?}");
    }
    assert_eq!((find(stores, 1).await, events(stores).await), (None, told));
    open(stores, &session(1, 3)).await;
}

/// Row, family, log and event together; the first end counts.
pub async fn an_ended_session_stays_ended(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    open(stores, &key_session(1, 1)).await;
    let scope = || Scope::Session(session_ref(1));
    assert_eq!(end(stores, scope(), EndReason::LoggedOut, 5).await, [session_ref(1)]);
    let told = latest(stores, 1).await.remove(0);
    assert_eq!((told.kind, told.user, told.key), (EventKind::SessionEnded, Some(user_id(1)), Some(key_id(1))));
    assert_eq!((told.session, told.detail), (Some(session_ref(1)), EventKind::SessionEnded.to_string()));
    let count = events(stores).await;
    assert!(end(stores, scope(), EndReason::Revoked, 9).await.is_empty());
    assert!(end(stores, Scope::Session(session_ref(9)), EndReason::Revoked, 9).await.is_empty());
    assert_eq!(state(stores, 1).await, ended(5, EndReason::LoggedOut));
    assert_eq!(family_state(stores, 1).await, ended(5, EndReason::LoggedOut));
    assert_eq!(revoked(stores).await, [Revoked::Session(session_ref(1))]);
    assert_eq!(events(stores).await, count);
}

/// Whoever holds a stolen session ends the owner's with it: the event is of the one that ended, and names the other.
pub async fn an_end_by_another_session_says_by_which(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    for number in [1, 2, 3] {
        open(stores, &session(number, 1)).await;
    }
    let told = Event { session: Some(session_ref(2)), ..event(EventKind::SessionEnded, at(5)) };
    for scope in [Scope::Others { user: user_id(1), keep: session_ref(2) }, Scope::Session(session_ref(2))] {
        stores.sessions.end(&scope, EndReason::Revoked, &told).await.expect("end");
    }
    let ended = latest(stores, 3).await;
    let by = format!("session_ended, by session {}", session_ref(2));
    assert_eq!(
        ended.iter().map(|event| (event.session, event.detail.as_str())).collect::<Vec<_>>(),
        [(Some(session_ref(1)), &*by), (Some(session_ref(3)), &*by), (Some(session_ref(2)), "session_ended")]
    );
}

/// A change that ends sessions is told of as made in the one, and each end as of its own.
pub async fn what_ends_with_a_change_is_told_of_each_session_by_its_name(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    open(stores, &session(1, 1)).await;
    open(stores, &session(2, 1)).await;
    let told = Event { session: Some(session_ref(1)), ..event(EventKind::UserRevoked, at(5)) };
    stores.sessions.end(&Scope::User(user_id(1)), EndReason::UserRevoked, &told).await.expect("end");
    let told: Vec<_> = latest(stores, 3).await.into_iter().map(|event| (event.kind, event.session)).collect();
    for number in [1, 2] {
        assert!(told.contains(&(EventKind::SessionEnded, Some(session_ref(number)))), "{told:?}");
    }
    assert!(told.contains(&(EventKind::UserRevoked, Some(session_ref(1)))), "{told:?}");
}

/// One end, one entry, one event.
pub async fn of_eight_ending_a_session_one_does(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    open(stores, &session(1, 1)).await;
    let told = events(stores).await;
    let ended = eight_at_once(|_| {
        let sessions = stores.sessions.clone();
        let told = event(EventKind::SessionEnded, at(5));
        async move { sessions.end(&Scope::Session(session_ref(1)), EndReason::Revoked, &told).await.expect("end").len() }
    });
    assert_eq!(ended.await.into_iter().sum::<usize>(), 1);
    assert_eq!((revoked(stores).await.len(), events(stores).await), (1, told + 1));
}

/// The others of the user, and nobody else's.
pub async fn a_user_ends_all_sessions_but_this_one(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 2, "bob").await;
    for session in [session(3, 1), key_session(1, 1), session(2, 1), session(4, 2)] {
        open(stores, &session).await;
    }
    let others = Scope::Others { user: user_id(1), keep: session_ref(2) };
    assert_eq!(end(stores, others, EndReason::Revoked, 5).await, [session_ref(1), session_ref(3)]);
    for kept in [2, 4] {
        assert_eq!(state(stores, kept).await, SessionState::Open);
        assert_eq!(family_state(stores, kept).await, SessionState::Open);
    }
    assert_eq!(revoked(stores).await, [1, 3].map(|number| Revoked::Session(session_ref(number))));
}

/// Sessions and whatever else was issued: one entry revokes all of it.
pub async fn revoking_a_user_raises_the_generation(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 2, "bob").await;
    for session in [session(1, 1), key_session(2, 1), session(3, 2)] {
        open(stores, &session).await;
    }
    let told = events(stores).await;
    let ends = end(stores, Scope::User(user_id(1)), EndReason::UserRevoked, 5).await;
    assert_eq!(ends, [session_ref(1), session_ref(2)]);
    for number in [1, 2] {
        assert_eq!(state(stores, number).await, ended(5, EndReason::UserRevoked));
        assert_eq!(family_state(stores, number).await, ended(5, EndReason::UserRevoked));
    }
    assert_eq!(state(stores, 3).await, SessionState::Open);
    assert_eq!(stores.users.find(user_id(1)).await.expect("find").expect("a user").generation, 2);
    assert_eq!(revoked(stores).await, [Revoked::User { id: user_id(1), generation: 2 }]);
    assert_eq!(events(stores).await, told + 3);
    assert_eq!(open_within(stores, &session(4, 1), None).await, Opened::Stale);
    open(stores, &Session { generation: 2, ..session(4, 1) }).await;
    // Also where there are no sessions: something else may have been issued.
    assert!(end(stores, Scope::User(user_id(9)), EndReason::UserRevoked, 6).await.is_empty());
    end(stores, Scope::User(user_id(2)), EndReason::UserRevoked, 6).await;
    end(stores, Scope::User(user_id(2)), EndReason::UserRevoked, 7).await;
    assert_eq!(stores.users.find(user_id(2)).await.expect("find").expect("a user").generation, 3);
    assert_eq!(revoked(stores).await.len(), 3);
}

/// Those that it opened; a password's session goes on.
pub async fn revoking_a_key_ends_the_sessions_that_it_opened(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    stores.successions.succeed(&successor(5, 1, 1), &event(EventKind::KeyRotated, NOW)).await.expect("succeed");
    let of_successor = Session { opened_by: OpenedBy::Key(key_id(5)), ..key_session(3, 1) };
    for session in [key_session(1, 1), session(2, 1), of_successor] {
        open(stores, &session).await;
    }
    stores.keys.revoke(&key_id(1), &event(EventKind::KeyRevoked, at(5))).await.expect("revoke");
    for number in [1, 3] {
        assert_eq!(state(stores, number).await, ended(5, EndReason::KeyRevoked));
        assert_eq!(family_state(stores, number).await, ended(5, EndReason::KeyRevoked));
    }
    assert_eq!(state(stores, 2).await, SessionState::Open);
    assert_eq!(revoked(stores).await, [1, 3].map(|number| Revoked::Session(session_ref(number))));
    let kinds: Vec<_> = latest(stores, 4).await.iter().map(|event| event.kind).collect();
    let each = [EventKind::KeyRevoked, EventKind::SessionEnded];
    assert_eq!(kinds, [each, each].concat());
}

/// By whatever a key ends.
pub async fn a_key_that_ends_in_any_other_way_ends_its_sessions(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let by = |number, key| Session { opened_by: OpenedBy::Key(key_id(key)), ..key_session(number, 1) };
    let successions = &stores.successions;
    successions.succeed(&successor(5, 1, 1), &event(EventKind::KeyRotated, NOW)).await.expect("succeed");
    open(stores, &by(1, 1)).await;
    open(stores, &by(5, 5)).await;
    let overlap = u64::try_from(OVERLAP.as_millis()).expect("a day");
    let end_of = |time| event(EventKind::KeyEnded, at(time));
    successions.end(&key_id(1), &end_of(overlap - 1)).await.expect("end");
    assert_eq!(state(stores, 1).await, SessionState::Open, "its time has not come");
    successions.end(&key_id(1), &end_of(overlap)).await.expect("end");
    assert_eq!(state(stores, 1).await, ended(overlap, EndReason::KeyRevoked));
    assert_eq!(state(stores, 5).await, SessionState::Open);

    let told = event(EventKind::KeyTakenBack, at(50));
    successions.take_back(user_id(1), &key_id(5), &key_id(5), &told).await.expect("take back");
    assert_eq!(state(stores, 5).await, ended(50, EndReason::KeyRevoked));

    stores.tickets.issue(&recovery_card(1, 1), &event(EventKind::RecoveryCardIssued, NOW)).await.expect("issue");
    open(stores, &session(6, 1)).await;
    let key = KeyRecord { user: user_id(1), ..key(7, KeyOrigin::Recovery(ticket_id(1))) };
    successions.recover(&key, &event(EventKind::Recovered, at(60))).await.expect("recover");
    assert_eq!(state(stores, 6).await, ended(60, EndReason::KeyRevoked), "nobody knows who opened it");
}

/// A key that has had its time opens nothing and refreshes nothing, though nobody has noted its end.
pub async fn a_session_rests_upon_its_key(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let (rotated, hastened) = (event(EventKind::KeyRotated, NOW), event(EventKind::KeyEnding, NOW));
    stores.successions.succeed(&successor(5, 1, 1), &rotated).await.expect("succeed");
    stores.successions.hasten(&key_id(1), at(50), &hastened).await.expect("hasten");
    let late = |number, time| Session { created: at(time), ..key_session(number, 1) };
    assert_eq!(open_within(stores, &late(1, 50), None).await, Opened::Done { evicted: Vec::new() });
    assert_eq!(open_within(stores, &late(2, 51), None).await, Opened::Stale);
    let rotate = async |time, by| {
        let presentation = Presentation {
            family: family_id(1),
            sequence: 0,
            by: Presenter { signed: true, place: HOME },
            generation: 1,
            token: TokenHash([by; 32]),
            sliding: Duration::from_secs(60),
            at: at(time),
        };
        let reuse = event(EventKind::RefreshReuse, at(time));
        stores.token_families.rotate(&presentation, &reuse).await.expect("rotate")
    };
    assert_eq!(rotate(51, 8).await, Refreshed::Judged(Presented::Ended));
    assert_eq!(rotate(50, 9).await, Refreshed::Judged(Presented::Rotate));
}

/// For ever: enabled again, the user has to log in again.
pub async fn leaving_enabled_ends_the_sessions(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 2, "bob").await;
    for session in [session(1, 1), key_session(2, 2)] {
        open(stores, &session).await;
    }
    let set = async |number, state, time| {
        let told = event(EventKind::UserDisabled, at(time));
        stores.users.set_state(user_id(number), state, &told).await.expect("set_state");
    };
    set(1, UserState::Disabled, 5).await;
    set(1, UserState::Enabled, 6).await;
    set(2, UserState::Deleted, 7).await;
    assert_eq!(state(stores, 1).await, ended(5, EndReason::UserDisabled));
    assert_eq!(state(stores, 2).await, ended(7, EndReason::UserDeleted));
    assert_eq!(family_state(stores, 2).await, ended(7, EndReason::UserDeleted));
    let of_user = |number| Revoked::User { id: user_id(number), generation: 2 };
    assert_eq!(revoked(stores).await, [of_user(1), of_user(2)]);
    set(1, UserState::Disabled, 8).await;
    set(1, UserState::Deleted, 9).await;
    assert_eq!(revoked(stores).await.len(), 3, "who was disabled has nothing to lose");
}

/// Refused, or in the place of the oldest or the idlest; only live ones count, and only the user's own.
pub async fn no_more_sessions_are_live_than_the_limit_says(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 2, "bob").await;
    let limit = |on_limit| Some(Limit { max: NonZeroU32::new(2).expect("two"), on_limit });
    let of = |number, created, last_used| Session {
        created: at(created),
        last_used: at(last_used),
        expires: at(DAY),
        ..session(number, 1)
    };
    for session in [of(1, 10, 90), of(2, 20, 80), session(9, 2)] {
        open(stores, &session).await;
    }
    let told = events(stores).await;
    assert_eq!(open_within(stores, &of(3, 100, 100), limit(OnLimit::Reject)).await, Opened::LimitReached);
    assert_eq!((find(stores, 3).await, events(stores).await), (None, told));
    let evicts = |number| Opened::Done { evicted: vec![session_ref(number)] };
    assert_eq!(open_within(stores, &of(3, 100, 100), limit(OnLimit::EvictIdle)).await, evicts(2));
    assert_eq!(state(stores, 2).await, ended(100, EndReason::Evicted));
    assert_eq!(family_state(stores, 2).await, ended(100, EndReason::Evicted));
    assert_eq!(revoked(stores).await, [Revoked::Session(session_ref(2))]);
    let kinds: Vec<_> = latest(stores, 2).await.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::SessionEnded, EventKind::SessionOpened]);
    assert_eq!(open_within(stores, &of(4, 110, 110), limit(OnLimit::EvictOldest)).await, evicts(1));
    // Two ended, one expired: there is room for one more beside the fourth.
    end(stores, Scope::Session(session_ref(3)), EndReason::LoggedOut, 120).await;
    open(stores, &Session { expires: at(200), ..of(5, 120, 120) }).await;
    let none = Opened::Done { evicted: Vec::new() };
    assert_eq!(open_within(stores, &of(6, 200, 200), limit(OnLimit::Reject)).await, none);
}

/// However many log in at once.
pub async fn of_eight_logins_at_once_no_more_are_live_than_the_limit_says(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    for (on_limit, opened) in [(OnLimit::Reject, 3), (OnLimit::EvictOldest, 8)] {
        let limit = Some(Limit { max: NonZeroU32::new(3).expect("three"), on_limit });
        let logins = eight_at_once(|number| {
            let stores = stores.clone();
            let number = if on_limit == OnLimit::Reject { number } else { number + 100 };
            async move { open_within(&stores, &session(number, 1), limit).await }
        });
        let done = logins.await.iter().filter(|opened| matches!(opened, Opened::Done { .. })).count();
        assert_eq!(done, opened);
        let all = stores.sessions.of_user(user_id(1), None, 100).await.expect("of_user");
        assert_eq!(all.iter().filter(|session| session.state == SessionState::Open).count(), 3);
    }
}

/// By name, without overlap, ended ones included; each user sees their own.
pub async fn sessions_are_listed_by_cursor(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 2, "bob").await;
    for session in [session(0xfe, 1), session(3, 1), session(2, 2), key_session(1, 1)] {
        open(stores, &session).await;
    }
    end(stores, Scope::Session(session_ref(3)), EndReason::LoggedOut, 5).await;
    let names = |sessions: Vec<Session>| sessions.iter().map(|session| session.reference.0[0]).collect::<Vec<_>>();
    let list = async |after: Option<u8>, limit| {
        names(stores.sessions.list(after.map(session_ref), limit).await.expect("list"))
    };
    assert_eq!(list(None, 3).await, [1, 2, 3]);
    assert_eq!(list(Some(3), 3).await, [0xfe]);
    assert!(list(Some(0xfe), 3).await.is_empty());
    let of_user = async |user, after: Option<u8>, limit| {
        names(stores.sessions.of_user(user_id(user), after.map(session_ref), limit).await.expect("of_user"))
    };
    assert_eq!(of_user(1, None, 2).await, [1, 3]);
    assert_eq!(of_user(1, Some(3), 2).await, [0xfe]);
    assert_eq!(of_user(2, None, 9).await, [2]);
    assert!(of_user(3, None, 9).await.is_empty());
}

fn touched(number: u8, generation: u32, time: u64) -> Touched {
    Touched {
        session: session_ref(number),
        generation,
        last_used: at(time),
        address: "::ffff:192.0.2.7".parse().expect("an address"),
        user_agent: None,
    }
}

/// What is written behind comes late: it never goes back and never touches what is dead.
pub async fn only_a_live_session_is_touched_and_only_forwards(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    for number in 1..=4 {
        open(stores, &session(number, 1)).await;
    }
    end(stores, Scope::Session(session_ref(2)), EndReason::LoggedOut, 5).await;
    let touch = async |uses: &[Touched]| stores.sessions.touch(uses).await.expect("touch");
    touch(&[touched(1, 1, 70), touched(2, 1, 70), touched(3, 2, 70), touched(4, 1, DAY), touched(9, 1, 70)]).await;
    let of_first = Session {
        last_used: at(70),
        address: "192.0.2.7".parse().expect("an address"),
        user_agent: None,
        ..session(1, 1)
    };
    assert_eq!(find(stores, 1).await, Some(of_first.clone()));
    assert_eq!(find(stores, 2).await, Some(Session { state: ended(5, EndReason::LoggedOut), ..session(2, 1) }));
    assert_eq!(find(stores, 3).await, Some(session(3, 1)), "of another generation");
    assert_eq!(find(stores, 4).await, Some(session(4, 1)), "expired by then");
    touch(&[Touched { user_agent: Some("x".repeat(300).into()), ..touched(1, 1, 69) }]).await;
    assert_eq!(find(stores, 1).await, Some(of_first));
    touch(&[Touched { user_agent: Some("x".repeat(300).into()), ..touched(1, 1, 71) }]).await;
    assert_eq!(find(stores, 1).await.expect("a session").user_agent, Some("x".repeat(256).into()));
    assert!(find(stores, 9).await.is_none());
}

/// When no token of it can be good any more, or when whoever signs has had time to hear of the end; few at a time.
pub async fn sessions_are_forgotten_when_nothing_refers_to_them(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    for number in 1..=5 {
        open(stores, &Session { expires: at(10 * DAY), ..session(number, 1) }).await;
    }
    for (number, expires) in [(6, 1_000), (7, 10 * DAY), (8, 1_000)] {
        let proof = if number == 6 { Proof::Bearer } else { Proof::Key };
        open(stores, &Session { proof, expires: at(expires), ..key_session(number, 1) }).await;
    }
    for number in [1, 7] {
        end(stores, Scope::Session(session_ref(number)), EndReason::LoggedOut, 0).await;
    }
    let forget = async |now: Timestamp, limit| stores.sessions.forget_expired(now, limit).await.expect("forget");
    for (kept, ended, expired) in [(KEEP_REVOCATIONS, 1, 6), (KEEP_SIGNING, 7, 8)] {
        for (last, number) in [(NOW.saturating_add(kept), ended), (at(1_000).saturating_add(kept), expired)] {
            assert_eq!(forget(last, 9).await, 0);
            assert!(find(stores, number).await.is_some());
            assert_eq!(forget(Timestamp::from_millis(last.as_millis() + 1), 9).await, 1);
            let family = stores.token_families.find(family_id(number)).await.expect("find");
            assert_eq!((find(stores, number).await, family), (None, None));
        }
    }
    for forgotten in [3, 1, 0] {
        assert_eq!(forget(at(12 * DAY), 3).await, forgotten);
    }
}
