//! [`Users`](crate::port::Users).

use countersign_core::account::{KeyState, User, UserState};
use countersign_core::event::{Event, EventKind};
use countersign_core::username::Username;

use super::sample::{at, eight_at_once, enrol, event, events, key_id, name, user, user_id};
use crate::Stores;
use crate::port::Change;

fn told(state: UserState) -> Event {
    let kind = match state {
        UserState::Enabled => EventKind::UserEnabled,
        UserState::Disabled => EventKind::UserDisabled,
        UserState::Deleted => EventKind::UserDeleted,
    };
    event(kind, at(5))
}

async fn set(stores: &Stores, number: u8, state: UserState) -> Change {
    stores.users.set_state(user_id(number), state, &told(state)).await.expect("set_state")
}

async fn find(stores: &Stores, number: u8) -> User {
    stores.users.find(user_id(number)).await.expect("find").expect("a user")
}

/// Deleted is final: it is not even told apart from never having been.
pub async fn a_deleted_user_stays_deleted(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    assert_eq!(set(stores, 1, UserState::Deleted).await, Change::Made);
    for state in [UserState::Enabled, UserState::Disabled, UserState::Deleted] {
        assert_eq!(set(stores, 1, state).await, Change::Missing, "{state:?}");
    }
    assert_eq!(find(stores, 1).await.state, UserState::Deleted);
    assert_eq!(stores.users.named(&name("alice")).await.expect("named"), None);
    assert!(stores.users.list(None, 10).await.expect("list").is_empty());
    assert_eq!(events(stores).await, 2);
}

/// At the time of the event; one that was revoked before keeps its own time.
pub async fn deleting_a_user_revokes_the_keys(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 2, "bob").await;
    enrol(stores, 3, "carol").await;
    stores.keys.revoke(&key_id(2), &event(EventKind::KeyRevoked, at(1))).await.expect("revoke");
    set(stores, 1, UserState::Deleted).await;
    set(stores, 2, UserState::Deleted).await;
    let state = |number| async move { stores.keys.find(&key_id(number)).await.expect("find").expect("a key").state };
    assert_eq!(state(1).await, KeyState::Revoked { at: at(5) });
    assert_eq!(state(2).await, KeyState::Revoked { at: at(1) });
    assert_eq!(state(3).await, KeyState::Active);
}

/// Somebody else may have it, as somebody else.
pub async fn the_name_of_a_deleted_user_is_free(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    set(stores, 1, UserState::Deleted).await;
    enrol(stores, 2, "alice").await;
    assert_eq!(stores.users.named(&name("alice")).await.expect("named"), Some(user(2, "alice")));
    assert_eq!(find(stores, 1).await.state, UserState::Deleted);
}

/// Coming back does not lower it, and what was issued before stays dead.
pub async fn leaving_enabled_raises_the_generation(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    for (state, generation) in
        [(UserState::Disabled, 2), (UserState::Enabled, 2), (UserState::Disabled, 3), (UserState::Deleted, 3)]
    {
        assert_eq!(set(stores, 1, state).await, Change::Made);
        assert_eq!((find(stores, 1).await.state, find(stores, 1).await.generation), (state, generation));
    }
    enrol(stores, 2, "bob").await;
    set(stores, 2, UserState::Deleted).await;
    assert_eq!(find(stores, 2).await.generation, 2);
}

/// Nothing has changed, so nothing is recorded.
pub async fn a_state_that_is_set_already_is_not_told_of(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    assert_eq!(set(stores, 1, UserState::Enabled).await, Change::Already);
    assert_eq!(events(stores).await, 1);
    assert_eq!(find(stores, 1).await, user(1, "alice"));
}

/// In the order of their octets, without overlap.
pub async fn users_are_listed_by_name(stores: &Stores) {
    for (number, name) in [(1, "zoë"), (2, "bob"), (3, "émile"), (4, "bob2")] {
        enrol(stores, number, name).await;
    }
    set(stores, 4, UserState::Disabled).await;
    let names = |after: Option<Username>, limit| async move {
        let users = stores.users.list(after.as_ref(), limit).await.expect("list");
        users.into_iter().map(|user| user.username).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 2).await, [name("bob"), name("bob2")]);
    assert_eq!(names(Some(name("bob2")), 9).await, [name("zoë"), name("émile")]);
    assert!(names(Some(name("émile")), 9).await.is_empty());
}

/// What was never there is neither found nor changed.
pub async fn an_unknown_user_is_missing(stores: &Stores) {
    assert_eq!(stores.users.find(user_id(1)).await.expect("find"), None);
    assert_eq!(stores.users.named(&name("alice")).await.expect("named"), None);
    assert_eq!(set(stores, 1, UserState::Disabled).await, Change::Missing);
    assert_eq!(events(stores).await, 0);
}

/// One deletion, one event.
pub async fn of_eight_deleting_a_user_one_does(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let changes = eight_at_once(|_| {
        let users = stores.users.clone();
        let deleted = UserState::Deleted;
        async move { users.set_state(user_id(1), deleted, &told(deleted)).await.expect("set_state") }
    });
    let changes = changes.await;
    assert_eq!(changes.iter().filter(|change| **change == Change::Made).count(), 1, "{changes:?}");
    assert_eq!(events(stores).await, 2);
}
