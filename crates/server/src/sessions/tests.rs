use core::net::Ipv4Addr;

use countersign_core::account::{Role, UserState};
use countersign_core::id::{KeyId, SessionId, UserId};
use countersign_core::permission::Permissions;
use countersign_core::session::{EndReason, OpenedBy, Proof, SessionState};
use countersign_store::port::UsedToken;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);
const IDLE: Duration = Duration::from_secs(7 * 86_400);

fn at(days: u32) -> Timestamp {
    Timestamp::from_millis(1).saturating_add(DAY * days)
}

fn user(number: u8, generation: u32) -> User {
    User {
        id: UserId::from_random([number; 16]),
        username: format!("user{number}").parse().unwrap(),
        role: Role::User,
        state: UserState::Enabled,
        permissions: Permissions::default(),
        has_password: true,
        generation,
        created: at(0),
    }
}

fn reference(number: u32) -> SessionRef {
    SessionRef([number.to_be_bytes(); 4].concat().try_into().unwrap())
}

fn session(number: u32, user: &User) -> Session {
    Session {
        id: SessionId([0; 16]),
        reference: reference(number),
        user: user.id,
        opened_by: OpenedBy::Password { root: None },
        proof: Proof::Bearer,
        generation: user.generation,
        epoch: 0,
        created: at(0),
        auth_time: at(0),
        last_used: at(0),
        expires: at(30),
        address: Ipv4Addr::LOCALHOST.into(),
        user_agent: None,
        device: "".into(),
        token: TokenHash([7; 32]),
        state: SessionState::Open,
    }
}

fn sessions(users: &[&User]) -> Sessions {
    let sessions = Sessions::new(IDLE);
    for (number, user) in (0..).zip(users) {
        sessions.put(&session(number, user), user).unwrap();
    }
    sessions
}

fn standings(sessions: &Sessions, numbers: std::ops::Range<u32>) -> Vec<Standing> {
    let standing = |number| sessions.standing(&sessions.find(reference(number)).unwrap().unwrap(), at(0));
    numbers.map(standing).collect()
}

use Standing::{Ended, Expired, Open};

#[test]
fn an_end_ends_what_it_names_and_nothing_else() {
    let (alice, bob) = (user(1, 3), user(2, 3));
    let all = [&alice, &alice, &alice, &bob];
    for (scope, standing) in [
        (Scope::Session(reference(1)), [Open, Ended, Open, Open]),
        (Scope::User(alice.id), [Ended, Ended, Ended, Open]),
        (Scope::Others { user: alice.id, keep: reference(1) }, [Ended, Open, Ended, Open]),
        (Scope::Others { user: alice.id, keep: reference(3) }, [Ended, Ended, Ended, Open]),
        (Scope::Key(KeyId::from_random([1; 16])), [Open; 4]),
        (Scope::Session(reference(9)), [Open; 4]),
    ] {
        let sessions = sessions(&all);
        sessions.deny(&scope, at(0)).unwrap();
        assert_eq!(standings(&sessions, 0..4), standing, "{scope:?}");
    }
    let sessions = sessions(&all);
    sessions.deny_everybody();
    assert_eq!(standings(&sessions, 0..4), [Ended; 4]);
    sessions.put(&session(4, &alice), &alice).unwrap();
    assert_eq!(standings(&sessions, 4..5), [Open], "those that come afterwards are others");
}

#[test]
fn a_session_that_a_key_has_opened_ends_by_that_key() {
    let alice = user(1, 0);
    let key = KeyId::from_random([1; 16]);
    let sessions = Sessions::new(IDLE);
    let opened_by = OpenedBy::Key(key.clone());
    sessions.put(&Session { opened_by, proof: Proof::Key, ..session(0, &alice) }, &alice).unwrap();
    sessions.deny(&Scope::Key(key), at(0)).unwrap();
    assert_eq!(standings(&sessions, 0..1), [Ended]);
}

/// A revocation that overtakes the login, and a table that is read anew from a store which was not told.
#[test]
fn what_was_ended_does_not_come_in_and_does_not_come_back() {
    let alice = user(1, 0);
    let sessions = sessions(&[&alice, &alice]);
    sessions.deny(&Scope::Session(reference(5)), at(0)).unwrap();
    sessions.put(&session(5, &alice), &alice).unwrap();
    assert_eq!(standings(&sessions, 5..6), [Ended]);
    sessions.deny(&Scope::User(alice.id), at(0)).unwrap();
    for number in 0..2 {
        sessions.put(&session(number, &alice), &alice).unwrap();
    }
    assert_eq!(standings(&sessions, 0..2), [Ended; 2]);
}

/// Nobody else of theirs is signed in, so that the table has not heard of the user before.
#[test]
fn a_login_that_is_under_way_does_not_outlive_what_befalls_its_user() {
    let (alice, gone) = (user(1, 3), User { state: UserState::Disabled, ..user(1, 4) });
    let befall: [fn(&Sessions, &User); 5] = [
        |sessions, gone| sessions.learn_user(gone).unwrap(),
        |sessions, gone| sessions.deny(&Scope::User(gone.id), at(0)).unwrap(),
        |sessions, gone| sessions.deny(&Scope::Others { user: gone.id, keep: reference(9) }, at(0)).unwrap(),
        |sessions, gone| sessions.learn_revocation(Revoked::User { id: gone.id, generation: 4 }, at(0)).unwrap(),
        |sessions, _| sessions.deny_everybody(),
    ];
    for (number, befall) in befall.into_iter().enumerate() {
        let sessions = Sessions::new(IDLE);
        let expected = sessions.expect(&alice).unwrap();
        befall(&sessions, &gone);
        sessions.put_in(&session(0, &alice), expected).unwrap();
        assert_eq!(standings(&sessions, 0..1), [Ended], "{number}: after the store was asked");
    }
    for befall in [befall[0], befall[3]] {
        let sessions = Sessions::new(IDLE);
        befall(&sessions, &gone);
        sessions.put(&session(0, &alice), &alice).unwrap();
        assert_eq!(standings(&sessions, 0..1), [Ended], "the login was read before");
        let again = user(1, 5);
        sessions.put(&session(1, &again), &again).unwrap();
        assert_eq!(standings(&sessions, 0..2), [Ended, Open], "the next one is another");
    }
}

#[test]
fn generation_state_and_epoch_of_whom_it_belongs_to_only_ever_end_a_session() {
    let alice = user(1, 3);
    let disabled = User { state: UserState::Disabled, ..user(1, 4) };
    for (known, standing) in [(user(1, 4), Ended), (user(1, 2), Open), (user(1, 3), Open), (disabled, Ended)] {
        let sessions = sessions(&[&alice]);
        sessions.learn_user(&known).unwrap();
        assert_eq!(standings(&sessions, 0..1), [standing], "{known:?}");
        sessions.learn_user(&alice).unwrap();
        assert_eq!(standings(&sessions, 0..1), [standing], "what was read before is not believed");
    }
    let sessions = sessions(&[&alice]);
    sessions.learn_epoch(Epoch { number: 1, since: at(0) });
    sessions.learn_epoch(Epoch { number: 0, since: at(0) });
    assert_eq!(standings(&sessions, 0..1), [Ended]);
}

#[test]
fn the_log_outranks_rows() {
    let alice = user(1, 3);
    for what in [Revoked::Session(reference(0)), Revoked::User { id: alice.id, generation: 4 }] {
        let sessions = sessions(&[&alice]);
        sessions.learn_revocation(what, at(0)).unwrap();
        assert_eq!(standings(&sessions, 0..1), [Ended], "{what:?}");
    }
    let ended = SessionState::Ended { at: at(0), why: EndReason::LoggedOut };
    let sessions = sessions(&[]);
    sessions.put(&Session { state: ended, ..session(0, &alice) }, &alice).unwrap();
    assert_eq!(standings(&sessions, 0..1), [Ended]);
}

#[test]
fn a_session_expires_by_itself_to_the_millisecond_and_no_clock_brings_it_back() {
    let alice = user(1, 0);
    let standing = |last_used, now| {
        let sessions = Sessions::new(IDLE);
        let entry = sessions.put(&Session { last_used, ..session(0, &alice) }, &alice).unwrap();
        assert_eq!(sessions.standing(&entry, at(0)), Open);
        let standing = sessions.standing(&entry, now);
        assert_eq!(sessions.standing(&entry, at(0)), Open, "asking ends nothing");
        sessions.advance(now);
        assert_eq!(sessions.standing(&entry, at(0)), standing, "the clock was set back");
        standing
    };
    let millisecond = Duration::from_millis(1);
    assert_eq!(standing(at(0), at(7).saturating_sub(millisecond)), Open);
    assert_eq!(standing(at(0), at(7)), Expired, "unused");
    assert_eq!(standing(at(29), at(30).saturating_sub(millisecond)), Open);
    assert_eq!(standing(at(29), at(30)), Expired, "however much it is used");
}

#[test]
fn the_store_is_told_of_a_use_once_in_ten_seconds() {
    let alice = user(1, 0);
    let sessions = sessions(&[&alice]);
    let entry = sessions.find(reference(0)).unwrap().unwrap();
    let after = |seconds| at(1).saturating_add(Duration::from_secs(seconds));
    let mut told = Vec::new();
    for seconds in [0, 1, 9, 10, 19, 20] {
        sessions.advance(after(seconds));
        sessions.note_use(&entry, Ipv4Addr::LOCALHOST.into(), Some("curl")).unwrap();
        told.extend(sessions.take_uses().unwrap().into_iter().map(|touched| touched.last_used));
    }
    assert_eq!(told, [after(0), after(10), after(20)]);
    let untold = Touched {
        session: reference(0),
        generation: 0,
        last_used: after(0),
        address: Ipv4Addr::LOCALHOST.into(),
        user_agent: None,
    };
    sessions.put_uses_back(vec![untold.clone()]).unwrap();
    assert_eq!(sessions.take_uses().unwrap(), [untold]);
}

#[tokio::test]
async fn whoever_waits_for_the_end_of_a_session_is_told_of_it() {
    let alice = user(1, 0);
    let sessions = Arc::new(sessions(&[&alice, &alice]));
    let waiting: Vec<_> = (0..2)
        .map(|number| {
            let sessions = Arc::clone(&sessions);
            tokio::spawn(async move { sessions.ended(reference(number)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    sessions.deny(&Scope::Session(reference(0)), at(0)).unwrap();
    let [first, second] = waiting.try_into().unwrap();
    first.await.unwrap();
    assert!(!second.is_finished());
    sessions.sweep(at(30)).unwrap();
    second.await.unwrap();
}

/// Read anew after a start, too: then the log may have forgotten the end long ago.
#[test]
fn what_is_over_is_forgotten_when_the_store_forgets_it() {
    let alice = user(1, 0);
    let ended = SessionState::Ended { at: at(0), why: EndReason::LoggedOut };
    let of = |number, proof, state| Session { proof, state, ..session(number, &alice) };
    let sessions = Sessions::new(IDLE);
    let mut rows = Vec::new();
    for (number, proof) in [(0, Proof::Bearer), (10, Proof::Key)] {
        let open = SessionState::Open;
        for row in [of(number, proof, ended), of(number + 1, proof, open), of(number + 2, proof, open)] {
            sessions.put(&row, &alice).unwrap();
            rows.push(row);
        }
        sessions.deny(&Scope::Session(reference(number + 1)), at(0)).unwrap();
        rows[number as usize / 10 * 3 + 1].state = ended;
    }
    let key = KeyId::from_random([1; 16]);
    let by_key = Session { opened_by: OpenedBy::Key(key.clone()), ..of(20, Proof::Key, SessionState::Open) };
    sessions.put(&by_key, &alice).unwrap();
    sessions.deny(&Scope::Key(key), at(0)).unwrap();
    rows.push(Session { state: ended, ..by_key });
    for hours in [0, 24, 25, 26, 7 * 24, 7 * 24 + 1, 30 * 24, 31 * 24, 32 * 24, 37 * 24, 37 * 24 + 1] {
        let now = at(0).saturating_add(Duration::from_secs(hours * 3_600));
        (0..SHARDS).for_each(|_| sessions.sweep(now).unwrap());
        for row in &rows {
            let is_there = sessions.find(row.reference).unwrap().is_some();
            assert_eq!(is_there, !row.is_past(now), "{hours} h: {row:?}");
        }
    }
}

/// The table, for a session that brings tokens. One that signs has its keys besides, once it has been used.
#[test]
fn a_session_takes_a_few_octets() {
    let beside = 2 * size_of::<usize>();
    let entry = size_of::<Entry>() + beside;
    assert!(entry <= 160, "{entry} octets");
    assert!(entry + 2 * (size_of::<usize>() + 1) <= 192, "with its place in a table that is half full");
}

/// Each question is a turn at the one writer of the store.
#[test]
fn the_store_is_told_of_a_token_until_it_knows_of_one_or_has_said_that_it_is_too_old() {
    let alice = user(1, 0);
    let sessions = sessions(&[&alice]);
    let entry = sessions.find(reference(0)).unwrap().unwrap();
    let issued = |seconds| UsedToken::Issued(Timestamp::from_secs(seconds));
    let (last, opaque) = (entry.last_token(), UsedToken::Hash(entry.last_token()));
    assert!(entry.is_untold(&issued(5)) && entry.is_untold(&opaque));
    entry.note_told(&last, &issued(5), false);
    for (second, is_untold) in [(4, false), (5, false), (6, true)] {
        assert_eq!(entry.is_untold(&issued(second)), is_untold, "{second}");
    }
    entry.note_told(&last, &issued(3), false);
    assert!(!entry.is_untold(&issued(5)) && entry.is_untold(&opaque), "it does not go back");
    entry.note_told(&last, &issued(7), true);
    assert!(!entry.is_untold(&issued(9)) && !entry.is_untold(&opaque));
    sessions.refreshed(reference(0), TokenHash::of("another"), Ipv4Addr::LOCALHOST.into()).unwrap();
    assert!(entry.is_untold(&issued(9)), "a refresh begins anew");
    entry.note_told(&last, &issued(9), true);
    assert!(entry.is_untold(&issued(9)), "what was said of another token says nothing of this one");
}
