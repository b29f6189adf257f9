//! A database of an earlier program, and what this one makes of it.

use countersign_core::account::{Credentials, KeyState, TicketState, UserState};
use countersign_core::event::EventKind;
use countersign_core::permission::Permissions;

use super::super::open::known_schema;
use super::{House, alarms, connection};
use crate::Stores;
use crate::conformance::sample::{
    at, enrol, event, key_id, name, open, session, session_ref, ticket_id, user, user_id,
};
use crate::port::{Added, Change, Selection};

const SCHEMA_3: &str = include_str!("schema_3.sql");

async fn upgraded() -> (House, Stores) {
    let house = House::new();
    std::fs::write(house.file(), "").unwrap();
    sqlx::raw_sql(SCHEMA_3).execute(&mut connection(&house.file()).await).await.unwrap();
    let sqlite = house.sqlite().await;
    let integrity = sqlite.integrity().await.unwrap();
    assert_eq!(integrity.schema, (known_schema(), known_schema()));
    let stores = super::with_key(&sqlite, 7);
    (house, stores)
}

/// The MACs of their rows are of a program that knew of fewer columns.
#[tokio::test]
async fn users_keys_and_tickets_of_schema_3_are_what_they_were() {
    let (_house, stores) = upgraded().await;
    let users = stores.users.list(None, 10).await.unwrap();
    let users: Vec<_> = users.iter().map(|user| (user.username.as_str(), user.state, user.generation)).collect();
    assert_eq!(
        users,
        [("alice", UserState::Enabled, 1), ("bob", UserState::Disabled, 2), ("dave", UserState::Enabled, 1)]
    );
    let carol = stores.users.find(user_id(3)).await.unwrap().unwrap();
    assert_eq!((carol.state, carol.generation), (UserState::Deleted, 2));
    let dave = stores.users.named(&name("dave")).await.unwrap().unwrap();
    assert_eq!((dave.permissions, dave.has_password), (Permissions::default(), false));
    let keys = stores.keys.list(None, 10).await.unwrap();
    let states: Vec<_> = keys.iter().map(|key| (key.id.clone(), key.state)).collect();
    let revoked = |after| KeyState::Revoked { at: at(after) };
    let expected = [KeyState::Active, revoked(3), revoked(5), KeyState::Active];
    assert_eq!(states, (1..).map(key_id).zip(expected).collect::<Vec<_>>());
    let tickets = stores.tickets.list(None, 10).await.unwrap();
    assert!(matches!(tickets[0].state, TicketState::Revoked { .. }), "{tickets:?}");
    assert!(matches!(tickets[1].state, TicketState::Used { .. }) && tickets[1].id == ticket_id(9), "{tickets:?}");
    assert_eq!(alarms(&stores).await, [""; 0]);
}

#[tokio::test]
async fn events_of_schema_3_are_taken_into_the_chain_and_kept() {
    let (house, stores) = upgraded().await;
    let begun = stores.event_chain.begin(at(10)).await.unwrap().unwrap();
    assert_eq!((begun.taken, begun.first.sequence), (10, 10));
    stores.events.record(&event(EventKind::Started, at(11))).await.unwrap();
    let events = stores.events.list(0, 100).await.unwrap();
    assert_eq!(events.iter().map(|recorded| recorded.sequence).collect::<Vec<_>>(), (1..=11).collect::<Vec<_>>());
    assert!(events.iter().all(|recorded| recorded.event.session.is_none()), "{events:?}");
    assert_eq!((events[7].event.kind, &events[7].event.key), (EventKind::KeyRevoked, &Some(key_id(2))));
    assert!(stores.event_chain.verify(&[begun.first]).await.unwrap().holds());
    assert!(sqlx::query("DELETE FROM events").execute(&mut connection(&house.file()).await).await.is_err());
}

/// What was new in schemas 4 to 6, by and beside rows of schema 3.
#[tokio::test]
async fn a_store_of_schema_3_works_like_a_new_one() {
    let (house, stores) = upgraded().await;
    stores.event_chain.begin(at(10)).await.unwrap();
    for (number, user) in [(1, 1), (2, 4)] {
        open(&stores, &session(number, user)).await;
    }
    let read = "reports:read".parse().unwrap();
    let change = event(EventKind::PermissionsChanged, at(12));
    assert_eq!(stores.users.set_permissions(user_id(1), &read, &change).await.unwrap(), Change::Made);
    let taken = stores.users.add(&Credentials::new(user(5, "alice"), None), &change).await.unwrap();
    assert_eq!(taken, Added::NameTaken);
    enrol(&stores, 6, "carol").await;
    drop(stores);
    let stores = house.stores().await;
    let alice = stores.users.find(user_id(1)).await.unwrap().unwrap();
    assert_eq!((&alice.permissions, alice.state), (&read, UserState::Enabled));
    assert_eq!(stores.sessions.find(session_ref(2)).await.unwrap().unwrap().user, user_id(4));
    let of_session = Selection { session: Some(session_ref(2)), limit: 10, ..Selection::default() };
    assert_eq!(stores.events.select(&of_session).await.unwrap()[0].event.kind, EventKind::SessionOpened);
    assert!(stores.event_chain.verify(&[]).await.unwrap().holds());
    assert_eq!(alarms(&stores).await, [""; 0]);
}
