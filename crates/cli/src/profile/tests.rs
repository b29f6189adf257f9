use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use countersign_client::session::{Means, Tokens};
use countersign_client::{Server, Session};
use countersign_core::id::SessionRef;
use countersign_core::secret::Secret32;

use super::*;

fn profile() -> Profile {
    Profile {
        server: Server::parse("http://127.0.0.1:8470").unwrap(),
        username: "alice".to_owned(),
        authority: "api.example.com".parse().unwrap(),
        answers: Answers::AllSigned,
        key: Some(ProfileKey {
            keyid: "k7f3a9c2d4e5b6a1c".parse().unwrap(),
            root: Root::new(Secret32::new([0xab; 32])),
            created: Timestamp::from_millis(1_763_780_000_183),
        }),
        server_key: Some([9; 32]),
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
    kept.answers = Answers::RefusalsOnly;
    shelf.create(&name("work"), &kept).unwrap();
    let read = shelf.open(&name("work")).unwrap();
    let (read_key, kept_key) = (read.key.as_ref().unwrap(), kept.key.as_ref().unwrap());
    assert_eq!(read_key.root.secret().expose(), kept_key.root.secret().expose());
    assert_eq!((&read_key.keyid, read_key.created), (&kept_key.keyid, kept_key.created));
    assert_eq!((&read.authority, read.answers), (&kept.authority, Answers::RefusalsOnly));
    assert_eq!((read.server, read.username.as_str()), (kept.server, "alice"));
    assert_eq!((read.server_key, read.offset_ms), (Some([9; 32]), -40));
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

fn session(opened_by: Option<&str>, means: Means) -> Session {
    Session {
        authority: "api.example.com".parse().unwrap(),
        answers: Answers::AllSigned,
        reference: SessionRef([1; 16]),
        username: "alice".to_owned(),
        device: "laptop".to_owned(),
        opened_by: opened_by.map(|key| key.parse().unwrap()),
        means,
        tokens: Tokens {
            access: "access".to_owned().into(),
            good_until: Timestamp::from_secs(5),
            refresh: "csr_x".to_owned().into(),
        },
        auth_time: Timestamp::from_secs(6),
        expires: Timestamp::from_secs(7),
    }
}

fn reopened(shelf: &Shelf, profile: &Profile) -> Kept {
    shelf.session(&name("default"), profile).unwrap()
}

#[test]
fn a_session_reads_back_as_it_was_kept_and_is_for_its_owner_alone() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(home.path());
    let secret = Root::new(Secret32::new([5; 32]));
    let derived = profile().key.unwrap().root.session_root(SessionRef([1; 16]));
    for (opened_by, means, root) in [
        (Some("k7f3a9c2d4e5b6a1c"), Means::Key(derived.clone()), Some(derived)),
        (None, Means::Key(secret.clone()), Some(secret)),
        (None, Means::Bearer, None),
    ] {
        shelf.keep_session(&name("default"), &session(opened_by, means)).unwrap();
        assert_eq!(mode(&shelf.session_path(&name("default"))), 0o600);
        let Kept::Open(read) = reopened(&shelf, &profile()) else { panic!("open") };
        assert_eq!(read.root().map(|root| *root.secret().expose()), root.map(|root| *root.secret().expose()));
        assert_eq!((read.tokens.access.as_str(), read.tokens.refresh.as_str()), ("access", "csr_x"));
        assert_eq!((read.device.as_str(), read.expires), ("laptop", Timestamp::from_secs(7)));
    }
    fs::set_permissions(shelf.session_path(&name("default")), Permissions::from_mode(0o640)).unwrap();
    assert!(shelf.session(&name("default"), &profile()).is_err());
}

#[test]
fn the_secret_of_a_session_that_a_key_opened_is_not_written_down_a_second_time() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(home.path());
    let derived = profile().key.unwrap().root.session_root(SessionRef([1; 16]));
    shelf.keep_session(&name("default"), &session(Some("k7f3a9c2d4e5b6a1c"), Means::Key(derived))).unwrap();
    assert!(!fs::read_to_string(shelf.session_path(&name("default"))).unwrap().contains("root"));
}

#[test]
fn a_session_of_another_key_is_none_and_a_logout_is_remembered() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(home.path());
    assert!(matches!(reopened(&shelf, &profile()), Kept::Nothing));
    let root = Root::new(Secret32::new([5; 32]));
    shelf.keep_session(&name("default"), &session(Some("kother0000000000x"), Means::Key(root))).unwrap();
    assert!(matches!(reopened(&shelf, &profile()), Kept::Nothing));
    shelf.keep_logged_out(&name("default")).unwrap();
    assert!(matches!(reopened(&shelf, &profile()), Kept::LoggedOut));
}

#[test]
fn a_profile_without_a_key_reads_back_as_one() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(home.path());
    let kept = Profile::without_key(Server::parse("https://api.example.com").unwrap(), "alice");
    shelf.create(&name("phone"), &kept).unwrap();
    let read = shelf.open(&name("phone")).unwrap();
    assert!(read.key.is_none() && read.key().unwrap_err().to_string().contains("enrol"));
    let half = fs::read_to_string(shelf.path(&name("phone"))).unwrap() + "keyid = \"k7f3a9c2d4e5b6a1c\"\n";
    fs::write(shelf.path(&name("phone")), half).unwrap();
    assert!(format!("{:#}", shelf.open(&name("phone")).unwrap_err()).contains("stand together"));
}

#[test]
fn what_becomes_of_a_session_takes_its_place_and_not_that_of_a_login_or_a_logout_since() {
    let home = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(home.path());
    let (name, profile) = (name("default"), profile());
    let of = |octet| Session { reference: SessionRef([octet; 16]), ..session(None, Means::Bearer) };
    let becomes =
        |former, session| shelf.replace_session((&name, &profile), SessionRef([former; 16]), &session).unwrap();
    let kept = || match reopened(&shelf, &profile) {
        Kept::Open(session) => session.reference.0[0],
        Kept::Nothing | Kept::LoggedOut => 0,
    };
    assert!(becomes(1, of(1)) && kept() == 1, "there was no file");
    assert!(becomes(1, of(2)) && kept() == 2);
    assert!(!becomes(1, of(1)) && kept() == 2, "another terminal has logged in");
    shelf.keep_logged_out(&name).unwrap();
    assert!(!becomes(2, of(2)) && kept() == 0);
    let of_another_key = session(Some("kother0000000000x"), Means::Key(Root::new(Secret32::new([5; 32]))));
    shelf.keep_session(&name, &of_another_key).unwrap();
    assert!(!becomes(2, of(2)) && kept() == 0, "the key was replaced");
}
