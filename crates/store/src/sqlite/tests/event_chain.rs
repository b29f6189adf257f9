//! Somebody who can write to the file, knows of our triggers, and has not the key.

use countersign_core::event::{Event, EventKind, SealedHead};

use super::{House, Intruder, connection, run, with_key};
use crate::Stores;
use crate::conformance::sample::{at, event, session_ref};
use crate::port::{ChainFault, End, Pruned, StoreError};

const ALL: &str = "sequence, at_ms, kind, user_id, key_id, session, actor, detail, chain";

/// A log of six events, one apart in time; sealed at the fourth.
async fn six() -> (House, Stores, SealedHead, Intruder) {
    let house = House::new();
    let stores = house.stores().await;
    stores.event_chain.begin(at(0)).await.unwrap();
    record(&stores, 1..=4).await;
    let head = seal(&stores).await;
    record(&stores, 5..=6).await;
    let intruder = house.intruder().await;
    (house, stores, head, intruder)
}

async fn record(stores: &Stores, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        let told = Event { session: Some(session_ref(1)), ..event(EventKind::Replay, at(number)) };
        stores.events.record(&told).await.unwrap();
    }
}

async fn seal(stores: &Stores) -> SealedHead {
    match stores.event_chain.seal(at(50)).await.unwrap() {
        End::New(head) | End::Already(head) => head,
    }
}

async fn faults(stores: &Stores, given: &[SealedHead]) -> Vec<ChainFault> {
    stores.event_chain.verify(given).await.unwrap().faults
}

/// Column by column, and not even to what another row has.
#[tokio::test]
async fn no_column_of_an_event_can_be_changed_unnoticed() {
    for change in [
        "at_ms = at_ms + 1",
        "kind = 'enrolled'",
        "kind = 'a kind that we do not know'",
        "user_id = '00000000-0000-4000-8000-000000000000'",
        "key_id = 'k7f3a9c2d4e5b6a1c'",
        "session = NULL",
        "session = 'AgICAgICAgICAgICAgICAg'",
        "session = 'no session'",
        "key_id = session, session = NULL",
        "actor = '192.0.2.1'",
        "detail = ''",
        "chain = zeroblob(32)",
        "chain = x''",
        "chain = NULL",
    ] {
        let (_house, stores, _, mut intruder) = six().await;
        intruder.does(&format!("UPDATE events SET {change} WHERE sequence = 3")).await;
        let found = faults(&stores, &[]).await;
        assert_eq!(found[0], ChainFault::Changed { sequence: 3 }, "{change}");
        let blamed = if change.starts_with("chain") { 2 } else { 1 };
        assert_eq!(found.len(), blamed, "{change}: the row, and the next where its value is gone");
    }
}

#[tokio::test]
async fn a_removed_event_is_found_wherever_it_stood() {
    for (gone, expected) in [
        ("sequence = 1", ChainFault::Missing { from: 1, through: 1 }),
        ("sequence IN (2, 3)", ChainFault::Missing { from: 2, through: 3 }),
        ("sequence = 6", ChainFault::Cut { last: 5, written: 6 }),
    ] {
        let (_house, stores, _, mut intruder) = six().await;
        intruder.does(&format!("DELETE FROM events WHERE {gone}")).await;
        assert_eq!(faults(&stores, &[]).await, [expected], "{gone}");
    }
}

/// Numbers and all: the gap closed again.
#[tokio::test]
async fn a_removed_event_is_found_when_the_others_move_up() {
    let (_house, stores, _, mut intruder) = six().await;
    intruder.does("DELETE FROM events WHERE sequence = 2").await;
    intruder.does("UPDATE events SET sequence = sequence - 1 WHERE sequence > 2").await;
    let found = faults(&stores, &[]).await;
    for sequence in 2..=5 {
        assert!(found.contains(&ChainFault::Changed { sequence }), "{found:?}");
    }
}

#[tokio::test]
async fn two_events_that_changed_places_are_found() {
    let (_house, stores, _, mut intruder) = six().await;
    intruder.does("UPDATE events SET sequence = 99 WHERE sequence = 2").await;
    intruder.does("UPDATE events SET sequence = 2 WHERE sequence = 3").await;
    intruder.does("UPDATE events SET sequence = 3 WHERE sequence = 99").await;
    let found = faults(&stores, &[]).await;
    assert!(found.contains(&ChainFault::Changed { sequence: 2 }), "{found:?}");
    assert!(found.contains(&ChainFault::Changed { sequence: 3 }), "{found:?}");
}

/// A row that was ours once, with the value that it had, in another place.
#[tokio::test]
async fn an_event_that_is_laid_in_again_is_found() {
    let (house, stores, _, mut intruder) = six().await;
    intruder.does(&format!("INSERT INTO events ({ALL}) SELECT 7, {} FROM events WHERE sequence = 3", &ALL[10..])).await;
    assert_eq!(faults(&stores, &[]).await, [ChainFault::Changed { sequence: 7 }]);
    // What happens next is told of all the same, behind it, and the chain goes on where we had left it.
    record(&stores, [8]).await;
    assert_eq!(stores.events.latest(1).await.unwrap()[0].sequence, 8);
    assert_eq!(faults(&house.stores().await, &[]).await[0], ChainFault::Changed { sequence: 7 });
}

/// While it is written, at once; and after a start by the number that was given out.
#[tokio::test]
async fn a_log_that_is_cut_while_it_is_written_has_a_gap() {
    let (house, stores, _, mut intruder) = six().await;
    intruder.does("DELETE FROM events WHERE sequence > 4").await;
    record(&stores, [7]).await;
    assert_eq!(faults(&stores, &[]).await, [ChainFault::Missing { from: 5, through: 6 }]);
    assert_eq!(faults(&house.stores().await, &[]).await, [ChainFault::Missing { from: 5, through: 6 }]);
}

/// All of it, and the numbers that were given out as well: the heads still know how far it went.
#[tokio::test]
async fn a_log_that_was_emptied_does_not_begin_anew() {
    for covering_tracks in [false, true] {
        let (house, _, head, mut intruder) = six().await;
        intruder.does("DELETE FROM events").await;
        if covering_tracks {
            intruder.does("DELETE FROM sqlite_sequence WHERE name = 'events'").await;
        }
        let stores = house.stores().await;
        record(&stores, [7]).await;
        let first = stores.events.latest(1).await.unwrap()[0].sequence;
        assert_eq!(first, if covering_tracks { 5 } else { 7 });
        assert_eq!(seal(&stores).await.sequence, first);
        let found = faults(&stores, &[head]).await;
        assert!(found.contains(&ChainFault::Missing { from: 1, through: first - 1 }), "{found:?}");
        assert!(found.contains(&ChainFault::OtherHead { sequence: 4 }), "{found:?}");
    }
}

/// The intruder who covers the tracks in the table of numbers as well, with the guard stopped.
#[tokio::test]
async fn a_log_that_is_cut_behind_its_last_head_is_found_by_the_head() {
    let (house, _, head, mut intruder) = six().await;
    intruder.does("DELETE FROM events WHERE sequence > 3").await;
    intruder.does("UPDATE sqlite_sequence SET seq = 3 WHERE name = 'events'").await;
    assert_eq!(faults(&house.stores().await, &[]).await, [ChainFault::Truncated { last: 3, head: 4 }]);
    // Without the head that is kept with it nothing tells, but the one that is kept elsewhere does.
    intruder.does("DELETE FROM event_heads WHERE sequence > 0").await;
    let stores = house.stores().await;
    assert_eq!(faults(&stores, &[]).await, []);
    assert_eq!(faults(&stores, &[head]).await, [ChainFault::Truncated { last: 3, head: 4 }]);
    // Nor do new events make good what is gone.
    record(&stores, 7..10).await;
    assert_eq!(faults(&stores, &[head]).await, [ChainFault::OtherHead { sequence: 4 }]);
}

#[tokio::test]
async fn a_whole_old_copy_that_is_laid_back_is_found_by_a_later_head() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    let stores = with_key(&sqlite, 7);
    stores.event_chain.begin(at(0)).await.unwrap();
    record(&stores, 1..=2).await;
    seal(&stores).await;
    sqlite.close().await;
    let old = std::fs::read(house.file()).unwrap();
    let sqlite = house.sqlite().await;
    let stores = with_key(&sqlite, 7);
    record(&stores, 3..=4).await;
    let later = seal(&stores).await;
    sqlite.close().await;
    std::fs::write(house.file(), old).unwrap();
    let stores = house.stores().await;
    assert_eq!(faults(&stores, &[]).await, []);
    assert_eq!(faults(&stores, &[later]).await, [ChainFault::Truncated { last: 2, head: 4 }]);
    record(&stores, 13..=15).await;
    assert_eq!(faults(&stores, &[later]).await, [ChainFault::OtherHead { sequence: 4 }]);
}

#[tokio::test]
async fn a_head_that_is_swapped_or_changed_in_the_file_is_found() {
    for change in ["sequence = 5", "at_ms = at_ms + 1", "chain = zeroblob(32)", "mac = zeroblob(32)"] {
        let (_house, stores, _, mut intruder) = six().await;
        intruder.does(&format!("UPDATE event_heads SET {change} WHERE sequence = 4")).await;
        let found = faults(&stores, &[]).await;
        assert!(matches!(found[..], [ChainFault::ForgedHead { .. }]), "{change}: {found:?}");
    }
    let (_house, stores, _, mut intruder) = six().await;
    seal(&stores).await;
    intruder.does("CREATE TABLE old AS SELECT * FROM event_heads").await;
    intruder.does("UPDATE event_heads SET mac = old.mac, chain = old.chain FROM old WHERE event_heads.sequence IN (4, 6) AND old.sequence = 10 - event_heads.sequence").await;
    let found = faults(&stores, &[]).await;
    assert_eq!(found, [ChainFault::ForgedHead { sequence: 4 }, ChainFault::ForgedHead { sequence: 6 }]);
}

/// Whoever puts a head of their own behind the last one would have the guard leave the end unsealed, or remove what no
/// head of ours vouches for.
#[tokio::test]
async fn a_head_of_somebody_elses_seals_nothing_and_lets_nothing_be_removed() {
    for forged in [
        "SELECT 6, 50, chain, zeroblob(32) FROM events WHERE sequence = 6",
        "SELECT 9, 50, chain, mac FROM event_heads WHERE sequence = 4",
    ] {
        let (_house, stores, _, mut intruder) = six().await;
        intruder.does(&format!("INSERT INTO event_heads (sequence, at_ms, chain, mac) {forged}")).await;
        let sealed = stores.event_chain.seal(at(50)).await;
        assert!(matches!(sealed, Err(StoreError::Corrupt { what: "head", .. })), "{forged}: {sealed:?}");
        let pruned = stores.event_chain.prune(at(100), 10, at(100)).await;
        assert!(matches!(pruned, Err(StoreError::Corrupt { what: "head", .. })), "{forged}: {pruned:?}");
        assert_eq!(stores.events.list(0, 10).await.unwrap().len(), 6, "{forged}");
        assert!(matches!(faults(&stores, &[]).await[0], ChainFault::ForgedHead { .. }), "{forged}");
    }
}

/// The log holds without them. But they are what would show that it was written anew.
#[tokio::test]
async fn a_head_that_was_taken_out_of_the_file_is_missed_by_whoever_has_it() {
    let (_house, stores, head, mut intruder) = six().await;
    let first = stores.event_chain.heads(None, 1).await.unwrap()[0];
    assert_eq!(faults(&stores, &[first, head, head]).await, []);
    intruder.does("DELETE FROM event_heads").await;
    let gone = |sequence| ChainFault::MissingHead { sequence };
    assert_eq!(faults(&stores, &[first, head, head]).await, [gone(0), gone(4)]);
}

/// A head says where the log was, not that what is before it may go.
#[tokio::test]
async fn nobody_removes_old_events_by_a_note_of_their_own() {
    for note in [
        "INSERT INTO event_pruning SELECT 1, sequence, at_ms, chain, mac FROM event_heads WHERE sequence = 4",
        "INSERT INTO event_pruning SELECT 1, sequence, at_ms, chain, zeroblob(32) FROM events WHERE sequence = 4",
    ] {
        let (_house, stores, _, mut intruder) = six().await;
        intruder.does(note).await;
        intruder.does("DELETE FROM events WHERE sequence <= 4").await;
        assert_eq!(faults(&stores, &[]).await, [ChainFault::ForgedPruning], "{note}");
        let pruned = stores.event_chain.prune(at(100), 10, at(100)).await.unwrap();
        assert!(matches!(pruned, Pruned::Refused { .. }), "{note}");
    }
}

/// An older note of ours, laid back after its rows were removed: it brings nothing back.
#[tokio::test]
async fn an_old_note_that_is_laid_back_shows_the_rows_as_missing() {
    let (_house, stores, _, mut intruder) = six().await;
    stores.event_chain.prune(at(2), 10, at(100)).await.unwrap();
    intruder.does("CREATE TABLE old AS SELECT * FROM event_pruning").await;
    stores.event_chain.prune(at(4), 10, at(100)).await.unwrap();
    intruder.does("DELETE FROM event_pruning").await;
    intruder.does("INSERT INTO event_pruning SELECT * FROM old").await;
    assert_eq!(faults(&stores, &[]).await, [ChainFault::Missing { from: 2, through: 3 }]);
}

/// What was changed stays to be seen: removing it in its time would hide it.
#[tokio::test]
async fn an_event_that_was_changed_is_not_removed_in_its_time() {
    let (_house, stores, _, mut intruder) = six().await;
    intruder.does("UPDATE events SET detail = 'nothing' WHERE sequence = 2").await;
    let pruned = stores.event_chain.prune(at(100), 10, at(100)).await.unwrap();
    assert_eq!(pruned, Pruned::Refused { sequence: 2 });
    assert_eq!(faults(&stores, &[]).await, [ChainFault::Changed { sequence: 2 }]);
    assert_eq!(stores.events.list(0, 10).await.unwrap().len(), 6);
}

/// Nobody has cut anything off: the row is not there yet, and while it is not there nobody was told of it.
#[tokio::test]
async fn a_log_that_is_looked_over_while_an_event_is_written_is_not_taken_for_cut() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    let stores = with_key(&sqlite, 7);
    record(&stores, 1..=2).await;
    let (appended, is_appended) = tokio::sync::oneshot::channel();
    let (looked, is_looked_over) = tokio::sync::oneshot::channel();
    let (writer, chain) = (sqlite.writer.clone(), sqlite.writer.chain().clone());
    let writing = tokio::spawn(async move {
        let written = writer.write(move |connection| {
            Box::pin(async move {
                chain.append(connection, &event(EventKind::Replay, at(3))).await?;
                appended.send(()).unwrap();
                is_looked_over.await.unwrap();
                Ok(())
            })
        });
        written.await
    });
    is_appended.await.unwrap();
    assert_eq!(faults(&stores, &[]).await, []);
    looked.send(()).unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(stores.event_chain.verify(&[]).await.unwrap().last, 3);
}

#[tokio::test]
async fn with_another_key_nothing_is_ours() {
    let (house, _, head, _) = six().await;
    let stores = with_key(&house.sqlite().await, 8);
    let found = stores.event_chain.verify(&[head]).await.unwrap();
    assert_eq!(found.faults.len(), 6 + 2, "every row, and the two heads that are kept, of which one is given");
}

/// A database of the schema before, as its program left it.
async fn old_house() -> House {
    let house = House::new();
    house.sqlite().await.close().await;
    let mut old = connection(&house.file()).await;
    for sql in [
        "DROP TRIGGER events_are_kept",
        "INSERT INTO events (at_ms, kind, actor, detail) VALUES (1, 'started', 'pid 1', ''), (2, 'stopped', 'pid 1', '')",
    ] {
        run(&mut old, sql).await;
    }
    house
}

#[tokio::test]
async fn rows_from_before_are_taken_into_the_chain_once() {
    let house = old_house().await;
    let stores = house.stores().await;
    assert_eq!(stores.event_chain.begin(at(0)).await.unwrap().unwrap().taken, 2);
    record(&stores, [3]).await;
    let found = stores.event_chain.verify(&[]).await.unwrap();
    assert!(found.holds(), "{found:?}");
    assert_eq!((found.rows, found.heads), (3, 1));
    // What somebody puts there later is not.
    let mut intruder = house.intruder().await;
    intruder.does("INSERT INTO events (at_ms, kind, actor, detail) VALUES (9, 'started', 'pid 9', '')").await;
    let stores = house.stores().await;
    assert_eq!(stores.event_chain.begin(at(0)).await.unwrap(), None);
    assert_eq!(faults(&stores, &[]).await, [ChainFault::Changed { sequence: 4 }]);
}

/// Whoever cuts the taking in short and writes a session into a row from before.
#[tokio::test]
async fn a_row_from_before_gets_its_value_and_nothing_else() {
    let house = old_house().await;
    let mut old = connection(&house.file()).await;
    for more in ["session = 'AgICAgICAgICAgICAgICAg'", "key_id = 'k7f3a9c2d4e5b6a1c'", "user_id = ''", "detail = 'no'"]
    {
        let sql = format!("UPDATE events SET chain = zeroblob(32), {more} WHERE sequence = 1");
        assert!(sqlx::query(sqlx::AssertSqlSafe(sql.as_str())).execute(&mut old).await.is_err(), "{more}");
    }
    assert_eq!(house.stores().await.event_chain.begin(at(0)).await.unwrap().unwrap().taken, 2);
}

/// More than are taken in at once. Each part begins behind the last one, and does not go through what has been taken in.
#[tokio::test]
async fn a_long_log_from_before_is_taken_in_part_by_part() {
    let house = old_house().await;
    let mut old = connection(&house.file()).await;
    let rows = "WITH RECURSIVE n (at) AS (SELECT 3 UNION ALL SELECT at + 1 FROM n WHERE at < 12000) \
        INSERT INTO events (at_ms, kind, actor, detail) SELECT at, 'replay', '', '' FROM n";
    run(&mut old, rows).await;
    let stores = house.stores().await;
    assert_eq!(stores.event_chain.begin(at(0)).await.unwrap().unwrap().taken, 12_000);
    let found = stores.event_chain.verify(&[]).await.unwrap();
    assert!(found.holds() && found.rows == 12_000, "{found:?}");
    let sql = format!("EXPLAIN QUERY PLAN {}", crate::sqlite::event_chain::UNCHAINED);
    let plan: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).fetch_all(&mut old).await.unwrap();
    assert!(plan.iter().all(|(.., step)| step.starts_with("SEARCH")), "{plan:?}");
}

/// A change that fails takes its event along, and the next one stands in its place.
#[tokio::test]
async fn an_event_that_was_undone_leaves_no_gap_in_the_chain() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    let stores = with_key(&sqlite, 7);
    record(&stores, [1]).await;
    let chain = sqlite.writer.chain().clone();
    let failed = sqlite.writer.write(move |connection| {
        Box::pin(async move {
            chain.append(connection, &event(EventKind::Replay, at(2))).await?;
            sqlx::query("INSERT INTO event_heads SELECT * FROM event_heads, events").execute(&mut *connection).await?;
            Ok(())
        })
    });
    assert!(failed.await.is_err());
    record(&stores, [3]).await;
    let found = stores.event_chain.verify(&[]).await.unwrap();
    assert!(found.holds(), "{found:?}");
    assert_eq!(found.last, 2);
}

/// No rule, a figure: how much longer a transaction of so many events takes because they are chained. Run it alone:
/// `cargo nextest run -p countersign-store --run-ignored only --no-capture what_a_link_of_the_chain_costs`
#[tokio::test]
#[ignore = "prints a figure"]
#[expect(clippy::disallowed_methods, reason = "it is about how long something takes")]
async fn what_a_link_of_the_chain_costs() {
    const EVENTS: i64 = 2_000;
    const PLAIN: &str =
        "INSERT INTO plain (at_ms, kind, user_id, key_id, session, actor, detail) VALUES (?, ?, ?, ?, NULL, ?, ?)";
    let house = House::new();
    let sqlite = house.sqlite().await;
    let _stores = with_key(&sqlite, 7);
    let mut other = connection(&house.file()).await;
    let columns = "at_ms INTEGER, kind TEXT, user_id TEXT, key_id TEXT, session TEXT, actor TEXT, detail TEXT";
    run(&mut other, &format!("CREATE TABLE plain (sequence INTEGER PRIMARY KEY AUTOINCREMENT, {columns}) STRICT"))
        .await;
    for _ in 0..5 {
        let plain = std::time::Instant::now();
        let written = sqlite.writer.write(|connection| {
            Box::pin(async move {
                for at in 0..EVENTS {
                    let insert = sqlx::query(PLAIN).bind(at).bind("replay").bind(None::<String>).bind(None::<String>);
                    insert.bind("127.0.0.1").bind("replay").execute(&mut *connection).await?;
                }
                Ok(())
            })
        });
        written.await.unwrap();
        let plain = plain.elapsed();
        let (chain, chained) = (sqlite.writer.chain().clone(), std::time::Instant::now());
        let written = sqlite.writer.write(move |connection| {
            Box::pin(async move {
                for _ in 0..EVENTS {
                    chain.append(connection, &event(EventKind::Replay, at(1))).await?;
                }
                Ok(())
            })
        });
        written.await.unwrap();
        println!("chained ÷ plain: {:.2}", chained.elapsed().as_secs_f64() / plain.as_secs_f64());
    }
}
