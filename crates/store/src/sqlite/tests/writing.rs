use core::time::Duration;

use countersign_core::event::EventKind;
use sqlx::{Connection as _, query};

use super::{House, connection, run, with_key};
use crate::conformance::sample::{NOW, by_group, enrol, enrolled, event, events, key_id, name};
use crate::port::{Confirmed, StoreError};
use crate::sqlite::failure::Failure;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_caller_goes_away_is_made_whole_or_not_at_all() {
    let house = House::new();
    let stores = house.stores().await;
    for number in 0..40_u8 {
        let confirmation = by_group(number, &format!("user{number}"));
        let told = enrolled();
        let confirm = stores.enrolments.confirm(&confirmation, &told);
        // Polled for a while that differs each time, then dropped.
        let patience = Duration::from_micros(u64::from(number) * 50);
        let _answer = tokio::time::timeout(patience, confirm).await;
    }
    let users = stores.users.list(None, 100).await.unwrap();
    // Whoever is still in the queue comes before this one.
    assert_eq!(stores.enrolments.confirm(&by_group(99, "last"), &enrolled()).await.unwrap(), Confirmed::Done);
    let after = stores.users.list(None, 100).await.unwrap();
    assert!(after.len() > users.len());
    assert_eq!(stores.keys.list(None, 100).await.unwrap().len(), after.len());
    assert_eq!(events(&stores).await, after.len());
}

#[tokio::test]
async fn one_change_that_fails_leaves_the_others_of_its_group_alone() {
    let house = House::new();
    let stores = house.stores().await;
    let mut blocked = connection(&house.file()).await;
    let lock = blocked.begin_with("BEGIN IMMEDIATE").await.unwrap();
    // While somebody holds the lock, these queue up and then share a transaction.
    let mut same_key = by_group(2, "bob");
    same_key.key.id = key_id(1);
    let told = enrolled();
    let (alice, carol) = (by_group(1, "alice"), by_group(3, "carol"));
    let changes = async {
        tokio::join!(
            stores.events.record(&told),
            stores.enrolments.confirm(&alice, &told),
            stores.enrolments.confirm(&same_key, &told),
            stores.enrolments.confirm(&carol, &told),
        )
    };
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        lock.rollback().await.unwrap();
    };
    let ((first, alice, bob, carol), ()) = tokio::join!(changes, unlock);
    first.unwrap();
    assert_eq!(alice.unwrap(), Confirmed::Done);
    assert!(matches!(bob, Err(StoreError::Failed(_))));
    assert_eq!(carol.unwrap(), Confirmed::Done);
    assert_eq!(stores.users.named(&name("bob")).await.unwrap(), None);
    assert_eq!(events(&stores).await, 3);
}

#[tokio::test]
async fn a_full_disk_fails_the_change_and_later_ones_succeed_once_there_is_room() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    let stores = with_key(&sqlite, 7);
    enrol(&stores, 1, "alice").await;
    // A limit of SQLite's own gives the same SQLITE_FULL as a disk does. It is the connection's, so that the fresh
    // connection after the failure has room again.
    let full = sqlite.writer.write(|connection| {
        Box::pin(async move {
            query("PRAGMA max_page_count = 1").execute(&mut *connection).await?;
            for _ in 0..1_000 {
                let long = "x".repeat(4_000);
                let sql = "INSERT INTO events (at_ms, kind, actor, detail) VALUES (0, 'replay', ?, '')";
                query(sql).bind(long).execute(&mut *connection).await?;
            }
            Ok(())
        })
    });
    let failed = full.await.unwrap_err();
    assert!(matches!(failed, StoreError::Failed(_)), "{failed:?}");
    enrol(&stores, 2, "bob").await;
    assert_eq!(events(&stores).await, 2);
    assert_eq!(stores.users.list(None, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn after_an_error_of_the_disk_nothing_is_written_or_acknowledged_any_more() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    let stores = with_key(&sqlite, 7);
    enrol(&stores, 1, "alice").await;
    let chain = sqlite.writer.chain().clone();
    let failed = sqlite.writer.write(move |connection| {
        Box::pin(async move {
            chain.append(connection, &enrolled()).await?;
            Err::<(), _>(Failure::Sql(sqlx::Error::Io(std::io::Error::other("fsync failed"))))
        })
    });
    assert!(matches!(failed.await, Err(StoreError::Halted)));
    tokio::time::timeout(Duration::from_secs(5), sqlite.halted()).await.unwrap();
    let later = stores.events.record(&event(EventKind::Replay, NOW)).await;
    assert!(matches!(later, Err(StoreError::Halted)), "{later:?}");
    assert_eq!(events(&stores).await, 1, "reading goes on");
    let stores = house.stores().await;
    assert_eq!(events(&stores).await, 1);
    enrol(&stores, 2, "bob").await;
}

/// SQLite finds the damage when it needs the page.
#[tokio::test]
async fn a_damaged_file_halts_the_store_instead_of_being_written_on() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    enrol(&with_key(&sqlite, 7), 1, "alice").await;
    sqlite.close().await;
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'events'";
    let page: i64 = sqlx::query_scalar(root).fetch_one(&mut connection(&house.file()).await).await.unwrap();
    let start = usize::try_from(page - 1).unwrap() * 4_096;
    let mut octets = std::fs::read(house.file()).unwrap();
    octets[start..start + 4_096].fill(0xa5);
    std::fs::write(house.file(), octets).unwrap();
    let sqlite = house.sqlite().await;
    let problems = sqlite.integrity().await.unwrap().problems();
    assert!(problems.iter().any(|problem| problem.contains("malformed")), "{problems:?}");
    let told = with_key(&sqlite, 7).events.record(&enrolled()).await;
    assert!(matches!(told, Err(StoreError::Halted)), "{told:?}");
}

#[tokio::test]
async fn a_store_that_somebody_else_has_locked_fails_in_time_and_goes_on_later() {
    let house = House::new();
    let stores = house.stores().await;
    let mut other = connection(&house.file()).await;
    run(&mut other, "BEGIN EXCLUSIVE").await;
    let told = stores.events.record(&enrolled()).await;
    assert!(matches!(told, Err(StoreError::Failed(_))), "{told:?}");
    assert!(stores.users.list(None, 1).await.is_ok(), "readers do not wait for a writer");
    run(&mut other, "ROLLBACK").await;
    enrol(&stores, 1, "alice").await;
}

#[tokio::test]
async fn a_caller_who_waits_too_long_is_told_that_nobody_knows() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    let stuck = sqlite.writer.write(|_| Box::pin(std::future::pending::<Result<(), Failure>>()));
    let (stores, told) = (with_key(&sqlite, 7), enrolled());
    let (stuck, behind) = tokio::join!(stuck, stores.events.record(&told));
    assert!(matches!(stuck, Err(StoreError::TimedOut)), "{stuck:?}");
    assert!(matches!(behind, Err(StoreError::TimedOut)), "{behind:?}");
    assert!(stores.events.list(0, 1).await.unwrap().is_empty(), "reading goes on");
}
