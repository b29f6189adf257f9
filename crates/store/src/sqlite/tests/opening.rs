use std::os::unix::fs::PermissionsExt as _;

use super::super::open::known_schema;
use super::{House, connection, run};
use crate::sqlite::{Migrations, OpenError, Sqlite};

#[tokio::test]
async fn a_new_store_is_sound_and_set_as_it_must_be() {
    let integrity = House::new().sqlite().await.integrity().await.unwrap();
    assert_eq!(integrity.problems(), [""; 0]);
    assert_eq!((integrity.journal_mode.as_str(), integrity.synchronous), ("wal", 2));
    assert_eq!((integrity.foreign_keys, integrity.mmap_size), (1, 0));
    assert_eq!(integrity.schema, (known_schema(), known_schema()));
}

#[tokio::test]
async fn the_bundled_sqlite_is_not_older_than_3_51_3() {
    let mut integrity = House::new().sqlite().await.integrity().await.unwrap();
    assert_eq!(integrity.problems(), [""; 0], "{}", integrity.sqlite);
    for (version, fine) in [("3.51.2", false), ("3.51.3", true), ("3.52.0", true), ("3.6.23", false), ("4.0.0", true)] {
        integrity.sqlite = version.to_owned();
        assert_eq!(integrity.problems().is_empty(), fine, "{version}");
    }
}

#[tokio::test]
async fn nobody_else_can_read_any_file_of_the_store() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    crate::conformance::sample::enrol(&super::with_key(&sqlite, 7), 1, "alice").await;
    let files: Vec<_> = std::fs::read_dir(house.directory.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 2, "the database and its log");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn a_file_that_others_can_read_is_a_problem() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    std::fs::set_permissions(house.file(), std::fs::Permissions::from_mode(0o640)).unwrap();
    let problems = sqlite.integrity().await.unwrap().problems();
    assert_eq!(problems, ["the file has mode 0640: others can open it; make it 0600"]);
}

#[tokio::test]
async fn a_missing_or_older_schema_is_refused_when_migrations_are() {
    let house = House::new();
    let refused = Sqlite::open(&house.file(), Migrations::Refuse).await.unwrap_err();
    assert!(matches!(refused, OpenError::Behind { found: 0, .. }));
    assert!(refused.to_string().contains("start once without --no-migrate"), "{refused}");
    assert!(!house.file().exists(), "looking leaves no file behind");
    std::fs::write(house.file(), "").unwrap();
    let refused = Sqlite::open(&house.file(), Migrations::Refuse).await.unwrap_err();
    assert!(matches!(refused, OpenError::Behind { found: 0, .. }));
    house.sqlite().await.close().await;
    assert!(Sqlite::open(&house.file(), Migrations::Refuse).await.is_ok());
}

#[tokio::test]
async fn a_newer_schema_is_refused_either_way() {
    let house = House::new();
    house.sqlite().await.close().await;
    let mut later = connection(&house.file()).await;
    run(&mut later, "INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, success, checksum, 0 FROM _sqlx_migrations LIMIT 1").await;
    for migrations in [Migrations::Run, Migrations::Refuse] {
        let refused = Sqlite::open(&house.file(), migrations).await.unwrap_err();
        assert!(matches!(refused, OpenError::Newer { found: 9999, .. }), "{refused}");
    }
}

#[tokio::test]
async fn a_schema_that_somebody_else_made_is_refused() {
    let house = House::new();
    house.sqlite().await.close().await;
    run(&mut connection(&house.file()).await, "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").await;
    let refused = Sqlite::open(&house.file(), Migrations::Run).await.unwrap_err();
    assert!(matches!(refused, OpenError::Foreign(1)), "{refused}");
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let house = House::new();
    let text = "this is a letter, not a database\n".repeat(100);
    std::fs::write(house.file(), &text).unwrap();
    let refused = Sqlite::open(&house.file(), Migrations::Run).await.unwrap_err();
    assert!(matches!(refused, OpenError::Open { .. }), "{refused}");
    assert_eq!(std::fs::read_to_string(house.file()).unwrap(), text);
}

#[tokio::test]
async fn a_name_that_sqlite_would_take_for_a_uri_is_a_name() {
    let house = House::new();
    let file = house.directory.path().join("file:x?mode=memory&%41 #.db");
    Sqlite::open(&file, Migrations::Run).await.unwrap().close().await;
    assert!(file.metadata().unwrap().len() > 0);
}

#[tokio::test]
async fn the_schema_itself_keeps_what_is_final() {
    use crate::conformance::sample::{enrol, event, issue, key_id, ticket_id, user_id};
    use countersign_core::account::UserState;
    use countersign_core::event::EventKind;

    let house = House::new();
    let stores = house.stores().await;
    enrol(&stores, 1, "alice").await;
    issue(&stores, 9).await;
    let now = crate::conformance::sample::NOW;
    stores.tickets.revoke(ticket_id(9), &event(EventKind::TicketRevoked, now)).await.unwrap();
    stores.users.set_state(user_id(1), UserState::Deleted, &event(EventKind::UserDeleted, now)).await.unwrap();
    assert_ne!(stores.keys.find(&key_id(1)).await.unwrap(), None);
    stores.event_chain.seal(now).await.unwrap();
    let mut later_program = connection(&house.file()).await;
    for sql in [
        "UPDATE users SET state = 0",
        "UPDATE keys SET state = 0, ends_ms = NULL",
        "UPDATE tickets SET state = 0",
        "UPDATE tickets SET state = 1",
        "UPDATE events SET detail = ''",
        "UPDATE events SET chain = NULL",
        "DELETE FROM events",
        "UPDATE event_heads SET sequence = 9",
        "DELETE FROM event_heads",
        "INSERT INTO event_pruning SELECT 1, sequence + 1, at_ms, chain, mac FROM event_heads",
        "DELETE FROM users",
        "DELETE FROM keys",
        "DELETE FROM tickets",
    ] {
        let done = sqlx::query(sql).execute(&mut later_program).await;
        assert!(done.is_err(), "{sql}");
    }
}
