//! [`Enrolments`](crate::port::Enrolments).

use countersign_core::account::{KeyOrigin, TicketState};
use countersign_core::event::EventKind;
use countersign_core::time::Timestamp;

use super::sample::{
    NOW, at, by_group, by_ticket, eight_at_once, enrol, enrolled, event, events, issue, key_id, name, ticket,
    ticket_id, user_id,
};
use crate::Stores;
use crate::port::{Confirmation, Confirmed, Noted};

async fn confirm(stores: &Stores, confirmation: &Confirmation) -> Confirmed {
    confirm_at(stores, confirmation, NOW).await
}

async fn confirm_at(stores: &Stores, confirmation: &Confirmation, at: Timestamp) -> Confirmed {
    stores.enrolments.confirm(confirmation, &event(EventKind::Enrolled, at)).await.expect("confirm")
}

async fn ticket_state(stores: &Stores, number: u8) -> TicketState {
    stores.tickets.find(ticket_id(number)).await.expect("find").expect("a ticket").state
}

/// All that a confirmation promises is there afterwards.
pub async fn a_confirmed_enrolment_makes_user_key_and_event(stores: &Stores) {
    issue(stores, 9).await;
    let confirmation = by_ticket(1, "alice", ticket_id(9));
    assert_eq!(confirm_at(stores, &confirmation, at(5)).await, Confirmed::Done);
    assert_eq!(stores.users.find(user_id(1)).await.expect("find"), Some(confirmation.user.clone()));
    assert_eq!(stores.users.named(&name("alice")).await.expect("named"), Some(confirmation.user));
    assert_eq!(stores.keys.find(&key_id(1)).await.expect("find"), Some(confirmation.key));
    assert_eq!(ticket_state(stores, 9).await, TicketState::Used { at: at(5), key: key_id(1) });
    let latest = stores.events.latest(1).await.expect("latest");
    assert_eq!(latest[0].event, event(EventKind::Enrolled, at(5)));
}

/// The unique index decides, not a look beforehand.
pub async fn of_eight_wanting_a_name_one_has_it(stores: &Stores) {
    let told = eight_at_once(|number| {
        let enrolments = stores.enrolments.clone();
        async move { enrolments.confirm(&by_group(number, "alice"), &enrolled()).await.expect("confirm") }
    });
    let told = told.await;
    assert_eq!(told.iter().filter(|told| **told == Confirmed::Done).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|told| **told == Confirmed::NameTaken).count(), 7, "{told:?}");
    assert_eq!(stores.users.list(None, 10).await.expect("list").len(), 1);
    assert_eq!(stores.keys.list(None, 10).await.expect("list").len(), 1);
    assert_eq!(events(stores).await, 1);
}

/// A ticket is single use, whatever the names.
pub async fn of_eight_bringing_a_ticket_one_is_let_in(stores: &Stores) {
    issue(stores, 9).await;
    let told = eight_at_once(|number| {
        let enrolments = stores.enrolments.clone();
        let confirmation = by_ticket(number, &format!("user{number}"), ticket_id(9));
        async move { enrolments.confirm(&confirmation, &enrolled()).await.expect("confirm") }
    });
    let told = told.await;
    assert_eq!(told.iter().filter(|told| **told == Confirmed::Done).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|told| **told == Confirmed::TicketSpent).count(), 7, "{told:?}");
    assert_eq!(stores.users.list(None, 10).await.expect("list").len(), 1);
}

/// Whoever found the name taken can come again with the same ticket and another name.
pub async fn a_taken_name_leaves_the_ticket_open(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    issue(stores, 9).await;
    assert_eq!(confirm(stores, &by_ticket(2, "alice", ticket_id(9))).await, Confirmed::NameTaken);
    assert_eq!(ticket_state(stores, 9).await, TicketState::Open);
    assert_eq!(confirm(stores, &by_ticket(2, "bob", ticket_id(9))).await, Confirmed::Done);
}

/// Not even once the user whom it let in is gone.
pub async fn a_used_ticket_never_works_again(stores: &Stores) {
    issue(stores, 9).await;
    assert_eq!(confirm(stores, &by_ticket(1, "alice", ticket_id(9))).await, Confirmed::Done);
    assert_eq!(confirm(stores, &by_ticket(2, "bob", ticket_id(9))).await, Confirmed::TicketSpent);
    let deleted = countersign_core::account::UserState::Deleted;
    stores.users.set_state(user_id(1), deleted, &event(EventKind::UserDeleted, NOW)).await.expect("delete");
    assert_eq!(confirm(stores, &by_ticket(2, "alice", ticket_id(9))).await, Confirmed::TicketSpent);
    assert_eq!(ticket_state(stores, 9).await, TicketState::Used { at: NOW, key: key_id(1) });
}

/// A ticket can be taken back while an enrolment by it is pending.
pub async fn a_revoked_ticket_lets_nobody_in(stores: &Stores) {
    issue(stores, 9).await;
    stores.tickets.revoke(ticket_id(9), &event(EventKind::TicketRevoked, NOW)).await.expect("revoke");
    assert_eq!(confirm(stores, &by_ticket(1, "alice", ticket_id(9))).await, Confirmed::TicketSpent);
}

/// A ticket that was never issued counts as spent.
pub async fn an_unknown_ticket_lets_nobody_in(stores: &Stores) {
    assert_eq!(confirm(stores, &by_ticket(1, "alice", ticket_id(9))).await, Confirmed::TicketSpent);
}

/// `not_after` itself is still in time; what counts is the time of the event.
pub async fn a_ticket_is_good_to_the_millisecond(stores: &Stores) {
    issue(stores, 8).await;
    issue(stores, 9).await;
    let end = ticket(9).not_after;
    let late = Timestamp::from_millis(end.as_millis() + 1);
    assert_eq!(confirm_at(stores, &by_ticket(1, "alice", ticket_id(9)), late).await, Confirmed::TicketSpent);
    assert_eq!(ticket_state(stores, 9).await, TicketState::Open);
    assert_eq!(confirm_at(stores, &by_ticket(1, "alice", ticket_id(9)), end).await, Confirmed::Done);
}

/// Neither user nor key nor event.
pub async fn a_refused_confirmation_leaves_no_trace(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let before = events(stores).await;
    assert_eq!(confirm(stores, &by_group(2, "alice")).await, Confirmed::NameTaken);
    assert_eq!(confirm(stores, &by_ticket(3, "carol", ticket_id(9))).await, Confirmed::TicketSpent);
    assert_eq!(stores.users.find(user_id(2)).await.expect("find"), None);
    assert_eq!(stores.keys.find(&key_id(2)).await.expect("find"), None);
    assert_eq!(stores.users.find(user_id(3)).await.expect("find"), None);
    assert_eq!(events(stores).await, before);
}

/// Ids are random enough never to meet; should they, nothing is overwritten and nothing half done.
pub async fn an_id_that_exists_is_an_error_and_leaves_no_trace(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    issue(stores, 9).await;
    let before = events(stores).await;
    let mut same_key = by_ticket(2, "bob", ticket_id(9));
    same_key.key.id = key_id(1);
    assert!(stores.enrolments.confirm(&same_key, &enrolled()).await.is_err());
    let same_user = by_group(1, "carol");
    assert!(stores.enrolments.confirm(&same_user, &enrolled()).await.is_err());
    assert_eq!(stores.users.named(&name("bob")).await.expect("named"), None);
    assert_eq!(stores.users.named(&name("carol")).await.expect("named"), None);
    assert_eq!(ticket_state(stores, 9).await, TicketState::Open);
    let key = stores.keys.find(&key_id(1)).await.expect("find").expect("a key");
    assert_eq!((key.user, key.origin), (user_id(1), KeyOrigin::GroupCard));
    assert_eq!(events(stores).await, before);
}

/// The same message of an enrolment is answered once.
pub async fn of_eight_noting_a_hash_one_is_first(stores: &Stores) {
    let told = eight_at_once(|_| {
        let enrolments = stores.enrolments.clone();
        async move { enrolments.note([7; 32], at(1_000)).await.expect("note") }
    });
    let told = told.await;
    assert_eq!(told.iter().filter(|told| **told == Noted::First).count(), 1, "{told:?}");
    assert_eq!(stores.enrolments.note([8; 32], at(1_000)).await.expect("note"), Noted::First);
}

/// `keep_until` itself is still kept.
pub async fn a_note_is_kept_until_its_time_is_over(stores: &Stores) {
    stores.enrolments.note([7; 32], at(1_000)).await.expect("note");
    stores.enrolments.forget_notes(at(1_000)).await.expect("forget");
    assert_eq!(stores.enrolments.note([7; 32], at(1_000)).await.expect("note"), Noted::Before);
    stores.enrolments.forget_notes(at(1_001)).await.expect("forget");
    assert_eq!(stores.enrolments.note([7; 32], at(1_000)).await.expect("note"), Noted::First);
}

/// The end of time can be written, for nonces of the seed's own registration.
pub async fn a_note_for_ever_is_never_forgotten(stores: &Stores) {
    let end_of_time = Timestamp::from_millis(u64::MAX);
    stores.enrolments.note([7; 32], end_of_time).await.expect("note");
    stores.enrolments.forget_notes(end_of_time).await.expect("forget");
    assert_eq!(stores.enrolments.note([7; 32], end_of_time).await.expect("note"), Noted::Before);
}
