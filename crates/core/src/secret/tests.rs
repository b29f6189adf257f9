use super::*;
use crate::account::Role;
use crate::encoding::hex;
use crate::enrolment::{Card, CardKind, ClientHandshake, Introduction, Knock, public_key};
use crate::id::SessionRef;
use crate::time::Timestamp;

/// An octet that nothing else here is made of.
const PLANTED: u8 = 0xb7;

fn planted() -> Secret32 {
    Secret32::new([PLANTED; 32])
}

/// Fails when `shown` holds two planted octets in a row, in any spelling that `Debug` has.
fn shows_nothing(what: &str, shown: &str) {
    for spelling in ["b7b7", "B7B7", "183, 183", "183,\n", "b7, b7", "B7, B7", "\\xb7", "\u{b7}"] {
        assert!(!shown.contains(spelling), "{what} shows {spelling:?}: {shown}");
    }
}

#[test]
fn no_secret_shows_its_octets_when_printed_for_debugging() {
    let root = Root::new(planted());
    let keys = root.key_pair("kabc");
    let kek = KeyEncryptionKey::new(1, planted());
    let shown: [(&str, &dyn fmt::Debug); 7] = [
        ("Secret32", &planted()),
        ("Root", &root),
        ("KeyPair", &keys),
        ("MacKey", &MacKey::new(&planted())),
        ("RowKey", &RowKey::new(&planted())),
        ("KeyEncryptionKeys", &KeyEncryptionKeys::of(kek.clone())),
        ("KeyEncryptionKey", &kek),
    ];
    for (what, secret) in shown {
        shows_nothing(what, &format!("{secret:?}"));
        shows_nothing(what, &format!("{secret:#?}"));
        assert!(format!("{secret:?}").contains("redacted"), "{what}");
    }
}

#[test]
fn no_part_of_an_enrolment_shows_its_secrets_when_printed_for_debugging() {
    let server = Secret32::new([0x11; 32]);
    let card = Card::new(CardKind::Group, planted(), public_key(&server), "localhost").unwrap();
    let introduction =
        Introduction { username: "alice", device: "", c_rand: planted(), now: Timestamp::from_secs(1_763_780_000) };
    let (client, body) = ClientHandshake::start(&card, &introduction, &planted()).unwrap();
    let knock = Knock::read(&body).unwrap();
    let introduced = knock.open(&server, &planted(), "localhost").unwrap();
    let shown: [(&str, &dyn fmt::Debug); 5] = [
        ("Card", &card),
        ("Introduction", &introduction),
        ("ClientHandshake", &client),
        ("Introduced", &introduced),
        ("Role", &Role::User),
    ];
    for (what, secret) in shown {
        shows_nothing(what, &format!("{secret:?}"));
        shows_nothing(what, &format!("{secret:#?}"));
    }
}

#[test]
fn the_search_for_planted_secrets_finds_them() {
    for spelling in [hex(&[PLANTED; 32]), format!("{:?}", [PLANTED; 4]), format!("{:#?}", [PLANTED; 4])] {
        assert!(std::panic::catch_unwind(|| shows_nothing("it", &spelling)).is_err(), "{spelling}");
    }
}

#[test]
fn a_key_is_read_in_each_spelling_and_at_no_other_length() {
    let is_ff = |text: &str| Secret32::from_text(text).is_some_and(|key| key.expose() == &[0xff; 32]);
    assert!(is_ff(&"ff".repeat(32)) && is_ff(&"FF".repeat(32)));
    assert!(is_ff(&format!("{}8=", "/".repeat(42))) && is_ff(&format!("{}8", "/".repeat(42))));
    assert!(is_ff(&format!("{}8=", "_".repeat(42))) && is_ff(&format!("{}8", "_".repeat(42))));
    for text in ["", "ff", &"ff".repeat(31), &"ff".repeat(33), &format!("{}9", "/".repeat(42)), &"g".repeat(64)] {
        assert!(Secret32::from_text(text).is_none(), "{text}");
    }
}

#[test]
fn a_mac_verifies_whole_and_unchanged_only() {
    let key = MacKey::new(&planted());
    let mac = key.mac(&[b"a", b"b"]);
    assert!(key.verifies(&[b"ab"], &mac));
    assert!(!key.verifies(&[b"ab"], &mac[..31]));
    assert!(!key.verifies(&[b"ab"], &[]));
    assert!(!key.verifies(&[b"ab", b"c"], &mac));
    assert!(!MacKey::new(&Secret32::new([1; 32])).verifies(&[b"ab"], &mac));
    for place in 0..mac.len() {
        let mut changed = mac;
        changed[place] ^= 1;
        assert!(!key.verifies(&[b"ab"], &changed), "octet {place}");
    }
}

#[test]
fn each_direction_and_each_key_id_has_a_key_of_its_own() {
    let root = Root::new(planted());
    let KeyPair { c2s, s2c } = root.key_pair("kabc");
    let other = root.key_pair("kabd");
    let mac = c2s.mac(&[b"request"]);
    assert!(c2s.verifies(&[b"request"], &mac));
    assert!(!s2c.verifies(&[b"request"], &mac), "a request must not come back as a response");
    assert!(!other.c2s.verifies(&[b"request"], &mac));
}

#[test]
fn a_label_cannot_trade_letters_between_its_name_and_its_context() {
    assert_ne!(label("a", b"bc"), label("ab", b"c"));
    assert_ne!(label("a", b""), label("a", b"\0"));
    assert_eq!(label("c2s mac", b"k"), b"countersign/1 c2s mac\0\0\0\0\x01k");
}

#[test]
fn decoy_roots_are_stable_and_different_for_each_name() {
    let decoy = |keyid| *Root::decoy(&MacKey::new(&planted()), keyid).secret().expose();
    assert_eq!(decoy("kabc"), decoy("kabc"));
    assert_ne!(decoy("kabc"), decoy("kabd"));
    assert_ne!(decoy(""), decoy("\0"));
}

#[test]
fn the_agreed_root_depends_on_the_handshake_on_both_sides_and_on_the_key_id() {
    let agreed = |hash, c, s, keyid| {
        *Root::agreed(&[hash; 32], &Secret32::new([c; 32]), &Secret32::new([s; 32]), keyid).secret().expose()
    };
    let root = agreed(1, 2, 3, "kabc");
    for other in [
        agreed(9, 2, 3, "kabc"),
        agreed(1, 9, 3, "kabc"),
        agreed(1, 2, 9, "kabc"),
        agreed(1, 3, 2, "kabc"),
        agreed(1, 2, 3, "kabd"),
    ] {
        assert_ne!(root, other);
    }
}

#[test]
fn each_session_has_a_root_of_its_own_that_says_nothing_of_the_keys() {
    let root = Root::new(planted());
    let (one, other) = (SessionRef([1; 16]), SessionRef([2; 16]));
    let session_root = |session| *root.session_root(session).secret().expose();
    assert_ne!(session_root(one), session_root(other));
    assert_ne!(session_root(one), *root.secret().expose());
    assert_eq!(session_root(one), *root.derive("session root", one.to_string().as_bytes()).expose());
    let mac = root.session_root(one).key_pair(&one.keyid()).c2s.mac(&[b"request"]);
    assert!(!root.key_pair(&one.keyid()).c2s.verifies(&[b"request"], &mac));
}

#[test]
fn the_challenge_key_comes_from_the_root_that_opened_the_session_and_differs_for_each() {
    let root = Root::new(planted());
    let (one, other) = (SessionRef([1; 16]), SessionRef([2; 16]));
    let answer = root.challenge_key(one).mac(&[b"challenge"]);
    assert!(!root.challenge_key(other).verifies(&[b"challenge"], &answer));
    assert!(!root.session_root(one).challenge_key(one).verifies(&[b"challenge"], &answer));
}
