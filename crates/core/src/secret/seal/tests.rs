use super::*;

const NONCE: [u8; 12] = [9; 12];
const PLAIN: [u8; 32] = [0xa5; 32];

fn key(version: u32) -> KeyEncryptionKey {
    KeyEncryptionKey::new(version, Secret32::new(*b"thirty-two octets of no meaning!"))
}

fn sealed() -> Sealed {
    key(1).seal("kabc", "alice", &PLAIN, NONCE).unwrap()
}

#[test]
fn a_sealed_secret_opens_for_its_own_name_and_owner_only() {
    assert_eq!(*key(1).open("kabc", "alice", &sealed()).unwrap(), PLAIN);
    for (name, owner) in [("kabd", "alice"), ("kabc", "alicf"), ("alice", "kabc"), ("kabca", "lice"), ("", "kabcalice")]
    {
        assert_eq!(key(1).open(name, owner, &sealed()), Err(Unsealable::DoesNotOpen), "{name} {owner}");
    }
}

#[test]
fn a_sealed_secret_opens_under_its_own_key_and_version_only() {
    let other = KeyEncryptionKey::new(1, Secret32::new(*b"thirty-two octets of some other!"));
    assert_eq!(other.open("kabc", "alice", &sealed()), Err(Unsealable::DoesNotOpen));
    assert_eq!(key(2).open("kabc", "alice", &sealed()), Err(Unsealable::NoKey { version: 1 }));
    // The label alone does not make it a secret of version 2: the version is under the tag.
    let relabelled = Sealed { version: 2, ..sealed() };
    assert_eq!(key(2).open("kabc", "alice", &relabelled), Err(Unsealable::DoesNotOpen));
}

#[test]
fn a_sealed_secret_with_any_octet_changed_or_missing_does_not_open() {
    for place in 0..sealed().octets.len() {
        let mut changed = sealed();
        changed.octets[place] ^= 1;
        assert_eq!(key(1).open("kabc", "alice", &changed), Err(Unsealable::DoesNotOpen), "octet {place}");
        let cut = Sealed { octets: sealed().octets[..place].to_vec(), ..sealed() };
        assert_eq!(key(1).open("kabc", "alice", &cut), Err(Unsealable::DoesNotOpen), "cut at {place}");
    }
}

#[test]
fn what_is_sealed_is_not_readable_and_has_its_nonce_in_front() {
    let octets = sealed().octets;
    assert_eq!(octets.len(), 12 + 32 + 16);
    assert!(octets.starts_with(&NONCE));
    assert!(!octets.windows(4).any(|window| window == &PLAIN[..4]));
}

#[test]
fn only_thirty_two_octets_open_as_a_key() {
    assert_eq!(*key(1).open32("kabc", "alice", &sealed()).unwrap().expose(), PLAIN);
    for length in [0, 31, 33] {
        let sealed = key(1).seal("kabc", "alice", &vec![1; length], NONCE).unwrap();
        assert_eq!(key(1).open32("kabc", "alice", &sealed).unwrap_err(), Unsealable::DoesNotOpen);
    }
}

#[test]
fn keys_derived_for_different_purposes_and_versions_differ() {
    let derived = |version, name| *key(version).derive(name).expose();
    assert_eq!(derived(1, "replay ring"), derived(1, "replay ring"));
    assert_ne!(derived(1, "replay ring"), derived(1, "row mac"));
    assert_ne!(derived(1, "replay ring"), derived(2, "replay ring"));
}

#[test]
fn a_key_encryption_key_has_exactly_thirty_two_octets() {
    let octets = b"a key of more than thirty-two octets";
    for length in [0, 16, 31, 33] {
        assert_eq!(KeyEncryptionKey::from_octets(1, &octets[..length]).unwrap_err(), WeakKek::Length);
    }
    let key = KeyEncryptionKey::from_octets(3, &octets[..32]).unwrap();
    let sealed = key.seal("kabc", "alice", &PLAIN, NONCE).unwrap();
    assert_eq!(sealed.version, 3);
    assert_eq!(*key.open("kabc", "alice", &sealed).unwrap(), PLAIN);
}

#[test]
fn patterns_are_no_key_encryption_keys() {
    for start in 0..=255_u8 {
        for step in [0_u8, 1, 2, 17, 255] {
            let mut pattern = [start; 32];
            for (place, octet) in (0_u8..).zip(&mut pattern) {
                *octet = start.wrapping_add(step.wrapping_mul(place));
            }
            assert_eq!(KeyEncryptionKey::from_octets(1, &pattern).unwrap_err(), WeakKek::Example, "{start} + {step}");
        }
    }
    let mut nearly = [0; 32];
    nearly[31] = 1;
    assert!(KeyEncryptionKey::from_octets(1, &nearly).is_ok());
}

#[test]
fn no_key_of_the_published_vectors_is_a_key_encryption_key() {
    let published: Vec<_> =
        PUBLISHED.split('"').filter_map(crate::encoding::unhex).filter(|it| it.len() == 32).collect();
    assert!(published.len() > 20);
    for octets in published {
        assert_eq!(KeyEncryptionKey::from_octets(1, &octets).unwrap_err(), WeakKek::Example);
    }
}
