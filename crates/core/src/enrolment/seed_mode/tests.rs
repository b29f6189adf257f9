use super::*;

const NONCE: [u8; 32] = [0xa0; 32];

fn shared() -> Secret32 {
    Secret32::new([7; 32])
}

fn registration() -> SeedRegistration {
    SeedRegistration::new(&shared(), "alice", NONCE).0
}

fn read(username: &str, nonce: &str, mac: &str) -> Result<SeedRegistration, BadRegistration> {
    SeedRegistration::from_hex(username, nonce, mac)
}

#[test]
fn both_sides_hold_the_same_private_key() {
    let (registration, private_key) = SeedRegistration::new(&shared(), "alice", NONCE);
    let read = read("alice", &registration.nonce_hex(), &registration.mac_hex()).unwrap();
    assert_eq!(read.verify(&shared()).unwrap().secret().expose(), private_key.secret().expose());
    assert_eq!((read.username(), read.nonce()), ("alice", &NONCE));
}

#[test]
fn a_registration_with_any_member_changed_does_not_verify() {
    let (nonce, mac) = (registration().nonce_hex(), registration().mac_hex());
    let verifies =
        |username: &str, nonce: &str, mac: &str| read(username, nonce, mac).unwrap().verify(&shared()).is_ok();
    assert!(verifies("alice", &nonce, &mac));
    assert!(!verifies("alicf", &nonce, &mac));
    assert!(!verifies("Alice", &nonce, &mac));
    assert!(!verifies("", &nonce, &mac));
    assert!(!verifies("alice", &nonce.replacen("a0", "a1", 1), &mac));
    for place in 0..32 {
        let mut changed = registration().mac;
        changed[place] ^= 1;
        assert!(!verifies("alice", &nonce, &hex(&changed)), "octet {place}");
    }
    assert!(registration().verify(&Secret32::new([8; 32])).is_err());
}

#[test]
fn a_nonce_or_mac_of_any_other_length_or_spelling_is_refused() {
    let (nonce, mac) = (registration().nonce_hex(), registration().mac_hex());
    for bad in [
        String::new(),
        nonce[2..].to_owned(),
        nonce[1..].to_owned(),
        format!("{nonce}00"),
        nonce.to_uppercase(),
        nonce.replace('a', "g"),
        format!(" {}", &nonce[1..]),
    ] {
        assert_eq!(read("alice", &bad, &mac), Err(BadRegistration::Nonce), "{bad}");
        assert_eq!(read("alice", &nonce, &bad), Err(BadRegistration::Mac), "{bad}");
    }
}

/// `username ‖ nonce` has no separator: with a nonce of any length, a recorded registration of `alice` would verify as
/// one of `alic` whose nonce begins with an `e`.
#[test]
fn the_fixed_length_of_the_nonce_is_what_keeps_name_and_nonce_apart() {
    let mac = registration().mac_hex();
    let shifted = [b"e".as_slice(), &NONCE].concat();
    assert!(MacKey::new(&shared()).verifies(&[b"alic", &shifted], &registration().mac), "the octets are the same");
    assert_eq!(read("alic", &hex(&shifted), &mac), Err(BadRegistration::Nonce));
    assert_eq!(read("alice\u{a0}", &hex(&NONCE[1..]), &mac), Err(BadRegistration::Nonce));
}

/// Why seed mode is spelled `danger_seed_mode`: everything that another member of the group needs is the shared key,
/// which they were given, and what went over the line in the open.
#[test]
fn whoever_holds_the_shared_key_and_recorded_a_registration_has_the_private_key() {
    let (registration, alices_key) = SeedRegistration::new(&shared(), "alice", NONCE);
    let on_the_line = (registration.username().to_owned(), registration.nonce_hex(), registration.mac_hex());

    let mallorys_card = shared();
    let recorded = read(&on_the_line.0, &on_the_line.1, &on_the_line.2).unwrap();
    let stolen = Root::new(Secret32::new(MacKey::new(&mallorys_card).mac(&[recorded.nonce()])));
    assert_eq!(stolen.secret().expose(), alices_key.secret().expose());

    let forged = stolen.key_pair("kabc").c2s.mac(&[b"DELETE /everything"]);
    assert!(alices_key.key_pair("kabc").c2s.verifies(&[b"DELETE /everything"], &forged));
}
