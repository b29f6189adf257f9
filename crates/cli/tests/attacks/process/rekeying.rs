//! The key-encryption key is exchanged while the process is killed again and again: no key is lost, and no request of a
//! good key is refused for it.

use std::net::SocketAddr;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, Role, User, UserState};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{KeyId, UserId};
use countersign_core::permission::Permissions;
use countersign_core::secret::{Root, Secret32};
use countersign_server::accounts::Accounts;
use countersign_server::config::{self, Overrides, Sources};
use countersign_server::data::DataDir;
use countersign_server::edge;
use countersign_store::port::{Confirmation, Confirmed};
use futures_util::StreamExt as _;
use futures_util::stream::iter;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::support::in_time;
use crate::support::process::Place;
use crate::support::signing::{Draft, Key};
use crate::support::wire::Wire;

/// So many that an exchange takes longer than a process lives here.
const KEYS: usize = 2_000;

async fn open(place: &Place) -> Accounts {
    let overrides = Overrides { data: Some(place.data().display().to_string()), ..Overrides::default() };
    let config = config::load(Sources { overrides, ..Sources::default() }).unwrap().config;
    let directory = DataDir::open(&config.data).unwrap();
    let lock = directory.lock().unwrap();
    let accounts = Accounts::open(config, &directory, &lock).await.unwrap();
    accounts.load().await.unwrap();
    accounts
}

/// Makes many accounts at once; their keys.
async fn furnish(place: &Place) -> Vec<Key> {
    let accounts = &open(place).await;
    let made = iter(0..KEYS).map(|number| async move { account(accounts, number).await });
    let keys = made.buffer_unordered(64).collect().await;
    accounts.sqlite.close().await;
    keys
}

async fn account(accounts: &Accounts, number: usize) -> Key {
    let (now, root) = (edge::now().wall, Root::new(Secret32::new(edge::random())));
    let user = User {
        id: UserId::from_random(edge::random()),
        username: format!("user{number}").parse().unwrap(),
        role: Role::Service,
        state: UserState::Enabled,
        permissions: Permissions::default(),
        has_password: false,
        generation: 0,
        created: now,
    };
    let id = KeyId::from_random(edge::random());
    let sealed = accounts.secrets.kek.seal(id.as_str(), user.username.as_str(), root.secret().expose(), edge::random());
    let key = KeyRecord {
        id: id.clone(),
        user: user.id,
        device: String::new(),
        root: sealed.unwrap(),
        origin: KeyOrigin::GroupCard,
        state: KeyState::Active,
        created: now,
    };
    let (kind, actor) = (EventKind::Enrolled, "test".to_owned());
    let event = Event { at: now, kind, user: None, key: None, actor, detail: String::new() };
    let confirmed = accounts.stores.enrolments.confirm(&Confirmation { user, key }, &event).await;
    assert_eq!(confirmed.unwrap(), Confirmed::Done);
    Key::new(id.as_str(), root)
}

/// The versions in the key file, the current one first. It is there at every moment, and whole.
fn versions(place: &Place) -> Vec<u32> {
    let text = std::fs::read_to_string(place.data().join("kek")).unwrap();
    text.lines().map(|line| line.split_once(':').map_or(1, |(version, _)| version.parse().unwrap())).collect()
}

/// What came of the requests.
#[derive(Default)]
struct History {
    admitted: usize,
    warming_up: usize,
    /// Anything else but that the guard was busy; never.
    refused: Vec<String>,
}

/// Calls with one key after the other, whether the guard is up or not.
async fn hammer(address: SocketAddr, keys: Arc<Vec<Key>>, first: usize, history: Arc<Mutex<History>>) {
    for key in keys.iter().cycle().skip(first * 757).step_by(7) {
        let Some(answer) = call(address, key).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let mut history = history.lock().unwrap();
        match () {
            () if answer.starts_with("HTTP/1.1 200") => history.admitted += 1,
            () if answer.contains("urn:countersign:warming-up") => history.warming_up += 1,
            // On a busy machine a request is old when it comes, and the accept mark is kept late. What concerns a key is
            // in the log: `assert_not_noticed`.
            () if answer.contains("urn:countersign:clock-skew") || answer.contains("urn:countersign:unavailable") => {}
            () => history.refused.push(answer),
        }
    }
}

/// The answer, unless the guard is down or goes down.
async fn call(address: SocketAddr, key: &Key) -> Option<String> {
    let stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let draft = Draft::new("GET", "/v1", &address.to_string(), &key.keyid).without_body();
    let draft = if crate::TRANSPORT.has_octets() { draft.with("Connection", "close") } else { draft };
    let mut wire = Wire::of(stream).await;
    wire.send(&draft.sign(key).octets()).await;
    let answer = String::from_utf8(wire.rest().await).unwrap();
    answer.trim_end().ends_with('}').then_some(answer)
}

/// Lets it run for a while, at most so many milliseconds, and kills it.
async fn cut_off(mut child: Child, at_most: u64) {
    let while_it_runs = u64::from_be_bytes(edge::random()) % at_most;
    tokio::time::sleep(Duration::from_millis(while_it_runs)).await;
    // It may have come to its end before.
    let _ = child.kill();
    child.wait().unwrap();
}

fn hammers(address: SocketAddr, keys: &Arc<Vec<Key>>) -> (Arc<Mutex<History>>, tokio::task::JoinSet<()>) {
    let (history, mut hammers) = (Arc::<Mutex<History>>::default(), tokio::task::JoinSet::new());
    for first in 0..3 {
        hammers.spawn(hammer(address, Arc::clone(keys), first, Arc::clone(&history)));
    }
    (history, hammers)
}

/// Nobody was refused, and nothing failed to open.
fn assert_not_noticed(place: &Place, history: &Mutex<History>) {
    let history = history.lock().unwrap();
    assert!(
        history.refused.is_empty(),
        "{} of {}: {:?}",
        history.refused.len(),
        history.admitted,
        history.refused.first()
    );
    let log = place.log();
    // A disk that is busy with something else keeps the accept mark late, which has nothing to do with any key.
    let is_error = |line: &&str| line.contains("ERROR") && !line.contains("worker::accept_mark");
    assert!(!log.contains("could not decide") && log.lines().find(is_error).is_none(), "{log}");
    assert!(history.admitted > 100, "{}", history.admitted);
}

/// After all that: every key opens under the current version, and under it alone.
async fn assert_whole(place: &Place, keys: &[Key]) {
    let accounts = open(place).await;
    let [current] = versions(place).try_into().unwrap();
    for key in keys {
        let holder = accounts.keyring.find(&key.keyid).unwrap().expect("a holder");
        let root = holder.root(&accounts.secrets.kek).unwrap();
        assert_eq!(root.secret().expose(), key.root.secret().expose());
    }
    assert_eq!(accounts.keyring.count(|key| key.root.version == current).unwrap(), KEYS as u64);
    accounts.sqlite.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_often_an_exchange_is_killed_no_key_is_lost_and_no_good_request_is_refused_for_it() {
    let place = Place::configured("window_seconds = 1");
    let keys = Arc::new(furnish(&place).await);
    let mut served = place.serve();
    let address = served.address;
    let (history, _hammers) = hammers(address, &keys);
    let mut cut = 0;
    for life in 0..8 {
        // Beside a running guard, which is killed together with whoever waits for it, or on the store itself.
        let asking = place.begin(&["rekey"]);
        cut_off(asking, 400).await;
        served.kill();
        cut += usize::from(versions(&place).len() > 1);
        if life % 3 == 1 {
            cut_off(place.begin(&["rekey"]), 400).await;
            cut += usize::from(versions(&place).len() > 1);
        }
        served = place.serve_at(&address.to_string());
        if life % 3 == 2 {
            // Time for what goes on by itself, and for requests to be accepted again.
            tokio::time::sleep(Duration::from_millis(3_500)).await;
        }
    }
    // The last one is begun anew, and goes on by itself after the kill.
    in_time(async {
        while versions(&place).len() > 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert!(served.stop().success());
    assert_not_noticed(&place, &history);
    assert!(history.lock().unwrap().warming_up > 0 && cut > 2, "{cut} exchanges were cut off");
    assert_whole(&place, &keys).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn beside_a_running_guard_an_exchange_is_not_noticed_by_any_request() {
    let place = Place::new();
    let keys = Arc::new(furnish(&place).await);
    let served = place.serve();
    let (history, _hammers) = hammers(served.address, &keys);
    for version in 2..4 {
        let said = place.operate(&["rekey"]);
        assert!(said.contains(&format!("version {version} of the key-encryption key is current")), "{said}");
        assert!(said.contains("2008 secrets were sealed anew") && !said.contains("left alone"), "{said}");
        assert_eq!(versions(&place), [version]);
    }
    let admitted = history.lock().unwrap().admitted;
    in_time(async {
        while history.lock().unwrap().admitted < admitted + 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_not_noticed(&place, &history);
    assert_eq!(history.lock().unwrap().warming_up, 0);
    assert!(served.stop().success());
    assert_whole(&place, &keys).await;
}

/// The ring that a clean stop leaves is sealed, too: without it the start after the exchange would be one as after a crash.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_exchange_on_a_stopped_guard_nobody_waits_and_replays_are_known() {
    let place = Place::new();
    let served = place.serve();
    let key = served.service(&place, "alice").await;
    let sent = served.good(&key).sign(&key);
    assert_eq!(crate::support::wire::ask(served.address, &sent.octets()).await.status, 200);
    let address = served.address.to_string();
    assert!(served.stop().success());
    place.operate(&["rekey"]);
    let served = place.serve_at(&address);
    assert_eq!(crate::support::wire::ask(served.address, &sent.octets()).await.code(), "replayed");
    assert_eq!(served.get(&key).await, 200);
}

/// What it was until now stands in memory only, sealed under a key that is about to go.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_behind_a_running_guard_is_left_alone_and_counts_as_revoked_after_the_exchange() {
    let place = Place::new();
    let served = place.serve();
    let (alice, bob) = (served.service(&place, "alice").await, served.service(&place, "bob").await);
    let mut database =
        SqliteConnectOptions::new().filename(place.data().join("countersign.db")).connect().await.unwrap();
    let change = "UPDATE keys SET device = 'other' WHERE id = ?";
    sqlx::query(change).bind(&alice.keyid).execute(&mut database).await.unwrap();
    assert_eq!(served.get(&alice).await, 200);
    let said = place.operate(&["rekey"]);
    assert!(said.contains("rows that are not as the guard wrote them, and were left alone: 1;"), "{said}");
    assert_eq!((served.get(&alice).await, served.get(&bob).await), (401, 200));
    assert!(
        place.operate(&["event", "list"]).contains(&format!("keys {}: the row is not as it was written", alice.keyid))
    );
    let row: (i64, String) = sqlx::query_as("SELECT kek_version, device FROM keys WHERE id = ?")
        .bind(&alice.keyid)
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(row, (1, "other".to_owned()));
}

#[test]
fn the_former_key_is_kept_in_a_file_of_its_own_before_anything_changes_and_opens_older_backups() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.operate(&["user", "invite"]);
    let (database, kek) = (place.data().join("countersign.db"), place.data().join("kek"));
    let (backup, former) = (place.path("backup.db"), place.path("former"));
    std::fs::copy(&database, &backup).unwrap();
    let name = former.display().to_string();
    let said = place.operate(&["rekey", "--keep-former", &name]);
    assert!(said.contains("backups made until now need version 1, which is kept in"), "{said}");
    assert_eq!(std::fs::metadata(&former).unwrap().permissions().mode() & 0o777, 0o600);
    // A file that is there is not overwritten, and then nothing is exchanged.
    let data = place.data().display().to_string();
    let again = place.run(&["rekey", "--keep-former", &name, "--data", &data]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("name a file that is not there yet"));
    assert_eq!(versions(&place), [2]);
    // The backup is laid back: it wants version 1 by name, and with both it is sealed anew.
    std::fs::copy(&backup, &database).unwrap();
    let refused = place.run(&["user", "invite", "list", "--data", &data]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("under version 1 of the key-encryption key"));
    let present = std::fs::read_to_string(&kek).unwrap();
    std::fs::write(&kek, present + "1:" + &std::fs::read_to_string(&former).unwrap()).unwrap();
    assert!(place.operate(&["rekey"]).contains("it had been made before"));
    assert_eq!(versions(&place), [2]);
    assert!(place.operate(&["user", "invite", "list"]).contains("open"));
}

#[test]
fn a_key_of_an_operators_own_is_not_replaced_and_the_way_to_do_it_is_told() {
    let key = "17".repeat(15) + &"b3".repeat(17);
    let place = Place::new();
    let file = place.path("own");
    std::fs::write(&file, &key).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let toml = place.path("c.toml");
    std::fs::write(&toml, format!("kek_file = \"{}\"", file.display())).unwrap();
    let config = toml.display().to_string();
    place.operate(&["user", "invite", "--config", &config]);
    let data = place.data().display().to_string();
    let run = |args: &[&str]| place.run(&[args, &["--config", &config, "--data", &data]].concat());
    let refused = run(&["rekey"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("Add the line `2:`") && said.contains("openssl rand -hex 32"), "{said}");
    let kept = run(&["rekey", "--keep-former", &place.path("former").display().to_string()]);
    assert!(String::from_utf8_lossy(&kept.stderr).contains("one of your own") && !place.path("former").exists());
    let next = "2:".to_owned() + &"c4".repeat(15) + &"29".repeat(17);
    std::fs::write(&file, format!("{key}\n{next}\n")).unwrap();
    for sealed_anew in ["8 secrets", "0 secrets"] {
        let said = String::from_utf8(run(&["rekey"]).stdout).unwrap();
        assert!(
            said.contains(sealed_anew) && said.contains("nothing needs version 1 any more: remove it from"),
            "{said}"
        );
    }
    let looked = String::from_utf8(run(&["doctor"]).stdout).unwrap();
    assert!(looked.contains("nothing is sealed under version 1") && looked.contains("(version 2)"), "{looked}");
    std::fs::write(&file, &next).unwrap();
    assert!(!String::from_utf8(run(&["doctor"]).stdout).unwrap().contains("version 1"));
}
