use countersign_core::account::{Credentials, KeyOrigin, KeyState, Role, TicketState, UserState};
use countersign_core::event::{Event, EventKind};

use super::{House, alarms, with_key};
use crate::Stores;
use crate::conformance::sample::{
    NOW, at, by_ticket, enrol, enrolled, event, hash, issue, key_id, name, ticket_id, user, user_id,
};
use crate::port::{Change, Confirmed, StoreError};

fn told(kind: EventKind) -> Event {
    event(kind, at(5))
}

async fn key_state(stores: &Stores, number: u8) -> KeyState {
    stores.keys.find(&key_id(number)).await.unwrap().unwrap().state
}

async fn user_state(stores: &Stores, number: u8) -> UserState {
    stores.users.find(user_id(number)).await.unwrap().unwrap().state
}

#[tokio::test]
async fn a_revoked_key_whose_state_is_flipped_back_stays_revoked_and_alarms_once() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    let stores = with_key(&sqlite, 7);
    enrol(&stores, 1, "alice").await;
    stores.keys.revoke(&key_id(1), &told(EventKind::KeyRevoked)).await.unwrap();
    house.intruder().await.does("UPDATE keys SET state = 0, ends_ms = NULL").await;
    assert_eq!(sqlite.integrity().await.unwrap().faults, [""; 0], "SQLite sees nothing wrong");
    for _ in 0..3 {
        assert_eq!(key_state(&stores, 1).await, KeyState::Revoked { at: NOW });
        assert_eq!(stores.keys.list(None, 9).await.unwrap()[0].state, KeyState::Revoked { at: NOW });
        assert_eq!(stores.keys.of_user(user_id(1)).await.unwrap()[0].state, KeyState::Revoked { at: NOW });
    }
    assert_eq!(alarms(&stores).await, [format!("keys {}", key_id(1))]);
}

#[tokio::test]
async fn after_a_start_the_alarm_is_raised_again() {
    let house = House::new();
    enrol(&house.stores().await, 1, "alice").await;
    house.intruder().await.does("UPDATE keys SET device = 'other'").await;
    assert_ne!(key_state(&house.stores().await, 1).await, KeyState::Active);
    let stores = house.stores().await;
    assert_ne!(key_state(&stores, 1).await, KeyState::Active);
    assert_eq!(alarms(&stores).await.len(), 2);
}

/// A flipped octet of the file itself, past SQLite's own checks.
#[tokio::test]
async fn an_octet_that_is_flipped_in_the_file_is_noticed() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    enrol(&with_key(&sqlite, 7), 1, "alice").await;
    sqlite.close().await;
    let mut octets = std::fs::read(house.file()).unwrap();
    let place = octets.windows(8).position(|window| window == b"device 1").unwrap();
    octets[place] ^= 1;
    std::fs::write(house.file(), octets).unwrap();
    let sqlite = house.sqlite().await;
    let stores = with_key(&sqlite, 7);
    assert_eq!(sqlite.integrity().await.unwrap().problems(), [""; 0], "SQLite sees nothing wrong");
    assert_ne!(key_state(&stores, 1).await, KeyState::Active);
    assert_eq!(alarms(&stores).await.len(), 1);
}

/// Column by column: there is none that can be changed unnoticed, not even to what another row has.
#[tokio::test]
async fn no_column_of_a_key_can_be_changed_unnoticed() {
    for change in [
        "user_id = other.user_id",
        "device = other.device",
        "kek_version = 2",
        "root = other.root",
        "origin = 'seed'",
        "origin = 'ticket', ticket_id = '0909090909090909'",
        "created_ms = keys.created_ms + 1",
        "mac = other.mac",
        "mac = zeroblob(16)",
        "mac = x''",
    ] {
        let house = House::new();
        let stores = house.stores().await;
        enrol(&stores, 1, "alice").await;
        enrol(&stores, 2, "bob").await;
        let (alice, bob) = (key_id(1), key_id(2));
        let sql =
            format!("UPDATE keys SET {change} FROM keys AS other WHERE keys.id = '{alice}' AND other.id = '{bob}'");
        house.intruder().await.does(&sql).await;
        assert_ne!(key_state(&stores, 1).await, KeyState::Active, "{change}");
        assert_eq!(key_state(&stores, 2).await, KeyState::Active, "{change}");
        assert_eq!(alarms(&stores).await, [format!("keys {alice}")], "{change}");
    }
}

#[tokio::test]
async fn two_keys_whose_roots_are_swapped_are_both_revoked() {
    let house = House::new();
    let stores = house.stores().await;
    enrol(&stores, 1, "alice").await;
    enrol(&stores, 2, "bob").await;
    let mut intruder = house.intruder().await;
    intruder.does("CREATE TABLE old AS SELECT * FROM keys").await;
    intruder.does("UPDATE keys SET root = old.root FROM old WHERE old.id <> keys.id").await;
    assert_ne!(key_state(&stores, 1).await, KeyState::Active);
    assert_ne!(key_state(&stores, 2).await, KeyState::Active);
    assert_eq!(alarms(&stores).await.len(), 2);
}

#[tokio::test]
async fn a_row_of_another_store_is_not_ours() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    enrol(&with_key(&sqlite, 8), 1, "alice").await;
    let ours = with_key(&sqlite, 7);
    assert_ne!(key_state(&ours, 1).await, KeyState::Active);
    assert_eq!(user_state(&ours, 1).await, UserState::Disabled);
}

#[tokio::test]
async fn a_user_whose_row_is_changed_counts_as_disabled_and_cannot_be_enabled() {
    for change in [
        "UPDATE users SET role = 'admin'",
        "UPDATE users SET generation = 0",
        "UPDATE users SET username = 'mallory'",
        "UPDATE users SET created_ms = 0",
        "UPDATE users SET permissions = 'everything'",
        "UPDATE users SET password_hash = '$argon2id$v=19$mallory'",
        "UPDATE users SET mac = zeroblob(16)",
    ] {
        let house = House::new();
        let stores = house.stores().await;
        enrol(&stores, 1, "alice").await;
        house.intruder().await.does(change).await;
        assert_eq!(user_state(&stores, 1).await, UserState::Disabled, "{change}");
        let enabled = stores.users.set_state(user_id(1), UserState::Enabled, &told(EventKind::UserEnabled)).await;
        assert!(matches!(enabled, Err(StoreError::Corrupt { .. })), "{change}");
        assert_eq!(alarms(&stores).await, [format!("users {}", user_id(1))], "{change}");
    }
}

/// Whoever writes the hash of a password of his own into the file must not be able to log in by it, nor the one who takes
/// a hash away, nor the one who lays that of another user there. And nobody makes such a row good by a new password.
#[tokio::test]
async fn a_password_that_is_changed_in_the_file_is_none() {
    for change in [
        "UPDATE users SET password_hash = '$argon2id$v=19$mallory'",
        "UPDATE users SET password_hash = NULL",
        "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE username = 'bob')",
        "UPDATE users SET permissions = password_hash, password_hash = NULL",
    ] {
        let house = House::new();
        let stores = house.stores().await;
        let added = told(EventKind::UserAdded);
        stores.users.add(&Credentials::new(user(1, "alice"), Some(hash("alice"))), &added).await.unwrap();
        stores.users.add(&Credentials::new(user(2, "bob"), Some(hash("bob"))), &added).await.unwrap();
        house.intruder().await.does(&format!("{change} WHERE username = 'alice'")).await;
        match stores.users.credentials(&name("alice")).await {
            Ok(found) => {
                let found = found.unwrap();
                assert_eq!((found.user().state, found.password().is_some()), (UserState::Disabled, false), "{change}");
            }
            Err(error) => assert!(matches!(error, StoreError::Corrupt { .. }), "{change}"),
        }
        let (users, told) = (&stores.users, told(EventKind::PasswordChanged));
        let corrupt = |error| matches!(error, Err(StoreError::Corrupt { .. }));
        assert!(corrupt(users.set_password(user_id(1), 1, &hash("new"), &told).await.map(drop)), "{change}");
        assert!(corrupt(users.set_role(user_id(1), Role::Admin, &told).await.map(drop)), "{change}");
        assert!(corrupt(users.set_permissions(user_id(1), &"b".parse().unwrap(), &told).await.map(drop)), "{change}");
        assert_eq!(alarms(&stores).await, [format!("users {}", user_id(1))], "{change}");
    }
}

/// An administrator who answers an alarm by disabling and enabling must not vouch for what was changed.
#[tokio::test]
async fn no_change_of_ours_makes_a_tampered_row_good() {
    let house = House::new();
    let stores = house.stores().await;
    enrol(&stores, 1, "alice").await;
    let mut intruder = house.intruder().await;
    intruder.does("UPDATE users SET role = 'admin'").await;
    intruder.does("UPDATE keys SET device = 'other'").await;
    let disabled = stores.users.set_state(user_id(1), UserState::Disabled, &told(EventKind::UserDisabled)).await;
    assert_eq!(disabled.unwrap(), Change::Made);
    assert_eq!(stores.keys.revoke(&key_id(1), &told(EventKind::KeyRevoked)).await.unwrap(), Change::Made);
    let enabled = stores.users.set_state(user_id(1), UserState::Enabled, &told(EventKind::UserEnabled)).await;
    assert!(matches!(enabled, Err(StoreError::Corrupt { .. })));
    // Nor does putting the row right again undo what was taken away meanwhile.
    intruder.does("UPDATE users SET role = 'user'").await;
    intruder.does("UPDATE keys SET device = 'device 1'").await;
    assert_eq!(user_state(&stores, 1).await, UserState::Disabled);
    assert_ne!(key_state(&stores, 1).await, KeyState::Active);
    let deleted = stores.users.set_state(user_id(1), UserState::Deleted, &told(EventKind::UserDeleted)).await;
    assert_eq!(deleted.unwrap(), Change::Made);
}

#[tokio::test]
async fn a_deleted_user_whose_state_is_flipped_back_is_nobody_and_the_keys_stay_revoked() {
    let house = House::new();
    let stores = house.stores().await;
    enrol(&stores, 1, "alice").await;
    stores.users.set_state(user_id(1), UserState::Deleted, &told(EventKind::UserDeleted)).await.unwrap();
    house.intruder().await.does("UPDATE users SET state = 0").await;
    assert_eq!(user_state(&stores, 1).await, UserState::Disabled);
    assert_eq!(stores.users.named(&name("alice")).await.unwrap().unwrap().state, UserState::Disabled);
    assert_eq!(key_state(&stores, 1).await, KeyState::Revoked { at: at(5) });
    assert_eq!(alarms(&stores).await.len(), 1);
}

/// The old row whole, with the MAC that it had, is beyond row MACs: it was ours. The keys are rows of their own.
#[tokio::test]
async fn a_deleted_user_whose_old_row_is_laid_back_has_no_key_that_signs() {
    let house = House::new();
    let stores = house.stores().await;
    enrol(&stores, 1, "alice").await;
    let mut intruder = house.intruder().await;
    intruder.does("CREATE TABLE old AS SELECT * FROM users").await;
    stores.users.set_state(user_id(1), UserState::Deleted, &told(EventKind::UserDeleted)).await.unwrap();
    intruder.does("DELETE FROM users").await;
    intruder.does("INSERT INTO users SELECT * FROM old").await;
    assert_eq!(key_state(&stores, 1).await, KeyState::Revoked { at: at(5) });
}

/// The unique index knows names by their octets. A capital would hide a name from it and from look-ups, while the MAC,
/// which is over the name as it is read, would still hold.
#[tokio::test]
async fn a_name_that_is_respelt_in_the_file_is_noticed() {
    let house = House::new();
    let stores = house.stores().await;
    enrol(&stores, 1, "alice").await;
    enrol(&stores, 2, "bob").await;
    house.intruder().await.does("UPDATE users SET username = 'Alice' WHERE username = 'alice'").await;
    assert!(matches!(stores.users.find(user_id(1)).await, Err(StoreError::Corrupt { .. })));
    let listed: Vec<_> = stores.users.list(None, 9).await.unwrap().into_iter().map(|user| user.username).collect();
    assert_eq!(listed, [name("bob")], "one row that cannot be read harms nobody else");
    assert_eq!(alarms(&stores).await, [format!("users {}", user_id(1))]);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_left_out_without_ending_the_list() {
    let house = House::new();
    let stores = house.stores().await;
    for (number, name) in [(1, "alice"), (2, "bob"), (3, "carol"), (4, "dave")] {
        enrol(&stores, number, name).await;
    }
    let unreadable = format!("UPDATE keys SET state = 9 WHERE id IN ('{}', '{}')", key_id(1), key_id(2));
    house.intruder().await.does(&unreadable).await;
    let page = stores.keys.list(None, 1).await.unwrap();
    assert_eq!(page.into_iter().map(|key| key.id).collect::<Vec<_>>(), [key_id(3)]);
    let page = stores.keys.list(Some(&key_id(3)), 9).await.unwrap();
    assert_eq!(page.into_iter().map(|key| key.id).collect::<Vec<_>>(), [key_id(4)]);
    assert!(matches!(stores.keys.find(&key_id(1)).await, Err(StoreError::Corrupt { .. })));
    assert_eq!(stores.keys.revoke(&key_id(1), &told(EventKind::KeyRevoked)).await.unwrap(), Change::Made);
    assert_eq!(alarms(&stores).await.len(), 2);
}

#[tokio::test]
async fn a_ticket_whose_row_is_changed_lets_nobody_in() {
    for change in [
        "UPDATE tickets SET role = 'admin'",
        "UPDATE tickets SET not_after_ms = not_after_ms + 1",
        "UPDATE tickets SET created_ms = 0",
        "UPDATE tickets SET mac = zeroblob(16)",
    ] {
        let house = House::new();
        let stores = house.stores().await;
        issue(&stores, 9).await;
        house.intruder().await.does(change).await;
        let confirmed = stores.enrolments.confirm(&by_ticket(1, "alice", ticket_id(9)), &enrolled()).await.unwrap();
        assert_eq!(confirmed, Confirmed::TicketSpent, "{change}");
        let ticket = stores.tickets.find(ticket_id(9)).await.unwrap().unwrap();
        assert!(matches!(ticket.state, TicketState::Revoked { .. }), "{change}");
        assert_eq!(alarms(&stores).await, [format!("tickets {}", ticket_id(9))], "{change}");
    }
}

#[tokio::test]
async fn a_used_ticket_that_is_opened_again_lets_nobody_in() {
    let open_again = "UPDATE tickets SET state = 0, ended_ms = NULL, key_id = NULL";
    for lay_back in [vec![open_again], vec!["DELETE FROM tickets", "INSERT INTO tickets SELECT * FROM old"]] {
        let house = House::new();
        let stores = house.stores().await;
        issue(&stores, 9).await;
        let mut intruder = house.intruder().await;
        intruder.does("CREATE TABLE old AS SELECT * FROM tickets").await;
        stores.enrolments.confirm(&by_ticket(1, "alice", ticket_id(9)), &enrolled()).await.unwrap();
        for sql in lay_back {
            intruder.does(sql).await;
        }
        intruder.leaves().await;
        let again = stores.enrolments.confirm(&by_ticket(2, "bob", ticket_id(9)), &enrolled()).await.unwrap();
        assert_eq!(again, Confirmed::TicketSpent);
        assert_eq!(alarms(&stores).await, [format!("tickets {}", ticket_id(9))]);
    }
}

#[tokio::test]
async fn a_tampered_ticket_that_is_revoked_stays_revoked_when_it_is_put_right() {
    let house = House::new();
    let stores = house.stores().await;
    issue(&stores, 9).await;
    let mut intruder = house.intruder().await;
    intruder.does("UPDATE tickets SET role = 'admin'").await;
    let revoked = stores.tickets.revoke(ticket_id(9), &told(EventKind::TicketRevoked)).await;
    assert_eq!(revoked.unwrap(), Change::Made);
    intruder.does("UPDATE tickets SET role = 'user'").await;
    let confirmed = stores.enrolments.confirm(&by_ticket(1, "alice", ticket_id(9)), &enrolled()).await.unwrap();
    assert_eq!(confirmed, Confirmed::TicketSpent);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_left_out_and_told_of() {
    let house = House::new();
    let stores = house.stores().await;
    enrol(&stores, 1, "alice").await;
    enrol(&stores, 2, "bob").await;
    house.intruder().await.does("UPDATE events SET kind = 'nothing' WHERE sequence = 1").await;
    let listed = stores.events.list(0, 1).await.unwrap();
    assert_eq!(listed.iter().map(|recorded| recorded.sequence).collect::<Vec<_>>(), [2]);
    assert_eq!(alarms(&stores).await, ["events 1"]);
    assert_eq!(key_state(&stores, 1).await, KeyState::Active);
    assert_eq!(stores.keys.find(&key_id(1)).await.unwrap().unwrap().origin, KeyOrigin::GroupCard);
}

/// With a wrong row key every row looks tampered with; the log does not fill up with that.
#[tokio::test]
async fn the_alarms_of_one_start_are_bounded() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    enrol(&with_key(&sqlite, 7), 1, "alice").await;
    house
        .intruder()
        .await
        .does(
            "WITH RECURSIVE n(i) AS (SELECT 100000 UNION ALL SELECT i + 1 FROM n WHERE i < 101499) \
             INSERT INTO keys SELECT 'kaaaaaaaaaaaaaaaaaaaa' || i, user_id, device, kek_version, root, origin, \
             ticket_id, state, ends_ms, created_ms, mac, predecessor FROM keys, n",
        )
        .await;
    let stores = with_key(&sqlite, 7);
    assert_eq!(stores.keys.list(None, 10_000).await.unwrap().len(), 1_501);
    assert_eq!(alarms(&stores).await.len(), 1_000);
}
