//! Requests under idempotency keys, over real sockets: carried out once, however often they come.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod whole;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign_core::account::{KeyOrigin, KeyRecord, KeyState};
use countersign_core::id::{KeyId, UserId};
use countersign_core::idempotency::{Attempt, Fingerprint, Outcome, OutcomeId, RunId, Start};
use countersign_core::secret::{Root, Sealed, Secret32};
use countersign_core::verdict::Refusal;
use countersign_server::service::idempotency::{Beginning, Keyed, begin};
use countersign_server::worker::housekeeping::sweep;
use serde_json::json;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use whole::{Answer, Person, Signed, Whole, now};

/// An API that counts what it does, and answers as its path says.
struct Api {
    address: SocketAddr,
    acted: Arc<AtomicUsize>,
    /// `/slow` takes one of these before it answers.
    go_on: Arc<Semaphore>,
}

impl Api {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acted, go_on) = (Arc::<AtomicUsize>::default(), Arc::new(Semaphore::new(0)));
        let (counted, gate) = (acted.clone(), go_on.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, counted.clone(), gate.clone()));
            }
        });
        Self { address, acted, go_on }
    }

    fn acted(&self) -> usize {
        self.acted.load(Ordering::SeqCst)
    }

    async fn has_acted(&self, times: usize) {
        while self.acted() < times {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn serve(mut stream: TcpStream, acted: Arc<AtomicUsize>, go_on: Arc<Semaphore>) {
    let mut octets = Vec::new();
    while !octets.windows(4).any(|four| four == b"\r\n\r\n") {
        if stream.read_buf(&mut octets).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8_lossy(&octets).into_owned();
    let count = acted.fetch_add(1, Ordering::SeqCst) + 1;
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let ok = |fields: &str, body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 201 Created\r\nx-count: {count}\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    };
    let answer = match path.as_str() {
        "/slow" => {
            go_on.acquire().await.unwrap().forget();
            ok("", "done slowly")
        }
        "/large" => ok("", &"x".repeat(64 * 1_024)),
        "/cookie" => ok("set-cookie: session=1\r\n", "done"),
        "/hangs-up" => return,
        "/breaks-off" => ok("", "done").replace("content-length: 4", "content-length: 9"),
        _ => match path.strip_prefix("/status/") {
            Some(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
            None => ok("date: Sat, 22 Nov 2025 00:00:00 GMT\r\netag: \"1\"\r\n", "done"),
        },
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A guard before such an API, and somebody with a key.
async fn scene(toml: &str) -> (Whole, Api, Person) {
    let api = Api::start().await;
    let whole = Whole::start(Some(api.address), toml).await;
    let alice = whole.confirmed("alice").await;
    (whole, api, alice)
}

fn keyed(person: &Person, path: &str, key: &str) -> Signed {
    person.request("POST", path, &[("idempotency-key", key)], b"25 to bob")
}

async fn post(whole: &Whole, person: &Person, path: &str, key: &str) -> Answer {
    let request = keyed(person, path, key);
    let answer = whole.call(&request).await;
    assert!(request.is_answered_by(&answer), "{}", answer.text());
    answer
}

/// A second device of somebody.
async fn another_key_of(whole: &Whole, person: &Person) -> Person {
    let accounts = &whole.app.accounts;
    let user = user_of(whole, person);
    let user = accounts.stores.users.find(user).await.unwrap().unwrap();
    let (keyid, root) = (KeyId::from_random([200; _]), Root::new(Secret32::new([200; 32])));
    let keys = root.key_pair(keyid.as_str());
    let sealed = accounts.secrets.kek.seal(keyid.as_str(), user.username.as_str(), root.secret().expose(), [1; _]);
    let record = KeyRecord {
        id: keyid.clone(),
        user: user.id,
        device: String::new(),
        root: sealed.unwrap(),
        origin: KeyOrigin::GroupCard,
        state: KeyState::Active,
        created: now(),
    };
    accounts.keyring.put(&user, record).unwrap();
    let envelope_keys = root.envelope_pair(keyid.as_str());
    Person { authority: person.authority.clone(), keyid, root, keys, envelope_keys }
}

fn user_of(whole: &Whole, person: &Person) -> UserId {
    whole.app.accounts.keyring.find(person.keyid.as_str()).unwrap().unwrap().principal().user
}

/// Keeps an answer of this length for somebody.
async fn keep_for(whole: &Whole, person: &Person, number: u8, length: usize) {
    let id = OutcomeId { user: user_of(whole, person), name: [number; 32] };
    let attempt = Attempt { run: RunId([9; 16]), number: 1 };
    let start = Start { id, fingerprint: Fingerprint([1; 32]), at: now(), attempt };
    let outcomes = &whole.app.accounts.stores.outcomes;
    outcomes.begin(&start, u64::MAX).await.unwrap();
    let answer = Outcome::Answered(Sealed { version: 1, octets: vec![7; length] });
    outcomes.settle(&id, attempt, &answer).await.unwrap();
}

fn code(answer: &Answer) -> (u16, String) {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let urn = body["type"].as_str().unwrap_or_default();
    (answer.status, urn.trim_start_matches("urn:countersign:").to_owned())
}

const CONFLICT: (u16, &str) = (409, "conflict");
const IN_FLIGHT: (u16, &str) = (409, "in-flight");
const OUTCOME_UNKNOWN: (u16, &str) = (409, "outcome-unknown");

fn is(answer: &Answer, (status, name): (u16, &str)) -> bool {
    code(answer) == (status, name.to_owned())
}

#[tokio::test]
async fn a_request_that_comes_again_is_answered_again_and_does_not_act_again() {
    let (whole, api, alice) = scene("").await;
    let first = post(&whole, &alice, "/transfers", "\"1\"").await;
    let again = post(&whole, &alice, "/transfers", "\"1\"").await;
    assert_eq!((first.status, first.text(), first.field("x-count")), (201, "done", Some("1")));
    assert_eq!((again.status, again.text(), again.field("x-count")), (201, "done", Some("1")));
    assert_eq!((first.field("idempotent-replayed"), again.field("idempotent-replayed")), (None, Some("true")));
    assert_eq!((first.field("etag"), again.field("etag")), (Some("\"1\""), Some("\"1\"")));
    assert_eq!(api.acted(), 1);
    post(&whole, &alice, "/transfers", "\"2\"").await;
    assert_eq!(api.acted(), 2, "another key is another request");
}

#[tokio::test]
async fn without_a_covered_key_and_with_a_safe_method_everything_acts() {
    let (whole, api, alice) = scene("").await;
    for times in 1..=2 {
        whole.call(&alice.post("/transfers", b"x")).await;
        assert_eq!(api.acted(), times);
    }
    // Somebody on the way adds a key; if it counted, he could have the second of two orders answered by the first.
    for times in 3..=4 {
        let signed = String::from_utf8(alice.post("/transfers", b"x").octets).unwrap();
        let mut stream = whole.connect().await;
        stream
            .write_all(signed.replace("content-length", "idempotency-key: \"1\"\r\ncontent-length").as_bytes())
            .await
            .unwrap();
        assert_eq!(Answer::read(&mut stream).await.status, 201);
        assert_eq!(api.acted(), times);
    }
    for times in 5..=6 {
        let get = alice.request("GET", "/transfers", &[("idempotency-key", "no key at all")], b"");
        assert_eq!(whole.call(&get).await.status, 201);
        assert_eq!(api.acted(), times);
    }
}

/// Of a stream nothing is kept: were its key passed over in silence, the same order sent in both ways would act twice.
#[tokio::test]
async fn a_key_on_what_may_be_answered_by_a_stream_is_refused_and_nothing_acts() {
    let own = "[[route]]\npath = \"/s/own\"\nstream = true\nkeep_outcomes = false";
    let (whole, api, alice) = scene(&format!("[[route]]\npath = \"/s\"\nstream = true\n{own}")).await;
    let asking = |method, path, key| {
        alice.request(method, path, &[("idempotency-key", key), ("countersign-accept-stream", "1")], b"25 to bob")
    };
    assert_eq!(post(&whole, &alice, "/s/transfers", "\"1\"").await.status, 201);
    for key in ["\"1\"", "\"2\"", "no key at all"] {
        let request = asking("POST", "/s/transfers", key);
        let answer = whole.call(&request).await;
        assert!(is(&answer, (400, "malformed-request")) && request.is_answered_by(&answer), "{key}");
    }
    assert_eq!(api.acted(), 1);
    for (method, path) in [("GET", "/s/transfers"), ("POST", "/s/own")] {
        let acted = api.acted();
        assert_eq!(
            whole.call(&asking(method, path, "\"1\"")).await.status,
            201,
            "{method} {path}: no key counts there"
        );
        assert_eq!(api.acted(), acted + 1);
    }
    let acted = api.acted();
    for _ in 1..=2 {
        assert_eq!(whole.call(&asking("POST", "/transfers", "\"3\"")).await.text(), "done");
        assert_eq!(api.acted(), acted + 1, "where no stream is taken the key counts");
    }
}

#[tokio::test]
async fn another_request_under_the_key_is_refused_and_learns_nothing() {
    let (whole, api, alice) = scene("").await;
    post(&whole, &alice, "/transfers", "\"1\"").await;
    assert!(is(&post(&whole, &alice, "/transfers?dry=0", "\"1\"").await, CONFLICT));
    let dearer = alice.request("POST", "/transfers", &[("idempotency-key", "\"1\"")], b"26 to bob");
    assert!(is(&whole.call(&dearer).await, CONFLICT));
    assert_eq!(api.acted(), 1);
}

#[tokio::test]
async fn what_is_no_key_is_refused_after_the_nonce_is_used_up() {
    let (whole, api, alice) = scene("").await;
    let bare = keyed(&alice, "/transfers", "8e03978e-40d5-43dd-bc93-6894a57f9324");
    let answer = whole.call(&bare).await;
    assert!(is(&answer, (400, "malformed-request")) && bare.is_answered_by(&answer));
    assert!(is(&whole.call(&bare).await, (401, "replayed")));
    assert_eq!(api.acted(), 0);
}

#[tokio::test]
async fn while_the_first_is_under_way_the_second_is_told_so() {
    let (whole, api, alice) = scene("").await;
    let first = keyed(&alice, "/slow", "\"1\"");
    let mut waiting = whole.connect().await;
    waiting.write_all(&first.octets).await.unwrap();
    api.has_acted(1).await;
    let second = post(&whole, &alice, "/slow", "\"1\"").await;
    assert!(is(&second, IN_FLIGHT));
    assert_eq!(second.field("retry-after"), Some("1"));
    api.go_on.add_permits(1);
    let answer = Answer::read(&mut waiting).await;
    assert!(answer.status == 201 && first.is_answered_by(&answer));
    assert_eq!(post(&whole, &alice, "/slow", "\"1\"").await.text(), "done slowly");
    assert_eq!(api.acted(), 1);
}

#[tokio::test]
async fn of_eight_at_once_one_acts() {
    let (whole, api, alice) = scene("").await;
    let (whole, alice) = (Arc::new(whole), Arc::new(alice));
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (whole, alice) = (whole.clone(), alice.clone());
            tokio::spawn(async move { post(&whole, &alice, "/transfers", "\"1\"").await.status })
        })
        .collect();
    for call in calls {
        let status = call.await.unwrap();
        assert!(matches!(status, 201 | 409), "{status}");
    }
    assert_eq!(api.acted(), 1);
}

/// The line is cut while the API works: its outcome must not be lost with the connection.
#[tokio::test]
async fn a_client_that_goes_away_finds_the_outcome_when_it_comes_back() {
    let (whole, api, alice) = scene("").await;
    let mut stream = whole.connect().await;
    stream.write_all(&keyed(&alice, "/slow", "\"1\"").octets).await.unwrap();
    api.has_acted(1).await;
    drop(stream);
    // The guard has seen the end of the connection once it takes this one's request.
    assert!(is(&post(&whole, &alice, "/slow", "\"1\"").await, IN_FLIGHT));
    api.go_on.add_permits(1);
    let answer = loop {
        let answer = post(&whole, &alice, "/slow", "\"1\"").await;
        if !is(&answer, IN_FLIGHT) {
            break answer;
        }
    };
    assert_eq!((answer.status, answer.text()), (201, "done slowly"));
    assert_eq!(api.acted(), 1);
}

#[tokio::test]
async fn what_may_have_acted_and_has_no_answer_to_keep_never_acts_again() {
    let (whole, api, alice) = scene("").await;
    for (path, status) in [
        ("/hangs-up", 502),
        ("/breaks-off", 502),
        ("/status/500", 500),
        ("/status/503", 503),
        ("/large", 201),
        ("/cookie", 201),
    ] {
        let (key, acted) = (format!("\"{path}\""), api.acted());
        let first = post(&whole, &alice, path, &key).await;
        assert_eq!(first.status, status, "{path}: the first gets what there is");
        assert!(is(&post(&whole, &alice, path, &key).await, OUTCOME_UNKNOWN), "{path}");
        assert_eq!(api.acted(), acted + 1, "{path}");
    }
    assert_eq!(post(&whole, &alice, "/large", "\"x\"").await.body.len(), 64 * 1_024, "whole, kept or not");
    let told = whole.operate("latest-events", json!({ "limit": 10 })).await.to_string();
    assert!(told.contains("outcome_unknown"), "{told}");
}

#[tokio::test]
async fn what_certainly_did_not_act_may() {
    let (whole, api, alice) = scene("").await;
    assert_eq!(post(&whole, &alice, "/status/429", "\"1\"").await.status, 429);
    assert_eq!(post(&whole, &alice, "/status/429", "\"1\"").await.status, 429);
    assert_eq!(api.acted(), 2);
    assert_eq!(post(&whole, &alice, "/status/404", "\"2\"").await.status, 404);
    assert_eq!(post(&whole, &alice, "/status/404", "\"2\"").await.status, 404);
    assert_eq!(api.acted(), 3, "a refusal of the API's is an outcome");
}

#[tokio::test]
async fn a_request_that_did_not_reach_the_api_may_be_sent_again() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let whole = Whole::start(Some(closed), "").await;
    let alice = whole.confirmed("alice").await;
    for _ in 0..2 {
        assert!(is(&post(&whole, &alice, "/transfers", "\"1\"").await, (502, "bad-gateway")));
    }
}

#[tokio::test]
async fn users_have_keys_of_their_own_and_the_devices_of_one_user_share_them() {
    let (whole, api, alice) = scene("").await;
    let bob = whole.confirmed("bob").await;
    post(&whole, &alice, "/transfers", "\"1\"").await;
    assert_eq!(post(&whole, &bob, "/transfers", "\"1\"").await.field("x-count"), Some("2"));
    let other_device = another_key_of(&whole, &alice).await;
    assert_eq!(post(&whole, &other_device, "/transfers", "\"1\"").await.field("x-count"), Some("1"));
    assert_eq!(api.acted(), 2);
}

#[tokio::test]
async fn a_key_that_was_taken_back_gets_no_answer_that_was_kept() {
    let (whole, api, alice) = scene("").await;
    post(&whole, &alice, "/transfers", "\"1\"").await;
    whole.operate("revoke-key", json!({ "keyid": alice.keyid.as_str() })).await;
    let answer = post(&whole, &alice, "/transfers", "\"1\"").await;
    assert!(is(&answer, (401, "unauthorized")));
    assert_eq!(api.acted(), 1);
}

#[tokio::test]
async fn a_user_whose_outcomes_take_all_the_room_is_told_to_wait_and_gets_what_is_kept() {
    let (whole, api, alice) = scene("[idempotency]\nmax_per_user = \"1 MiB\"").await;
    post(&whole, &alice, "/transfers", "\"first\"").await;
    // Each counts for 512 octets and its answer.
    let mut number = 0;
    let full = loop {
        number += 1;
        keep_for(&whole, &alice, number, 60_000).await;
        let answer = post(&whole, &alice, "/transfers", &format!("\"{number}\"")).await;
        if answer.status != 201 {
            break answer;
        }
    };
    assert!(is(&full, (429, "throttled")) && full.field("retry-after") == Some("60"));
    assert!((17..=18).contains(&number), "{number}");
    let acted = api.acted();
    assert_eq!(post(&whole, &alice, "/transfers", "\"first\"").await.field("x-count"), Some("1"));
    assert_eq!(api.acted(), acted);
    let bob = whole.confirmed("bob").await;
    assert_eq!(post(&whole, &bob, "/transfers", "\"1\"").await.status, 201);
}

#[tokio::test]
async fn on_a_route_whose_api_keeps_outcomes_itself_every_request_reaches_it_with_its_key() {
    let (whole, api, alice) = scene("[[route]]\npath = \"/own\"\nkeep_outcomes = false").await;
    for times in 1..=2 {
        assert_eq!(post(&whole, &alice, "/own", "bare-as-this-api-likes-it").await.status, 201);
        assert_eq!(api.acted(), times);
    }
}

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
    sweep(&whole.app, whole::reading()).await.unwrap();
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

/// Their connections are gone, so no limit of those holds them.
#[tokio::test]
async fn no_more_is_under_way_than_may_be_however_many_clients_have_gone() {
    let (whole, api, alice) = scene("limits.max_connections = 2").await;
    for number in 1..=2 {
        let mut stream = whole.connect().await;
        stream.write_all(&keyed(&alice, "/slow", &format!("\"{number}\"")).octets).await.unwrap();
        api.has_acted(number).await;
    }
    assert!(is(&post(&whole, &alice, "/slow", "\"3\"").await, (503, "unavailable")));
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
    let mut reading = whole::reading();
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
