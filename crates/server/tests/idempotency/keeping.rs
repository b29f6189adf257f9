//! What the store keeps of it, for how long, and what happens when it cannot.

use std::time::Duration;

use countersign_core::verdict::Refusal;
use countersign_server::service::idempotency::{Beginning, Keyed, begin};
use countersign_server::worker::housekeeping::sweep;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::scene::*;
use crate::whole::{Answer, Person, Whole};

#[tokio::test]
async fn the_store_tells_nobody_what_was_asked_for_and_what_was_answered() {
    let (whole, _, alice) = scene("").await;
    post(&whole, &alice, "/transfers", "\"order 4711\"").await;
    post(&whole, &alice, "/slowly-transferred", "\"order 4712\"").await;
    let mut found = 0;
    for file in std::fs::read_dir(&whole.app.accounts.config.data).unwrap() {
        let path = file.unwrap().path();
        let Ok(octets) = std::fs::read(&path) else { continue };
        found += octets.len();
        for text in ["order 471", "x-count", "25 to bob", "slowly-transferred"] {
            assert!(!octets.windows(text.len()).any(|some| some == text.as_bytes()), "{text} in {}", path.display());
        }
    }
    assert!(found > 0);
}

#[tokio::test]
async fn after_a_day_the_key_is_free_and_not_a_moment_before() {
    let (whole, api, alice) = scene("").await;
    post(&whole, &alice, "/transfers", "\"1\"").await;
    let mut intruder = database(&whole).await;
    let older = async |intruder: &mut _, millis: u32| {
        let older = sqlx::query("UPDATE outcomes SET began_ms = began_ms - ?").bind(millis);
        assert_eq!(older.execute(intruder).await.unwrap().rows_affected(), 1);
    };
    let day = 24 * 60 * 60 * 1_000;
    older(&mut intruder, day - 60_000).await;
    assert_eq!(post(&whole, &alice, "/transfers", "\"1\"").await.field("x-count"), Some("1"));
    older(&mut intruder, 60_001).await;
    assert_eq!(post(&whole, &alice, "/transfers?dry=0", "\"1\"").await.field("x-count"), Some("2"));
    assert_eq!(post(&whole, &alice, "/transfers?dry=0", "\"1\"").await.field("x-count"), Some("2"));
    assert_eq!(api.acted(), 2);
}

#[tokio::test]
async fn what_is_past_is_swept_away() {
    let (whole, _, alice) = scene("").await;
    post(&whole, &alice, "/transfers", "\"1\"").await;
    post(&whole, &alice, "/transfers", "\"2\"").await;
    let mut intruder = database(&whole).await;
    let older = "UPDATE outcomes SET began_ms = began_ms - 86460000 WHERE rowid = 1";
    sqlx::query(older).execute(&mut intruder).await.unwrap();
    sweep(&whole.app, crate::whole::reading()).await.unwrap();
    let left: Vec<i64> = sqlx::query_scalar("SELECT rowid FROM outcomes").fetch_all(&mut intruder).await.unwrap();
    assert_eq!(left, [2]);
}

/// Somebody holds the database, for longer than the guard waits for it.
async fn locked(whole: &Whole) -> SqliteConnection {
    let mut connection = database(whole).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

/// The answer to the first attempt that is not told to come again.
async fn in_the_end(whole: &Whole, person: &Person, path: &str, key: &str) -> Answer {
    loop {
        let answer = post(whole, person, path, key).await;
        if answer.status != 503 && !is(&answer, IN_FLIGHT) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_the_store_cannot_keep_as_begun_does_not_run_and_its_key_is_not_lost() {
    let (whole, api, alice) = scene("").await;
    let intruder = locked(&whole).await;
    assert!(is(&post(&whole, &alice, "/transfers", "\"1\"").await, (503, "unavailable")));
    assert_eq!(api.acted(), 0);
    drop(intruder);
    assert_eq!(in_the_end(&whole, &alice, "/transfers", "\"1\"").await.status, 201);
    assert_eq!(api.acted(), 1);
}

#[tokio::test]
async fn an_outcome_that_the_store_cannot_keep_at_once_is_told_all_the_same_and_kept_later() {
    let (whole, api, alice) = scene("").await;
    let request = keyed(&alice, "/slow", "\"1\"");
    let mut waiting = whole.connect().await;
    waiting.write_all(&request.octets).await.unwrap();
    api.has_acted(1).await;
    let intruder = locked(&whole).await;
    api.go_on.add_permits(1);
    let answer = Answer::read(&mut waiting).await;
    assert!(answer.status == 201 && request.is_answered_by(&answer));
    drop(intruder);
    assert_eq!(in_the_end(&whole, &alice, "/slow", "\"1\"").await.text(), "done slowly");
    assert_eq!(api.acted(), 1);
}

/// What the guard answers to a request once it is read. At the door, where nothing is signed, it may be turned away until
/// the guard has seen the end of the connections before.
async fn let_in(whole: &Whole, person: &Person, path: &str, key: &str) -> Answer {
    loop {
        let request = keyed(person, path, key);
        let (mut stream, mut begun) = (whole.connect().await, Vec::new());
        let written = stream.write_all(&request.octets).await;
        if written.is_ok() && stream.read_buf(&mut begun).await.is_ok_and(|read| read > 0) {
            let answer = Answer::read(&mut begun.as_slice().chain(stream)).await;
            if request.is_answered_by(&answer) {
                return answer;
            }
        }
    }
}

/// Their connections are gone, so no limit of those holds them.
#[tokio::test]
async fn no_more_is_under_way_than_may_be_however_many_clients_have_gone() {
    let (whole, api, alice) = scene("limits.max_connections = 2").await;
    for number in 1..=2 {
        let mut stream = whole.connect().await;
        stream.write_all(&keyed(&alice, "/slow", &format!("\"{number}\"")).octets).await.unwrap();
        api.has_acted(number).await;
    }
    let third = tokio::time::timeout(Duration::from_secs(10), let_in(&whole, &alice, "/slow", "\"3\"")).await.unwrap();
    assert!(is(&third, (503, "unavailable")));
    api.go_on.add_permits(3);
    assert_eq!(in_the_end(&whole, &alice, "/slow", "\"3\"").await.text(), "done slowly");
    assert_eq!(api.acted(), 3);
}

/// A clock that is set forward does not free keys before their time.
#[tokio::test]
async fn a_clock_that_jumps_begins_nothing() {
    let (whole, _, alice) = scene("").await;
    let request = keyed(&alice, "/transfers", "\"1\"");
    let principal = whole.app.accounts.keyring.find(alice.keyid.as_str()).unwrap().unwrap().principal().clone();
    let from = whole.address.ip();
    let keyed = Keyed::of(&whole.app, &principal, &request.received, from).unwrap().unwrap();
    let mut reading = crate::whole::reading();
    reading.wall = reading.wall.saturating_add(Duration::from_secs(25 * 60 * 60));
    let begun = begin(&whole.app, &keyed, reading).await.unwrap();
    assert!(matches!(begun, Beginning::Refused(Refusal::Unavailable)), "{begun:?}");
}

async fn database(whole: &Whole) -> SqliteConnection {
    let file = whole.app.accounts.config.data.join("countersign.db");
    SqliteConnectOptions::new().filename(file).connect().await.unwrap()
}

/// An answer laid into the row of another request would be signed and believed.
#[tokio::test]
async fn a_kept_answer_does_not_open_in_the_place_of_another() {
    let (whole, api, alice) = scene("").await;
    post(&whole, &alice, "/status/404", "\"refused\"").await;
    post(&whole, &alice, "/transfers", "\"granted\"").await;
    let mut intruder = database(&whole).await;
    let lay_over = "UPDATE outcomes SET answer = (SELECT answer FROM outcomes ORDER BY octets DESC LIMIT 1)";
    assert_eq!(sqlx::query(lay_over).execute(&mut intruder).await.unwrap().rows_affected(), 2);
    let answers = [
        post(&whole, &alice, "/status/404", "\"refused\"").await,
        post(&whole, &alice, "/transfers", "\"granted\"").await,
    ];
    assert!(is(&answers[0], OUTCOME_UNKNOWN), "{:?}", answers[0]);
    assert_eq!(answers[1].status, 201);
    assert_eq!(api.acted(), 2);
}
