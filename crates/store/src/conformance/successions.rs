//! [`Successions`](crate::port::Successions).

use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, TicketState, UserState};
use countersign_core::event::EventKind;
use countersign_core::succession::overlap_end;
use countersign_core::time::Timestamp;

use super::sample::{
    NOW, at, code, eight_at_once, enrol, event, events, issue, key, key_id, recovery_card, successor, ticket_id,
    user_id,
};
use crate::Stores;
use crate::port::{Change, Succeeded, TakenBack};

async fn succeed(stores: &Stores, key: &KeyRecord, time: u64) -> Succeeded {
    stores.successions.succeed(key, &event(EventKind::KeyRotated, at(time))).await.expect("succeed")
}

async fn take_back(stores: &Stores, target: u8, signer: u8) -> TakenBack {
    let told = event(EventKind::KeyTakenBack, at(50));
    stores.successions.take_back(user_id(1), &key_id(target), &key_id(signer), &told).await.expect("take back")
}

async fn recover(stores: &Stores, number: u8, ticket: u8, time: u64) -> Succeeded {
    let key = KeyRecord { user: user_id(1), ..key(number, KeyOrigin::Recovery(ticket_id(ticket))) };
    stores.successions.recover(&key, &event(EventKind::Recovered, at(time))).await.expect("recover")
}

async fn state(stores: &Stores, number: u8) -> KeyState {
    stores.keys.find(&key_id(number)).await.expect("find").expect("a key").state
}

async fn issue_card(stores: &Stores, number: u8, user: u8) {
    let told = event(EventKind::RecoveryCardIssued, NOW);
    stores.tickets.issue(&recovery_card(number, user), &told).await.expect("issue");
}

async fn ticket_state(stores: &Stores, number: u8) -> TicketState {
    stores.tickets.find(ticket_id(number)).await.expect("find").expect("a ticket").state
}

/// User 1 with key 1, in whose place key 2 stands, in whose place key 3 stands.
async fn family(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    assert_eq!(succeed(stores, &successor(2, 1, 1), 10).await, Succeeded::Done);
    assert_eq!(succeed(stores, &successor(3, 2, 1), 20).await, Succeeded::Done);
}

/// Both hold, the old one for a day.
pub async fn a_successor_is_kept_and_its_predecessor_ends_in_a_day(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let fresh = successor(2, 1, 1);
    assert_eq!(succeed(stores, &fresh, 10).await, Succeeded::Done);
    assert_eq!(stores.keys.find(&key_id(2)).await.expect("find"), Some(fresh));
    assert_eq!(state(stores, 1).await, KeyState::Ending { at: overlap_end(at(10)) });
    let latest = stores.events.latest(1).await.expect("latest");
    assert_eq!(latest[0].event, event(EventKind::KeyRotated, at(10)));
}

/// Whoever races, one has the place.
pub async fn of_eight_successors_one_is_kept(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let told = eight_at_once(|number| {
        let successions = stores.successions.clone();
        let told = event(EventKind::KeyRotated, at(10));
        async move { successions.succeed(&successor(10 + number, 1, 1), &told).await.expect("succeed") }
    });
    let told = told.await;
    assert_eq!(told.iter().filter(|told| **told == Succeeded::Done).count(), 1, "{told:?}");
    assert_eq!(stores.keys.list(None, 20).await.expect("list").len(), 2);
    assert_eq!(events(stores).await, 2);
}

/// Not a revoked one, nor another user's, nor one of seed mode, nor one whose user may not sign, nor an unknown one.
pub async fn nobody_takes_the_place_of_a_key_that_has_none_to_give(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 4, "bob").await;
    let before = events(stores).await;
    assert_eq!(succeed(stores, &successor(2, 4, 1), 10).await, Succeeded::NotTheSuccessor, "another user's");
    assert_eq!(succeed(stores, &successor(2, 9, 1), 10).await, Succeeded::NotTheSuccessor, "unknown");
    let without = KeyRecord { origin: KeyOrigin::GroupCard, ..successor(2, 1, 1) };
    assert_eq!(succeed(stores, &without, 10).await, Succeeded::NotTheSuccessor, "names none");
    assert_eq!(events(stores).await, before);
    let disabled = event(EventKind::UserDisabled, at(5));
    stores.users.set_state(user_id(1), UserState::Disabled, &disabled).await.expect("disable");
    assert_eq!(succeed(stores, &successor(2, 1, 1), 10).await, Succeeded::NotTheSuccessor, "disabled");
    stores.users.set_state(user_id(1), UserState::Enabled, &disabled).await.expect("enable");
    stores.keys.revoke(&key_id(1), &event(EventKind::KeyRevoked, at(6))).await.expect("revoke");
    assert_eq!(succeed(stores, &successor(2, 1, 1), 10).await, Succeeded::NotTheSuccessor, "revoked");
    assert_eq!(stores.keys.find(&key_id(2)).await.expect("find"), None);
}

/// The first use counts; a later one, or one that would lengthen the overlap, changes nothing.
pub async fn an_ending_key_ends_sooner_and_never_later(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let hasten = |time| async move {
        stores.successions.hasten(&key_id(1), at(time), &event(EventKind::KeyEnding, at(11))).await.expect("hasten")
    };
    assert_eq!(hasten(500).await, Change::Already, "it is not ending");
    assert_eq!(state(stores, 1).await, KeyState::Active);
    assert_eq!(succeed(stores, &successor(2, 1, 1), 10).await, Succeeded::Done);
    assert_eq!(hasten(500).await, Change::Made);
    let told = events(stores).await;
    assert_eq!(hasten(500).await, Change::Already);
    assert_eq!(hasten(501).await, Change::Already);
    assert_eq!(events(stores).await, told);
    assert_eq!(state(stores, 1).await, KeyState::Ending { at: at(500) });
    let unknown = stores.successions.hasten(&key_id(9), NOW, &event(EventKind::KeyEnding, NOW)).await;
    assert_eq!(unknown.expect("hasten"), Change::Missing);
}

/// As of its end, whenever somebody gets round to it; what stands in its place stays.
pub async fn a_key_whose_end_has_come_is_revoked_and_its_successor_is_not(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    succeed(stores, &successor(2, 1, 1), 10).await;
    stores.successions.hasten(&key_id(1), at(500), &event(EventKind::KeyEnding, at(11))).await.expect("hasten");
    let end = |time| async move {
        stores.successions.end(&key_id(1), &event(EventKind::KeyEnded, at(time))).await.expect("end")
    };
    assert_eq!(end(499).await, Change::Already);
    assert_eq!(state(stores, 1).await, KeyState::Ending { at: at(500) });
    assert_eq!(end(900).await, Change::Made);
    assert_eq!(state(stores, 1).await, KeyState::Revoked { at: at(500) });
    assert_eq!(end(900).await, Change::Already);
    assert_eq!(state(stores, 2).await, KeyState::Active);
}

/// "Not me": the successor ends with all that came from it, and the key that spoke has its place back.
pub async fn not_me_ends_a_successor_and_what_came_from_it(stores: &Stores) {
    family(stores).await;
    let before = events(stores).await;
    let TakenBack::Ended(mut ended) = take_back(stores, 2, 1).await else { panic!("they end") };
    ended.sort();
    assert_eq!(ended, [key_id(2), key_id(3)]);
    assert_eq!(state(stores, 2).await, KeyState::Revoked { at: at(50) });
    assert_eq!(state(stores, 3).await, KeyState::Revoked { at: at(50) });
    assert_eq!(state(stores, 1).await, KeyState::Active);
    let told = stores.events.list(u64::try_from(before).expect("few"), 9).await.expect("list");
    let mut keys: Vec<_> = told.into_iter().filter_map(|recorded| recorded.event.key).collect();
    keys.sort();
    assert_eq!(keys, [key_id(2), key_id(3)], "one event for each");
    assert_eq!(succeed(stores, &successor(4, 1, 1), 60).await, Succeeded::Done, "and it can rotate again");
    assert_eq!(succeed(stores, &successor(5, 3, 1), 60).await, Succeeded::NotTheSuccessor, "what has ended cannot");
}

/// Nothing changes: neither for a stranger's key, nor for the word of a key that came from the other.
pub async fn nobody_takes_back_what_is_not_theirs_to_end(stores: &Stores) {
    family(stores).await;
    enrol(stores, 4, "bob").await;
    let before = events(stores).await;
    assert_eq!(take_back(stores, 4, 1).await, TakenBack::NotTheirs);
    assert_eq!(take_back(stores, 9, 1).await, TakenBack::NotTheirs);
    assert_eq!(take_back(stores, 1, 3).await, TakenBack::OwnAncestor);
    assert_eq!(events(stores).await, before);
    assert_eq!(state(stores, 4).await, KeyState::Active);
    assert_eq!(take_back(stores, 3, 3).await, TakenBack::Ended(vec![key_id(3)]));
    assert_eq!(take_back(stores, 3, 1).await, TakenBack::Ended(Vec::new()), "it had ended");
}

/// What came from a key that must not be trusted must not be trusted.
pub async fn revoking_a_key_revokes_what_came_from_it(stores: &Stores) {
    family(stores).await;
    let revoked = stores.keys.revoke(&key_id(2), &event(EventKind::KeyRevoked, at(50))).await;
    assert_eq!(revoked.expect("revoke"), Change::Made);
    assert!(matches!(state(stores, 1).await, KeyState::Ending { .. }));
    for number in [2, 3] {
        assert_eq!(state(stores, number).await, KeyState::Revoked { at: at(50) });
    }
}

/// Deleting a user ends replaced keys, too.
pub async fn deleting_a_user_revokes_keys_that_were_ending(stores: &Stores) {
    family(stores).await;
    let told = event(EventKind::UserDeleted, at(50));
    stores.users.set_state(user_id(1), UserState::Deleted, &told).await.expect("delete");
    for number in [1, 2, 3] {
        assert_eq!(state(stores, number).await, KeyState::Revoked { at: at(50) });
    }
}

/// A new key, and no other.
pub async fn recovering_uses_up_the_ticket_and_revokes_all_other_keys(stores: &Stores) {
    family(stores).await;
    enrol(stores, 4, "bob").await;
    issue_card(stores, 9, 1).await;
    assert_eq!(recover(stores, 5, 9, 50).await, Succeeded::Done);
    for number in [1, 2, 3] {
        assert_eq!(state(stores, number).await, KeyState::Revoked { at: at(50) });
    }
    assert_eq!(state(stores, 5).await, KeyState::Active);
    assert_eq!(state(stores, 4).await, KeyState::Active, "another user's");
    assert_eq!(ticket_state(stores, 9).await, TicketState::Used { at: at(50), key: key_id(5) });
    assert_eq!(recover(stores, 6, 9, 51).await, Succeeded::NotTheSuccessor, "once");
}

/// Of any number who bring it.
pub async fn of_eight_recovering_by_a_ticket_one_does(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    issue_card(stores, 9, 1).await;
    let told = eight_at_once(|number| {
        let successions = stores.successions.clone();
        let key = KeyRecord { user: user_id(1), ..key(10 + number, KeyOrigin::Recovery(ticket_id(9))) };
        async move { successions.recover(&key, &event(EventKind::Recovered, at(50))).await.expect("recover") }
    });
    let told = told.await;
    assert_eq!(told.iter().filter(|told| **told == Succeeded::Done).count(), 1, "{told:?}");
    let active = stores.keys.of_user(user_id(1)).await.expect("of_user");
    assert_eq!(active.iter().filter(|key| key.state == KeyState::Active).count(), 1);
}

/// Nothing has changed afterwards: not by another's ticket, an ordinary, a late, a revoked one, or one of a user who is
/// disabled or gone.
pub async fn a_ticket_that_is_not_good_recovers_nobody(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 4, "bob").await;
    issue(stores, 6).await;
    issue_card(stores, 7, 4).await;
    issue_card(stores, 8, 1).await;
    issue_card(stores, 9, 1).await;
    stores.tickets.revoke(ticket_id(8), &event(EventKind::TicketRevoked, NOW)).await.expect("revoke");
    let late = recovery_card(9, 1).not_after.as_millis() - NOW.as_millis() + 1;
    for (ticket, time, why) in
        [(5, 50, "unknown"), (6, 50, "ordinary"), (7, 50, "bob's"), (8, 50, "revoked"), (9, late, "late")]
    {
        assert_eq!(recover(stores, 2, ticket, time).await, Succeeded::NotTheSuccessor, "{why}");
    }
    for state in [UserState::Disabled, UserState::Deleted] {
        stores.users.set_state(user_id(1), state, &event(EventKind::UserDisabled, at(5))).await.expect("set");
        assert_eq!(recover(stores, 2, 9, 50).await, Succeeded::NotTheSuccessor, "{state:?}");
    }
    assert_eq!(stores.keys.find(&key_id(2)).await.expect("find"), None);
    assert_eq!(ticket_state(stores, 9).await, TicketState::Open);
}

/// A permission to recover is none to enrol.
pub async fn a_recovery_card_lets_nobody_new_in(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    issue_card(stores, 9, 1).await;
    let confirmation = super::sample::by_ticket(2, "bob", ticket_id(9));
    let confirmed = stores.enrolments.confirm(&confirmation, &super::sample::enrolled()).await.expect("confirm");
    assert_eq!(confirmed, crate::port::Confirmed::TicketSpent);
    assert_eq!(ticket_state(stores, 9).await, TicketState::Open);
}

/// Of the same user; cards, and the codes of others, stay.
pub async fn new_codes_end_the_ones_before(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 4, "bob").await;
    issue_card(stores, 9, 1).await;
    let replace = |user: u8, codes: [u8; 2], time| async move {
        let codes = codes.map(|number| code(number, user));
        let told = event(EventKind::RecoveryCodesMade, at(time));
        stores.successions.replace_codes(user_id(user), &codes, &told).await.expect("replace");
    };
    replace(1, [11, 12], 10).await;
    replace(4, [21, 22], 10).await;
    assert_eq!(stores.tickets.find(ticket_id(11)).await.expect("find"), Some(code(11, 1)));
    assert_eq!(recover(stores, 2, 12, 20).await, Succeeded::Done);
    replace(1, [13, 14], 30).await;
    assert_eq!(ticket_state(stores, 11).await, TicketState::Revoked { at: at(30) });
    assert_eq!(ticket_state(stores, 12).await, TicketState::Used { at: at(20), key: key_id(2) });
    for number in [9, 13, 14, 21, 22] {
        assert_eq!(ticket_state(stores, number).await, TicketState::Open, "{number}");
    }
    assert_eq!(recover(stores, 3, 11, 40).await, Succeeded::NotTheSuccessor);
    let far = Timestamp::from_secs(4_000_000_000).as_millis() - NOW.as_millis();
    assert_eq!(recover(stores, 3, 13, far).await, Succeeded::Done, "a code has no end");
}
