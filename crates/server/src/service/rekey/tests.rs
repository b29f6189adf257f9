use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use async_trait::async_trait;
use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, Role, User, UserState};
use countersign_core::encoding::hex;
use countersign_core::id::{KeyId, UserId};
use countersign_core::permission::Permissions;
use countersign_core::secret::{Sealed, Unsealable};
use countersign_core::time::Timestamp;
use countersign_store::port::{Confirmation, Confirmed, SealedPage, Sealings, StoreError};
use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::accounts::OpenError;
use crate::config::{Overrides, Sources, load};
use crate::data::{DataDir, NotReplaced};
use crate::service::control::{Asked, dispatch};
use crate::telemetry::chain;

const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

/// So many that they make more than one page.
const KEYS: u8 = 50;

/// A data directory, as it lies on the disk.
struct House {
    home: TempDir,
}

impl House {
    fn new() -> Self {
        let house = Self { home: tempfile::tempdir().unwrap() };
        DataDir::open(&house.data()).unwrap();
        house
    }

    /// With keys and a saved ring in it.
    async fn furnished() -> Self {
        let house = Self::new();
        let accounts = house.open().await.unwrap();
        join_all((1..=KEYS).map(|number| keep(&accounts, number))).await;
        accounts.saved_ring.write(b"the ring", [3; 12]).unwrap();
        accounts.sqlite.close().await;
        house
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn kek(&self) -> PathBuf {
        self.data().join("kek")
    }

    async fn open(&self) -> Result<Accounts, OpenError> {
        self.open_with("").await
    }

    async fn open_with(&self, toml: &str) -> Result<Accounts, OpenError> {
        let file = self.home.path().join("c.toml");
        fs::write(&file, toml).unwrap();
        let data = Some(self.data().to_str().unwrap().to_owned());
        let overrides = Overrides { data, ..Overrides::default() };
        let config = load(Sources { file: Some(file), overrides, ..Sources::default() }).unwrap().config;
        let directory = DataDir::find(&config.data).unwrap();
        let lock = directory.lock().unwrap();
        let accounts = Accounts::open(config, &directory, &lock).await?;
        accounts.load().await.unwrap();
        Ok(accounts)
    }

    /// What a start would find if the process were killed now: the files as they are, the log of the database included.
    fn killed_now(&self) -> Self {
        let copy = Self::new();
        for entry in fs::read_dir(self.data()).unwrap().map(Result::unwrap) {
            if !entry.file_name().to_str().unwrap().ends_with("-shm") {
                fs::copy(entry.path(), copy.data().join(entry.file_name())).unwrap();
            }
        }
        copy
    }

    /// The versions in the key file.
    fn versions(&self) -> Vec<u32> {
        let keys = KeyEncryptionKeys::read(&fs::read(self.kek()).unwrap()).unwrap();
        assert_eq!(fs::metadata(self.kek()).unwrap().permissions().mode() & 0o777, 0o600);
        [keys.current()].into_iter().chain(keys.former()).collect()
    }
}

fn keyid(number: u8) -> KeyId {
    KeyId::from_random([number; _])
}

/// The account of this number, sealed now and to be kept at any time.
fn account(accounts: &Accounts, number: u8) -> Confirmation {
    let user = User {
        id: UserId::from_random([number; _]),
        username: format!("user{number}").parse().unwrap(),
        role: Role::User,
        state: UserState::Enabled,
        permissions: Permissions::default(),
        has_password: false,
        generation: 0,
        created: NOW,
    };
    let (id, username) = (keyid(number), user.username.as_str());
    let root = accounts.secrets.kek.seal(id.as_str(), username, &[number; 32], [number; 12]).unwrap();
    let (device, origin, state) = (String::new(), KeyOrigin::GroupCard, KeyState::Active);
    let key = KeyRecord { id, user: user.id, device, root, origin, state, created: NOW };
    Confirmation { user, key }
}

async fn confirm(accounts: &Accounts, confirmation: &Confirmation) -> Result<Confirmed, StoreError> {
    let (kind, actor) = (EventKind::Enrolled, String::new());
    let event = Event { at: NOW, kind, user: None, key: None, session: None, actor, detail: String::new() };
    accounts.stores.enrolments.confirm(confirmation, &event).await
}

async fn keep(accounts: &Accounts, number: u8) {
    assert_eq!(confirm(accounts, &account(accounts, number)).await.unwrap(), Confirmed::Done);
}

/// Whether every key opens, from memory as it is and from the store.
async fn assert_whole(accounts: &Accounts, when: &str) {
    let kek = &accounts.secrets.kek;
    for number in 1..=KEYS {
        let holder = accounts.keyring.find(keyid(number).as_str()).unwrap().expect("a holder");
        let root = holder.root(kek).unwrap_or_else(|error| panic!("{when}: key {number}: {error}"));
        assert_eq!(root.secret().expose(), &[number; 32], "{when}");
        let kept = accounts.stores.keys.find(&keyid(number)).await.unwrap().expect("a key");
        assert_eq!(kept.state, KeyState::Active, "{when}");
        kek.open32(kept.id.as_str(), &format!("user{number}"), &kept.root).unwrap();
    }
}

/// Opens what a kill left, looks at everything, makes an end, and looks again after one more start.
async fn assert_recovers(left: &House, group: &[u8; 32], when: &str) {
    let accounts = left.open().await.unwrap_or_else(|error| panic!("{when}: {error}"));
    assert_whole(&accounts, when).await;
    assert_eq!(accounts.secrets.group().unwrap().psk.expose(), group, "{when}");
    if let Some(mut exchange) = resume(&accounts, "test").await.unwrap() {
        assert!(exchange.resumed && exchange.to_its_end().await.unwrap().finished, "{when}");
    }
    assert_whole(&accounts, when).await;
    accounts.sqlite.close().await;
    drop(accounts);
    assert_eq!(left.versions(), [2], "{when}");
    let accounts = left.open().await.unwrap();
    assert_eq!(survey(&*accounts.stores.sealings, 2).await.unwrap(), Survey::default(), "{when}");
    assert_whole(&accounts, when).await;
    assert_eq!(accounts.saved_ring.take().unwrap().as_deref(), Some(b"the ring".as_slice()), "{when}");
    accounts.sqlite.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_is_killed_between_any_two_steps_loses_nothing_and_is_made_good_by_the_next_start() {
    let house = House::furnished().await;
    let accounts = house.open().await.unwrap();
    let group = *accounts.secrets.group().unwrap().psk.expose();
    let mut exchange = begin(&accounts, "test").await.unwrap();
    let mut stages = Vec::new();
    loop {
        let stage = format!("{:?}", exchange.stage);
        let left = house.killed_now();
        assert_whole(&accounts, &stage).await;
        // A second kill, in the middle of making good the first.
        if exchange.stage != Stage::Done {
            let again = left.open().await.unwrap();
            if let Some(mut exchange) = resume(&again, "test").await.unwrap() {
                exchange.step().await.unwrap();
            }
            assert_recovers(&left.killed_now(), &group, &format!("{stage}, then killed again")).await;
        }
        assert_recovers(&house.killed_now(), &group, &stage).await;
        stages.push(stage);
        if !exchange.step().await.unwrap() {
            break;
        }
    }
    assert_eq!(stages.len(), 8, "{stages:?}");
    assert_eq!((exchange.resealed, exchange.distrusted), (u64::from(KEYS) + 8, 0));
}

#[tokio::test]
async fn a_draft_of_a_key_file_that_was_never_named_is_nothing() {
    let house = House::furnished().await;
    fs::write(house.data().join("kek.new"), "2:5a5a").unwrap();
    let accounts = house.open().await.unwrap();
    assert!(!accounts.rekeying.is_unfinished());
    assert_eq!(house.versions(), [1]);
    begin(&accounts, "test").await.unwrap();
    assert_eq!(house.versions(), [2, 1]);
    assert!(!house.data().join("kek.new").exists());
}

#[tokio::test]
async fn of_two_exchanges_at_once_one_runs_and_the_other_is_told() {
    let house = House::furnished().await;
    let accounts = house.open().await.unwrap();
    let first = begin(&accounts, "one").await.unwrap();
    assert!(matches!(begin(&accounts, "other").await, Err(RekeyError::UnderWay)));
    assert!(resume(&accounts, "other").await.unwrap().is_none());
    drop(first);
    // The one that was left goes on before another is begun.
    let mut second = begin(&accounts, "other").await.unwrap();
    assert!(second.resumed && second.to_its_end().await.unwrap().version == 2);
    drop(second);
    assert_eq!(begin(&accounts, "other").await.unwrap().to_its_end().await.unwrap().version, 3);
    assert_eq!(house.versions(), [3]);
    assert_whole(&accounts, "after two").await;
}

#[tokio::test]
async fn the_end_of_the_guard_ends_an_exchange_between_two_steps() {
    let house = House::furnished().await;
    let accounts = house.open().await.unwrap();
    accounts.rekeying.stop();
    let outcome = begin(&accounts, "test").await.unwrap().to_its_end().await.unwrap();
    assert!(!outcome.finished && !outcome.removed);
    assert_eq!(house.versions(), [2, 1]);
}

#[tokio::test]
async fn a_key_that_was_sealed_before_and_is_kept_during_the_exchange_is_sealed_anew() {
    let house = House::furnished().await;
    let accounts = house.open().await.unwrap();
    let late = account(&accounts, 200);
    let mut exchange = begin(&accounts, "test").await.unwrap();
    while exchange.stage != Stage::Retire {
        exchange.step().await.unwrap();
    }
    confirm(&accounts, &late).await.unwrap();
    assert!(exchange.to_its_end().await.unwrap().finished);
    let kept = accounts.stores.keys.find(&keyid(200)).await.unwrap().unwrap();
    assert_eq!(kept.root.version, 2);
}

#[tokio::test]
async fn a_key_that_was_sealed_before_and_comes_after_the_exchange_is_refused_and_not_lost() {
    let house = House::furnished().await;
    let accounts = house.open().await.unwrap();
    let late = account(&accounts, 200);
    begin(&accounts, "test").await.unwrap().to_its_end().await.unwrap();
    confirm(&accounts, &late).await.unwrap_err();
    keep(&accounts, 200).await;
    let accounts = {
        drop(accounts);
        house.open().await.unwrap()
    };
    assert!(accounts.keyring.find(keyid(200).as_str()).unwrap().unwrap().root(&accounts.secrets.kek).is_ok());
}

#[tokio::test]
async fn nobody_is_left_with_a_root_that_is_sealed_under_the_former_key() {
    let house = House::furnished().await;
    let accounts = house.open().await.unwrap();
    // One has derived its keys and the others have not.
    accounts.keyring.find(keyid(1).as_str()).unwrap().unwrap().keys(&accounts.secrets.kek).unwrap();
    let mut exchange = begin(&accounts, "test").await.unwrap();
    while exchange.stage != Stage::Keyring {
        exchange.step().await.unwrap();
    }
    let of_the_former = || accounts.keyring.count(|key| key.root.version != 2).unwrap();
    assert_eq!(of_the_former(), 0, "nothing is left to be read again");
    exchange.to_its_end().await.unwrap();
    assert_eq!(of_the_former(), 0);
    accounts.secrets.kek.forget_lingering(Timestamp::MAX);
    assert_whole(&accounts, "without the former key in memory").await;
}

/// Beside the current static key stands another, with its date: 40 octets, where everything else has 32.
#[tokio::test]
async fn a_static_key_that_is_announced_or_former_is_sealed_anew_with_its_date_and_opens_at_the_next_start() {
    let house = House::furnished().await;
    let mut accounts = house.open().await.unwrap();
    for (operation, version) in [("announce-server-key", 2), ("switch-server-key", 3)] {
        let asked = Asked { actor: "test".to_owned(), session: None, at: NOW };
        dispatch(&accounts, &asked, json!({ "operation": operation, "arguments": {} })).await.unwrap();
        let keys = accounts.secrets.static_keys.public().unwrap();
        assert_eq!(keys.cards_since, Some(NOW));
        let outcome = begin(&accounts, "test").await.unwrap().to_its_end().await.unwrap();
        assert!(outcome.finished && outcome.resealed == u64::from(KEYS) + 9, "{operation}: {outcome:?}");
        accounts.sqlite.close().await;
        drop(accounts);
        assert_eq!(house.versions(), [version], "{operation}: the former version is gone");
        accounts = house.open().await.unwrap();
        assert_eq!(accounts.secrets.static_keys.public(), Some(keys), "{operation}");
    }
}

#[tokio::test]
async fn the_keys_of_access_tokens_are_sealed_anew_and_open_at_the_next_start() {
    let house = House::furnished().await;
    let accounts = house.open().await.unwrap();
    let asked = Asked { actor: "test".to_owned(), session: None, at: NOW };
    let rotate = json!({ "operation": "rotate-token-key", "arguments": { "at_once": true } });
    dispatch(&accounts, &asked, rotate).await.unwrap();
    let jwks = accounts.secrets.token_keys.held().jwks().to_owned();
    assert!(begin(&accounts, "test").await.unwrap().to_its_end().await.unwrap().finished);
    accounts.sqlite.close().await;
    drop(accounts);
    assert_eq!(house.versions(), [2], "the former version is gone");
    let accounts = house.open().await.unwrap();
    let kept = accounts.secrets.token_keys.held();
    assert!(jwks.starts_with(kept.jwks().trim_end_matches("]}")), "{jwks}, {}", kept.jwks());
}

#[tokio::test]
async fn an_exchange_and_its_end_are_events_with_counts() {
    let house = House::furnished().await;
    let accounts = house.open().await.unwrap();
    begin(&accounts, "uid 1000").await.unwrap().to_its_end().await.unwrap();
    let told = accounts.stores.events.latest(2).await.unwrap();
    let [begun, finished] = told.as_slice() else { panic!("{told:?}") };
    assert!(begun.event.kind == EventKind::RekeyBegun && begun.event.detail.contains("version 2"));
    assert!(finished.event.kind == EventKind::RekeyFinished && finished.event.actor == "uid 1000");
    assert!(finished.event.detail.starts_with("58 secrets were sealed anew under version 2, and 0 rows left alone"));
}

#[tokio::test]
async fn a_database_is_not_opened_without_a_version_that_it_needs_and_the_version_is_named() {
    let house = House::furnished().await;
    let before = house.killed_now();
    let accounts = house.open().await.unwrap();
    let mut exchange = begin(&accounts, "test").await.unwrap();
    exchange.step().await.unwrap();
    let both = fs::read_to_string(house.kek()).unwrap();
    let [new, old] = both.lines().collect::<Vec<_>>().try_into().unwrap();
    let midway = house.killed_now();
    exchange.to_its_end().await.unwrap();
    drop(exchange);
    accounts.sqlite.close().await;
    drop(accounts);
    for (what, house, key, missing) in [
        ("an old copy with the new key", &before, new, 1),
        ("a new one with the old key", &house, old, 2),
        ("a key file that was cut off, half way", &midway, new, 1),
        ("the other half", &midway, old, 2),
    ] {
        fs::write(house.kek(), format!("{key}\n")).unwrap();
        let said = house.open().await.err().unwrap_or_else(|| panic!("{what}")).to_string();
        let words = format!("under version {missing} of the key-encryption key, which is not among those");
        assert!(said.contains(&words) && said.contains(&format!("as a line `{missing}:`")), "{what}: {said}");
        // With both it opens, and an exchange that was not over is made good.
        fs::write(house.kek(), &both).unwrap();
        let accounts = house.open().await.unwrap();
        assert_whole(&accounts, what).await;
        accounts.sqlite.close().await;
    }
}

#[tokio::test]
async fn a_key_file_that_is_cut_off_within_a_key_is_refused_with_the_remedy() {
    let house = House::furnished().await;
    let both = {
        let accounts = house.open().await.unwrap();
        begin(&accounts, "test").await.unwrap();
        accounts.sqlite.close().await;
        fs::read_to_string(house.kek()).unwrap()
    };
    for (length, words) in [(0, "it is empty"), (1, "key 1"), (40, "key 1"), (70, "key 2"), (both.len() - 2, "key 2")] {
        fs::write(house.kek(), &both[..length]).unwrap();
        let said = house.open().await.err().unwrap_or_else(|| panic!("{length}")).to_string();
        assert!(said.contains(words) && said.contains("put the file back") && !said.contains("make one"), "{said}");
    }
    fs::write(house.kek(), &both).unwrap();
    fs::set_permissions(house.kek(), fs::Permissions::from_mode(0o640)).unwrap();
    let said = chain(&house.open().await.unwrap_err());
    assert!(said.contains("chmod 600"), "{said}");
}

#[tokio::test]
async fn a_key_file_that_somebody_has_changed_since_the_start_is_not_overwritten() {
    let house = House::furnished().await;
    let accounts = house.open().await.unwrap();
    let other = format!("{}\n", hex(&core::array::from_fn::<u8, 32, _>(|place| (place * place) as u8)));
    for content in [Some(other.as_str()), None] {
        match content {
            Some(content) => fs::write(house.kek(), content).unwrap(),
            None => fs::remove_file(house.kek()).unwrap(),
        }
        match begin(&accounts, "test").await {
            Err(RekeyError::File(NotReplaced::Changed(_) | NotReplaced::Unreadable(_))) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read_to_string(house.kek()).ok().as_deref(), content);
        assert_eq!(accounts.secrets.kek.current(), 1);
    }
}

#[tokio::test]
async fn keys_that_are_an_operators_are_left_to_the_operator_and_everything_else_is_done() {
    let house = House::furnished().await;
    let theirs = house.home.path().join("theirs");
    fs::rename(house.kek(), &theirs).unwrap();
    let toml = format!("kek_file = \"{}\"", theirs.display());
    let one = fs::read_to_string(&theirs).unwrap();
    {
        let accounts = house.open_with(&toml).await.unwrap();
        assert!(matches!(begin(&accounts, "test").await, Err(RekeyError::File(NotReplaced::NotOurs(_)))));
        accounts.sqlite.close().await;
    }
    let two = format!("2:{}\n", hex(&core::array::from_fn::<u8, 32, _>(|place| (place * place) as u8)));
    fs::write(&theirs, format!("{one}{two}")).unwrap();
    {
        let accounts = house.open_with(&toml).await.unwrap();
        let outcome = resume(&accounts, "guard").await.unwrap().unwrap().to_its_end().await.unwrap();
        assert!(outcome.finished && !outcome.removed && outcome.resealed == u64::from(KEYS) + 8);
        assert!(resume(&accounts, "guard").await.unwrap().is_none(), "there is no more to do");
        // Whoever asks is told again.
        let outcome = begin(&accounts, "test").await.unwrap().to_its_end().await.unwrap();
        assert!(outcome.finished && !outcome.removed && (outcome.former.as_slice(), outcome.resealed) == (&[1], 0));
        accounts.sqlite.close().await;
    }
    assert_eq!(fs::read_to_string(&theirs).unwrap(), format!("{one}{two}"));
    fs::write(&theirs, two).unwrap();
    let accounts = house.open_with(&toml).await.unwrap();
    assert_whole(&accounts, "without the former key").await;
    assert!(!accounts.rekeying.is_unfinished() && !house.kek().exists());
}

/// A store in which one value is not what it was sealed as.
struct Spoilt {
    vouched: bool,
}

#[async_trait]
impl Sealings for Spoilt {
    async fn sealed_otherwise(&self, _: u32, _: Option<&SealedPlace>, _: u32) -> Result<SealedPage, StoreError> {
        let place = SealedPlace { table: "keys", id: keyid(1).to_string() };
        let (name, owner) = (place.id.clone(), "mallory".to_owned());
        let sealed = Sealed { version: 1, octets: vec![0; 60] };
        let sealings = vec![Sealing { place, name, owner, sealed, vouched: self.vouched }];
        Ok(SealedPage { sealings, distrusted: 0, next: None })
    }

    async fn reseal(&self, batch: Vec<Reseal>) -> Result<Vec<Resealed>, StoreError> {
        assert_eq!(batch, []);
        Ok(Vec::new())
    }

    async fn retire(&self, _: u32) -> Result<Retirement, StoreError> {
        Ok(Retirement::Done { distrusted: 1 })
    }
}

#[tokio::test]
async fn what_the_store_vouches_for_and_does_not_open_keeps_the_former_key_and_nothing_else_does() {
    for vouched in [true, false] {
        let house = House::furnished().await;
        let mut accounts = house.open().await.unwrap();
        accounts.stores.sealings = Arc::new(Spoilt { vouched });
        let ended = begin(&accounts, "test").await.unwrap().to_its_end().await;
        match ended {
            Err(RekeyError::DoesNotOpen { source: Unsealable::DoesNotOpen, .. }) if vouched => {
                assert_eq!(house.versions(), [2, 1]);
                assert!(accounts.rekeying.is_unfinished(), "it is tried again");
            }
            Ok(Outcome { finished: true, distrusted: 1, .. }) if !vouched => assert_eq!(house.versions(), [2]),
            other => panic!("{other:?}"),
        }
    }
}
