//! [`Keys`](crate::port::Keys).

use countersign_core::account::KeyState;
use countersign_core::event::EventKind;
use countersign_core::id::KeyId;

use super::sample::{at, eight_at_once, enrol, event, events, key_id, user_id};
use crate::Stores;
use crate::port::Change;

/// The first revocation counts, and only that one is told of.
pub async fn a_revoked_key_stays_revoked(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let revoke = |time| async move {
        stores.keys.revoke(&key_id(1), &event(EventKind::KeyRevoked, at(time))).await.expect("revoke")
    };
    assert_eq!(revoke(5).await, Change::Made);
    let told = events(stores).await;
    assert_eq!(revoke(9).await, Change::Already);
    assert_eq!(events(stores).await, told);
    let key = stores.keys.find(&key_id(1)).await.expect("find").expect("a key");
    assert_eq!(key.state, KeyState::Revoked { at: at(5) });
}

/// What was never there is neither found nor revoked, and no event says otherwise.
pub async fn an_unknown_key_is_missing(stores: &Stores) {
    assert_eq!(stores.keys.find(&key_id(1)).await.expect("find"), None);
    let revoked = stores.keys.revoke(&key_id(1), &event(EventKind::KeyRevoked, at(0))).await;
    assert_eq!(revoked.expect("revoke"), Change::Missing);
    assert_eq!(events(stores).await, 0);
}

/// By id, without overlap; revoked ones are tombstones and stay in the list.
pub async fn keys_are_listed_by_cursor(stores: &Stores) {
    for (number, name) in [(3, "carol"), (1, "alice"), (2, "bob")] {
        enrol(stores, number, name).await;
    }
    stores.keys.revoke(&key_id(2), &event(EventKind::KeyRevoked, at(0))).await.expect("revoke");
    let ids = |after: Option<KeyId>, limit| async move {
        let keys = stores.keys.list(after.as_ref(), limit).await.expect("list");
        keys.into_iter().map(|key| key.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 2).await, [key_id(1), key_id(2)]);
    assert_eq!(ids(Some(key_id(2)), 2).await, [key_id(3)]);
    assert!(ids(Some(key_id(3)), 2).await.is_empty());
}

/// Theirs, all of theirs, and nobody else's.
pub async fn a_users_keys_are_found(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    enrol(stores, 2, "bob").await;
    let keys = stores.keys.of_user(user_id(1)).await.expect("of_user");
    assert_eq!(keys.into_iter().map(|key| key.id).collect::<Vec<_>>(), [key_id(1)]);
    assert!(stores.keys.of_user(user_id(3)).await.expect("of_user").is_empty());
}

/// One revocation, one event.
pub async fn of_eight_revoking_a_key_one_does(stores: &Stores) {
    enrol(stores, 1, "alice").await;
    let told = eight_at_once(|_| {
        let keys = stores.keys.clone();
        async move { keys.revoke(&key_id(1), &event(EventKind::KeyRevoked, at(0))).await.expect("revoke") }
    });
    let told = told.await;
    assert_eq!(told.iter().filter(|told| **told == Change::Made).count(), 1, "{told:?}");
    assert_eq!(events(stores).await, 2);
}
