use countersign_core::account::KeyState;
use countersign_core::secret::Sealed;
use sqlx::query_scalar;

use super::{House, alarms, connection, with_key};
use crate::Stores;
use crate::conformance::sample::{NOW, by_group, enrol, enrolled, key_id};
use crate::port::{Reseal, Resealed, Retirement, Sealing};
use crate::sqlite::sealings::{SealedTable, TABLES};

/// Seals under version 2 whatever can be; what became of it, and how many rows were left alone.
async fn reseal_all(stores: &Stores) -> (Vec<Resealed>, u64) {
    let page = stores.sealings.sealed_otherwise(2, None, 100).await.unwrap();
    let batch = page.sealings.iter().map(reseal).collect();
    (stores.sealings.reseal(batch).await.unwrap(), page.distrusted)
}

pub(super) fn reseal(sealing: &Sealing) -> Reseal {
    let fresh = Sealed { version: 2, ..sealing.sealed.clone() };
    Reseal { place: sealing.place.clone(), former: sealing.sealed.clone(), fresh }
}

/// Whoever adds a table with something sealed in it and forgets to list it would lose that in the next exchange.
#[tokio::test]
async fn every_table_with_a_column_kek_version_is_listed() {
    let house = House::new();
    house.stores().await;
    let mut connection = connection(&house.file()).await;
    let sealed: Vec<String> = query_scalar(
        "SELECT t.name FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c \
         WHERE t.schema = 'main' AND c.name = 'kek_version' ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(sealed, TABLES.map(SealedTable::name), "by name, as pages go on by name");
}

#[tokio::test]
async fn a_tampered_key_is_left_alone_and_reported_and_blocks_nobody() {
    for change in ["device = 'other'", "kek_version = 9", "kek_version = -1", "root = x'00'", "mac = zeroblob(16)"] {
        let house = House::new();
        let stores = house.stores().await;
        enrol(&stores, 1, "alice").await;
        enrol(&stores, 2, "bob").await;
        let mut intruder = house.intruder().await;
        intruder.does(&format!("UPDATE keys SET {change} WHERE id = '{}'", key_id(1))).await;
        assert_eq!(reseal_all(&stores).await, (vec![Resealed::Done], 1), "{change}");
        assert_eq!(alarms(&stores).await, [format!("keys {}", key_id(1))], "{change}");
        assert_eq!(stores.sealings.retire(2).await.unwrap(), Retirement::Done { distrusted: 1 }, "{change}");
        assert_eq!(stores.keys.find(&key_id(2)).await.unwrap().unwrap().state, KeyState::Active);
    }
}

#[tokio::test]
async fn a_row_that_is_tampered_with_after_it_was_read_is_not_made_good() {
    let house = House::new();
    let stores = house.stores().await;
    enrol(&stores, 1, "alice").await;
    let page = stores.sealings.sealed_otherwise(2, None, 100).await.unwrap();
    house.intruder().await.does("UPDATE keys SET device = 'other'").await;
    let batch = page.sealings.iter().map(reseal).collect();
    assert_eq!(stores.sealings.reseal(batch).await.unwrap(), [Resealed::Distrusted]);
    let key = stores.keys.find(&key_id(1)).await.unwrap().unwrap();
    assert_eq!((key.state, key.root.version), (KeyState::Revoked { at: NOW }, 1));
}

/// It may have had another name when the root was sealed for it.
#[tokio::test]
async fn nobody_vouches_for_the_name_of_a_user_whose_row_was_tampered_with() {
    let house = House::new();
    let stores = house.stores().await;
    enrol(&stores, 1, "alice").await;
    house.intruder().await.does("UPDATE users SET username = 'mallory'").await;
    let page = stores.sealings.sealed_otherwise(2, None, 100).await.unwrap();
    assert!(page.sealings.iter().all(|sealing| !sealing.vouched) && page.sealings.len() == 1);
    assert_eq!(stores.sealings.retire(2).await.unwrap(), Retirement::Done { distrusted: 1 });
}

#[tokio::test]
async fn rows_without_a_name_end_a_search_instead_of_going_round_in_it() {
    let house = House::new();
    let stores = house.stores().await;
    for (number, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        enrol(&stores, number, name).await;
    }
    house.intruder().await.does("UPDATE keys SET id = CAST(x'ff' || rtrim(hex(id)) AS TEXT)").await;
    assert!(stores.sealings.sealed_otherwise(2, None, 2).await.is_err());
    assert_eq!(stores.sealings.sealed_otherwise(2, None, 100).await.unwrap().distrusted, 3);
    assert_eq!(stores.sealings.retire(2).await.unwrap(), Retirement::Done { distrusted: 3 });
}

/// The rule is the connection's; one that takes the place of another keeps it.
#[tokio::test]
async fn what_was_retired_stays_so_when_the_connection_that_writes_is_replaced() {
    let house = House::new();
    let sqlite = house.sqlite().await;
    let stores = with_key(&sqlite, 7);
    assert_eq!(stores.sealings.retire(2).await.unwrap(), Retirement::Done { distrusted: 0 });
    let broken = sqlite
        .writer
        .write(|connection| Box::pin(async move { Ok(sqlx::query("ROLLBACK").execute(connection).await.map(drop)?) }));
    broken.await.unwrap_err();
    stores.enrolments.confirm(&by_group(1, "alice"), &enrolled()).await.unwrap_err();
    // Opened again, it is opened with the keys that are there then.
    sqlite.close().await;
    enrol(&house.stores().await, 1, "alice").await;
}
