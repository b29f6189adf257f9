use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use countersign_client::Server;
use countersign_core::enrolment::Answers;
use countersign_core::secret::Secret32;

use super::*;

fn profile() -> Profile {
    let root = Root::new(Secret32::new([0xab; 32]));
    let authority = "api.example.com".parse().unwrap();
    Profile {
        server: Server::parse("http://127.0.0.1:8470").unwrap(),
        username: "alice".to_owned(),
        credentials: Credentials::new(authority, "k7f3a9c2d4e5b6a1c".parse().unwrap(), &root),
        root,
        server_key: Some([9; 32]),
        created: Timestamp::from_millis(1_763_780_000_183),
        offset_ms: -40,
    }
}

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_profile_reads_back_as_it_was_kept() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(home.path());
    let mut kept = profile();
    kept.credentials.answers = Answers::RefusalsOnly;
    shelf.create(&name("work"), &kept).unwrap();
    let read = shelf.open(&name("work")).unwrap();
    assert_eq!(read.root.secret().expose(), kept.root.secret().expose());
    assert_eq!(read.credentials.keyid, kept.credentials.keyid);
    assert_eq!(read.credentials.authority, kept.credentials.authority);
    assert_eq!(read.credentials.answers, Answers::RefusalsOnly);
    assert_eq!((read.server, read.username.as_str()), (kept.server, "alice"));
    assert_eq!((read.server_key, read.created, read.offset_ms), (Some([9; 32]), kept.created, -40));
}

#[test]
fn a_profile_is_for_its_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(home.path());
    shelf.create(&name("default"), &profile()).unwrap();
    let path = shelf.path(&name("default"));
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for loose in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&path, Permissions::from_mode(loose)).unwrap();
        let refused = shelf.open(&name("default")).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }
}

#[test]
fn no_profile_takes_the_place_of_another() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(home.path());
    shelf.must_be_free(&name("default")).unwrap();
    shelf.create(&name("default"), &profile()).unwrap();
    let before = fs::read(shelf.path(&name("default"))).unwrap();
    let second = Profile { username: "mallory".to_owned(), ..profile() };
    assert!(shelf.create(&name("default"), &second).unwrap_err().to_string().contains("move"));
    assert!(shelf.must_be_free(&name("default")).is_err());
    assert_eq!(fs::read(shelf.path(&name("default"))).unwrap(), before);
    assert_eq!(fs::read_dir(home.path().join("profiles")).unwrap().count(), 1, "nothing else is left behind");
}

#[test]
fn a_name_that_is_no_plain_file_name_is_refused() {
    for text in ["", ".", "..", "../default", "a/b", ".hidden", "a b", "a\0", "größe", &"a".repeat(65)] {
        assert!(text.parse::<ProfileName>().is_err(), "{text:?}");
    }
    assert!("work-2.eu_1".parse::<ProfileName>().is_ok());
}

#[test]
fn what_is_damaged_is_named_and_what_is_secret_is_not() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(home.path());
    shelf.create(&name("default"), &profile()).unwrap();
    let path = shelf.path(&name("default"));
    let whole = fs::read_to_string(&path).unwrap();
    for (from, to) in
        [("root = \"ab", "root = \"AB"), ("keyid = \"k", "keyid = \"x"), ("all-signed", "none"), ("= \"ab", "= ab")]
    {
        let damaged = whole.replacen(from, to, 1);
        assert_ne!(damaged, whole);
        fs::write(&path, damaged).unwrap();
        let refused = format!("{:#}", shelf.open(&name("default")).unwrap_err());
        assert!(refused.contains("is damaged"), "{refused}");
        assert!(!refused.to_lowercase().contains("abab"), "{refused}");
    }
}

#[test]
fn the_offset_is_kept_beside_the_key_and_may_be_missing_or_damaged() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(home.path());
    shelf.create(&name("default"), &profile()).unwrap();
    assert_eq!(shelf.open(&name("default")).unwrap().offset_ms, -40);
    shelf.keep_offset(&name("default"), 73_000).unwrap();
    assert_eq!(shelf.open(&name("default")).unwrap().offset_ms, 73_000);
    fs::write(home.path().join("profiles/default.clock"), "a while").unwrap();
    assert_eq!(shelf.open(&name("default")).unwrap().offset_ms, -40);
}
