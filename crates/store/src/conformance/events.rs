//! [`Events`](crate::port::Events).

use countersign_core::event::{Event, EventKind};
use countersign_core::time::Timestamp;

use super::sample::{at, event, key_id, session_ref, user_id};
use crate::Stores;
use crate::port::{MAX_ACTOR, MAX_DETAIL, Recorded, Selection};

async fn record(stores: &Stores, count: u64) {
    for number in 0..count {
        stores.events.record(&event(EventKind::Replay, at(number))).await.expect("record");
    }
}

fn sequences(events: &[Recorded]) -> Vec<u64> {
    events.iter().map(|recorded| recorded.sequence).collect()
}

/// A gap would look like an event that somebody took out.
pub async fn events_are_numbered_from_one_without_gaps(stores: &Stores) {
    record(stores, 3).await;
    assert_eq!(sequences(&stores.events.list(0, 10).await.expect("list")), [1, 2, 3]);
}

/// Pages follow each other without overlap, and the last one is short.
pub async fn the_log_is_read_by_cursor(stores: &Stores) {
    record(stores, 5).await;
    assert_eq!(sequences(&stores.events.list(0, 2).await.expect("list")), [1, 2]);
    assert_eq!(sequences(&stores.events.list(2, 2).await.expect("list")), [3, 4]);
    assert_eq!(sequences(&stores.events.list(4, 2).await.expect("list")), [5]);
    assert_eq!(sequences(&stores.events.list(5, 2).await.expect("list")), [0; 0]);
    assert_eq!(sequences(&stores.events.list(u64::MAX, 2).await.expect("list")), [0; 0]);
    assert_eq!(sequences(&stores.events.list(0, 0).await.expect("list")), [0; 0]);
}

/// The end of the log reads in the order of the log.
pub async fn the_latest_come_oldest_first(stores: &Stores) {
    record(stores, 5).await;
    assert_eq!(sequences(&stores.events.latest(2).await.expect("latest")), [4, 5]);
    assert_eq!(sequences(&stores.events.latest(10).await.expect("latest")), [1, 2, 3, 4, 5]);
    assert_eq!(sequences(&stores.events.latest(0).await.expect("latest")), [0; 0]);
}

/// Every field, the empty ones included.
pub async fn an_event_comes_back_as_recorded(stores: &Stores) {
    let full = Event {
        at: Timestamp::from_millis(0),
        kind: EventKind::KeyRevoked,
        user: Some(user_id(1)),
        key: Some(key_id(1)),
        session: Some(session_ref(1)),
        actor: "uid 1000".to_owned(),
        detail: String::new(),
    };
    let bare = event(EventKind::Started, at(0));
    stores.events.record(&full).await.expect("record");
    stores.events.record(&bare).await.expect("record");
    let events: Vec<_> = stores.events.list(0, 10).await.expect("list").into_iter().map(|r| r.event).collect();
    assert_eq!(events, [full, bare]);
}

/// A long text is cut, never refused, and never in the middle of a letter.
pub async fn what_is_too_long_is_cut_between_letters(stores: &Stores) {
    let long =
        Event { actor: "a".repeat(129), detail: format!("x{}", "é".repeat(300)), ..event(EventKind::Replay, at(0)) };
    stores.events.record(&long).await.expect("record");
    let kept = stores.events.latest(1).await.expect("latest").remove(0).event;
    assert_eq!(kept.actor, "a".repeat(MAX_ACTOR));
    assert_eq!(kept.detail, format!("x{}", "é".repeat(255)));
    assert_eq!(kept.detail.len(), MAX_DETAIL - 1);
}

/// Each condition alone and all of them together, from the beginning and from the end.
pub async fn events_are_selected_by_kind_user_session_and_time(stores: &Stores) {
    for (number, kind, user) in [
        (1, EventKind::Replay, Some(1)),
        (2, EventKind::Enrolled, Some(1)),
        (3, EventKind::Replay, Some(2)),
        (4, EventKind::Replay, None),
        (5, EventKind::Replay, Some(1)),
    ] {
        let session = (number % 2 == 0).then(|| session_ref(1));
        let event = Event { user: user.map(user_id), session, ..event(kind, at(number)) };
        stores.events.record(&event).await.expect("record");
    }
    let all = Selection { limit: 10, ..Selection::default() };
    let (replays, alice) = (vec![EventKind::Replay], Some(user_id(1)));
    for (selection, expected) in [
        (all.clone(), vec![1, 2, 3, 4, 5]),
        (Selection { kinds: replays.clone(), ..all.clone() }, vec![1, 3, 4, 5]),
        (Selection { kinds: vec![EventKind::Replay, EventKind::Enrolled], limit: 3, ..all.clone() }, vec![3, 4, 5]),
        (Selection { user: alice, ..all.clone() }, vec![1, 2, 5]),
        (Selection { session: Some(session_ref(1)), ..all.clone() }, vec![2, 4]),
        (Selection { session: Some(session_ref(1)), user: alice, ..all.clone() }, vec![2]),
        (Selection { session: Some(session_ref(2)), ..all.clone() }, vec![]),
        (Selection { since: Some(at(4)), ..all.clone() }, vec![4, 5]),
        (Selection { user: alice, kinds: replays.clone(), since: Some(at(2)), ..all.clone() }, vec![5]),
        (Selection { user: alice, kinds: replays.clone(), after: Some(0), limit: 1, ..all.clone() }, vec![1]),
        (Selection { user: alice, kinds: replays, after: Some(1), limit: 1, ..all.clone() }, vec![5]),
        (Selection { user: Some(user_id(9)), ..all }, vec![]),
    ] {
        let selected = stores.events.select(&selection).await.expect("select");
        assert_eq!(sequences(&selected), expected, "{selection:?}");
    }
}

/// Of what is kept, never of what is still to be.
pub async fn whoever_waits_is_told_of_each_event(stores: &Stores) {
    let mut last = stores.events.last();
    record(stores, 2).await;
    assert_eq!(*last.borrow_and_update(), 2);
    assert!(!last.has_changed().expect("the store is open"));
    record(stores, 1).await;
    last.changed().await.expect("the store is open");
    assert_eq!(*last.borrow(), 3);
}
