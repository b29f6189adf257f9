use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use countersign_core::secret::Secret32;
use tempfile::TempDir;

use super::*;
use crate::config::{KekSource, SeedKeySource};
use crate::telemetry::chain;

/// 32 octets that no document has.
fn fresh() -> Secret32 {
    Secret32::new(core::array::from_fn(|place| (place as u8).wrapping_mul(place as u8) ^ 0x5a))
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn directory() -> (TempDir, DataDir) {
    let home = tempfile::tempdir().unwrap();
    let data = DataDir::open(&home.path().join("data")).unwrap();
    (home, data)
}

fn obtain(data: &DataDir, source: &KekSource) -> Result<KekOrigin, KekError> {
    let lock = data.lock().unwrap();
    obtain_kek(data, &lock, source, &fresh()).map(|(_, origin)| origin)
}

/// A file beside the data directory with this content and mode.
fn key_file(home: &TempDir, content: &[u8], mode: u32) -> PathBuf {
    let path = home.path().join("key");
    fs::write(&path, content).unwrap();
    set_mode(&path, mode);
    path
}

#[test]
fn the_first_start_makes_a_directory_that_nobody_else_may_enter() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("deep/data");
    assert!(matches!(DataDir::find(&path), Err(DataError::Missing(_))) && !path.exists());
    DataDir::open(&path).unwrap();
    assert_eq!((mode(&path), mode(&home.path().join("deep"))), (0o700, 0o700));
    DataDir::open(&path).unwrap();
}

#[test]
fn a_directory_that_others_may_use_is_refused_with_the_remedy() {
    let (home, data) = directory();
    let path = home.path().join("data");
    for bad in [0o710, 0o701, 0o750, 0o755, 0o770, 0o702] {
        set_mode(data.path(), bad);
        let said = DataDir::open(&path).map_err(|error| chain(&error)).unwrap_err();
        assert!(said.contains(&format!("mode {bad:04o}")) && said.contains("chmod 700 '"), "{said}");
    }
    set_mode(data.path(), 0o700);
    assert!(DataDir::open(&path).is_ok());
}

#[test]
fn a_file_is_no_data_directory_but_a_link_to_one_is() {
    let (home, data) = directory();
    let file = key_file(&home, b"", 0o600);
    assert!(DataDir::open(&file).map_err(|error| chain(&error)).unwrap_err().contains("is no directory"));
    let link = home.path().join("link");
    symlink(data.path(), &link).unwrap();
    assert!(DataDir::open(&link).is_ok());
    set_mode(data.path(), 0o755);
    assert!(DataDir::open(&link).is_err());
}

#[test]
fn the_directory_has_one_holder_at_a_time_who_is_named() {
    let (_home, data) = directory();
    let again = DataDir::find(data.path()).unwrap();
    let lock = data.lock().unwrap();
    let clone = lock.clone();
    for _ in 0..2 {
        match again.lock() {
            Err(LockError::Held { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
    }
    drop(lock);
    assert!(matches!(again.lock(), Err(LockError::Held { .. })), "a clone shares the lock");
    drop(clone);
    drop(again.lock().unwrap());
    assert!(data.lock().is_ok());
    assert_eq!(mode(&data.path().join("lock")) & 0o077, 0);
}

#[test]
fn the_lock_is_not_taken_through_a_link() {
    let (home, data) = directory();
    let elsewhere = key_file(&home, b"precious", 0o600);
    symlink(&elsewhere, data.path().join("lock")).unwrap();
    assert!(matches!(data.lock(), Err(LockError::System { .. })));
    assert_eq!(fs::read(elsewhere).unwrap(), b"precious");
}

#[test]
fn the_first_start_makes_a_key_that_only_its_owner_can_read_and_the_next_finds_it() {
    let (_home, data) = directory();
    assert_eq!(obtain(&data, &KekSource::DataDirectory).unwrap(), KekOrigin::Made);
    let path = data.path().join("kek");
    assert_eq!(mode(&path), 0o600);
    let content = fs::read_to_string(&path).unwrap();
    assert_eq!(content, countersign_core::encoding::hex(fresh().expose()) + "\n");
    assert_eq!(obtain(&data, &KekSource::DataDirectory).unwrap(), KekOrigin::Found);
    assert_eq!(fs::read_to_string(&path).unwrap(), content);
    assert!(!data.path().join("kek.new").exists());
}

#[test]
fn a_start_that_was_cut_off_while_making_the_key_is_made_good() {
    let (_home, data) = directory();
    fs::write(data.path().join("kek.new"), "5a5").unwrap();
    assert_eq!(obtain(&data, &KekSource::DataDirectory).unwrap(), KekOrigin::Made);
    assert!(!data.path().join("kek.new").exists());
}

#[test]
fn a_key_that_is_gone_is_not_replaced_when_there_is_a_database() {
    let (_home, data) = directory();
    fs::write(data.database(), "").unwrap();
    let said = obtain(&data, &KekSource::DataDirectory).map_err(|error| chain(&error)).unwrap_err();
    assert!(said.contains("put the file kek back"), "{said}");
    assert!(!data.path().join("kek").exists());
}

#[test]
fn a_key_file_is_replaced_whole_by_whoever_knows_what_it_holds_and_as_often_as_it_takes() {
    let (_home, data) = directory();
    let (lock, path) = (data.lock().unwrap(), data.path().join("kek"));
    let (first, _) = obtain_kek(&data, &lock, &KekSource::DataDirectory, &fresh()).unwrap();
    let keeper = KekKeeper::new(&data, &lock, &KekSource::DataDirectory).unwrap();
    let both = first.with_next(&Secret32::new(*b"thirty-two octets of no meaning!")).unwrap();
    for _ in 0..2 {
        keeper.replace(&first, &both).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), *both.to_text());
        assert_eq!(mode(&path), 0o600);
        assert!(!data.path().join("kek.new").exists());
    }
    // What it does not hold any more is not replaced, and nothing is made where nothing is.
    let other = first.with_next(&Secret32::new(*b"thirty-two octets without sense.")).unwrap();
    assert!(matches!(keeper.replace(&first, &other), Err(NotReplaced::Changed(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), *both.to_text());
    fs::remove_file(&path).unwrap();
    assert!(matches!(keeper.replace(&both, &both.without_former()), Err(NotReplaced::Changed(_))));
    assert!(!path.exists());
    // Nobody else changes it while this lives.
    drop(lock);
    assert!(matches!(data.lock(), Err(LockError::Held { .. })));
    drop(keeper);
    assert!(data.lock().is_ok());
}

#[test]
fn no_key_is_made_out_of_chance_that_failed() {
    let (_home, data) = directory();
    let lock = data.lock().unwrap();
    let zero = Secret32::new([0; 32]);
    assert!(matches!(obtain_kek(&data, &lock, &KekSource::DataDirectory, &zero), Err(KekError::Weak(_))));
    assert!(!data.path().join("kek").exists());
}

#[test]
fn a_key_file_that_others_may_use_is_refused_with_the_remedy() {
    let (home, data) = directory();
    let hex = countersign_core::encoding::hex(fresh().expose());
    for bad in [0o640, 0o604, 0o660, 0o644, 0o610, 0o601] {
        let path = key_file(&home, hex.as_bytes(), bad);
        let said = obtain(&data, &KekSource::File(path)).map_err(|error| chain(&error)).unwrap_err();
        assert!(said.contains(&format!("mode {bad:04o}")) && said.contains("chmod 600 '"), "{said}");
    }
    for good in [0o600, 0o400] {
        let path = key_file(&home, hex.as_bytes(), good);
        assert_eq!(obtain(&data, &KekSource::File(path)).unwrap(), KekOrigin::Found);
    }
    obtain(&data, &KekSource::DataDirectory).unwrap();
    set_mode(&data.path().join("kek"), 0o644);
    assert!(obtain(&data, &KekSource::DataDirectory).map_err(|error| chain(&error)).unwrap_err().contains("chmod 600"));
}

#[test]
fn a_key_file_that_is_a_link_a_directory_a_fifo_or_missing_is_refused() {
    let (home, data) = directory();
    let target = key_file(&home, &[7; 32], 0o600);
    let (link, fifo) = (home.path().join("link"), home.path().join("fifo"));
    symlink(target, &link).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    for (path, words) in [
        (link, "symbolic link"),
        (data.path().to_owned(), "no regular file"),
        (fifo, "no regular file"),
        (home.path().join("none"), "there is no file"),
    ] {
        let said = obtain(&data, &KekSource::File(path)).map_err(|error| chain(&error)).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_key_that_is_short_or_known_is_refused_and_not_repeated() {
    let (home, data) = directory();
    for (content, words) in [
        (b"5ecre7".as_slice(), "64 hex digits"),
        (b"", "it is empty"),
        (&[0xab; 31], "64 hex digits"),
        (b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", "everybody knows"),
        (&[0; 32], "everybody knows"),
        (b"0123456789abcdef0123456789abcdef", "64 hex digits"),
        (&[b'a'; 2_049], "longer than keys are"),
    ] {
        let said = obtain(&data, &KekSource::File(key_file(&home, content, 0o600)))
            .map_err(|error| chain(&error))
            .unwrap_err();
        assert!(said.contains(words) && said.contains("make one with") && !said.contains("5ecre7"), "{said}");
    }
}

#[test]
fn the_key_of_the_seed_mode_is_read_as_carefully() {
    let home = tempfile::tempdir().unwrap();
    let hex = countersign_core::encoding::hex(fresh().expose());
    let read = |mode| read_seed_key(&SeedKeySource::File(key_file(&home, hex.as_bytes(), mode)));
    assert_eq!(read(0o600).unwrap().expose(), fresh().expose());
    assert!(read(0o644).is_err());
    assert_eq!(read_seed_key(&SeedKeySource::Given(fresh())).unwrap().expose(), fresh().expose());
}
