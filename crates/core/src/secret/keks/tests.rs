use super::*;

const NONCE: [u8; 12] = [9; 12];

/// A key that no document has, told apart by a number.
fn secret(number: u8) -> Secret32 {
    Secret32::new(core::array::from_fn(|place| (place as u8).wrapping_mul(place as u8) ^ number))
}

fn line(version: u32, number: u8) -> String {
    format!("{version}:{}", hex(secret(number).expose()))
}

fn keys(entries: &[(u32, u8)]) -> KeyEncryptionKeys {
    let lines: Vec<_> = entries.iter().map(|(version, number)| line(*version, *number)).collect();
    KeyEncryptionKeys::from_text(&lines.join("\n")).unwrap()
}

fn versions(keys: &KeyEncryptionKeys) -> (u32, Vec<u32>) {
    (keys.current(), keys.former().collect())
}

#[test]
fn the_highest_version_seals_and_each_opens_what_it_sealed() {
    let (first, both) = (keys(&[(1, 1)]), keys(&[(1, 1), (2, 2)]));
    let (old, new) = (first.seal("k", "o", b"old", NONCE).unwrap(), both.seal("k", "o", b"new", NONCE).unwrap());
    assert_eq!((old.version, new.version), (1, 2));
    assert_eq!(**both.open("k", "o", &old).unwrap(), *b"old");
    assert_eq!(**both.open("k", "o", &new).unwrap(), *b"new");
    assert_eq!(both.without_former().open("k", "o", &old), Err(Unsealable::NoKey { version: 1 }));
    assert_eq!(first.open("k", "o", &new), Err(Unsealable::NoKey { version: 2 }));
}

#[test]
fn a_secret_that_was_moved_to_another_version_does_not_open() {
    let keys = keys(&[(1, 1), (2, 2)]);
    let sealed = keys.seal("k", "o", b"new", NONCE).unwrap();
    let moved = Sealed { version: 1, ..sealed };
    assert_eq!(keys.open("k", "o", &moved), Err(Unsealable::DoesNotOpen));
    // Not even where both versions are the same key, which no text can say: the version is under the tag.
    let twins = KeyEncryptionKeys {
        current: KeyEncryptionKey::new(2, secret(1)),
        former: vec![KeyEncryptionKey::new(1, secret(1))],
    };
    let sealed = twins.seal("k", "o", b"new", NONCE).unwrap();
    assert_eq!(twins.open("k", "o", &Sealed { version: 1, ..sealed }), Err(Unsealable::DoesNotOpen));
}

#[test]
fn what_was_written_before_there_were_versions_is_version_1() {
    let octets = *secret(1).expose();
    let digits = hex(&octets);
    for content in
        [octets.to_vec(), digits.clone().into(), format!("{digits}\r\n").into(), format!("1:{digits}\n").into()]
    {
        let read = KeyEncryptionKeys::read(&content).unwrap();
        assert!(versions(&read) == (1, vec![]) && read.is_same(&keys(&[(1, 1)])));
        assert_eq!(*read.to_text(), format!("{digits}\n"));
    }
}

#[test]
fn several_versions_stand_on_lines_or_between_commas_in_any_order() {
    let (one, two, ten) = (line(1, 1), line(2, 2), line(10, 3));
    let bare = hex(secret(1).expose());
    for text in [
        format!("{one}\n{two}\n{ten}\n"),
        format!("{ten},{one},{two}"),
        format!(" {ten} , {two}\r\n\r\n{one}\r\n"),
        format!("{bare}\n{ten}\n{two}"),
    ] {
        let read = KeyEncryptionKeys::from_text(&text).unwrap();
        assert_eq!(versions(&read), (10, vec![2, 1]), "{text}");
        assert_eq!(*read.to_text(), format!("{ten}\n{two}\n{one}\n"));
        assert!(KeyEncryptionKeys::read(read.to_text().as_bytes()).unwrap().is_same(&read));
    }
}

#[test]
fn a_text_that_is_no_key_is_refused_by_name_and_not_repeated() {
    let (one, two) = (line(1, 1), line(2, 2));
    let zeros = "00".repeat(32);
    for (text, why) in [
        (String::new(), BadKeyText::Empty),
        ("\n,\n".to_owned(), BadKeyText::Empty),
        ("5ecre7".to_owned(), BadKeyText::NoKey { place: 1 }),
        ("0123456789abcdef0123456789abcdef".to_owned(), BadKeyText::NoKey { place: 1 }),
        // A file that was cut off.
        (format!("{one}\n{}", &two[..40]), BadKeyText::NoKey { place: 2 }),
        (format!("{one}\n2:"), BadKeyText::NoKey { place: 2 }),
        (one.replacen('1', "0", 1), BadKeyText::NoKey { place: 1 }),
        (format!("0{one}"), BadKeyText::NoKey { place: 1 }),
        (format!("+{one}"), BadKeyText::NoKey { place: 1 }),
        (one.replacen('1', "4294967296", 1), BadKeyText::NoKey { place: 1 }),
        (format!("{one}\n{}", line(1, 2)), BadKeyText::Repeated { version: 1 }),
        (format!("{one}\n{one}"), BadKeyText::Repeated { version: 1 }),
        (format!("{one}\n{}", line(3, 1)), BadKeyText::Same { newer: 3, older: 1 }),
        (format!("{one}\n2:{zeros}"), BadKeyText::Weak { version: 2, why: WeakKek::Example }),
        ((1..=17).map(|number| line(number.into(), number)).collect::<Vec<_>>().join(","), BadKeyText::TooMany),
    ] {
        let refused = KeyEncryptionKeys::read(text.as_bytes()).unwrap_err();
        assert_eq!(refused, why, "{text}");
        assert!(!refused.to_string().contains("5ecre7"));
    }
    for content in [&[7; 31][..], &[7; 33], &[0xff; 40]] {
        assert_eq!(KeyEncryptionKeys::read(content).unwrap_err(), BadKeyText::NoKey { place: 1 });
    }
    assert_eq!(KeyEncryptionKeys::read(&[0; 32]).unwrap_err(), BadKeyText::Weak { version: 1, why: WeakKek::Example });
}

#[test]
fn the_next_version_is_one_higher_and_never_one_that_everybody_knows() {
    let next = keys(&[(1, 1)]).with_next(&secret(2)).unwrap();
    assert!(next.is_same(&keys(&[(1, 1), (2, 2)])));
    let third = next.with_next(&secret(3)).unwrap();
    assert_eq!(versions(&third), (3, vec![2, 1]));
    assert_eq!(next.with_next(&Secret32::new([0; 32])).unwrap_err(), NoNextKek::Weak(WeakKek::Example));
    assert_eq!(keys(&[(u32::MAX, 1)]).with_next(&secret(2)).unwrap_err(), NoNextKek::Full);
    let most: Vec<_> = (1..=16).map(|number: u8| (number.into(), number)).collect();
    assert_eq!(keys(&most).with_next(&secret(99)).unwrap_err(), NoNextKek::Full, "nobody could read it back");
}

#[test]
fn keys_are_the_same_only_in_all_versions_and_octets() {
    let both = keys(&[(1, 1), (2, 2)]);
    assert!(both.is_same(&both.clone()));
    for other in [&[(2, 2)][..], &[(1, 1), (3, 2)], &[(1, 1), (2, 3)], &[(1, 3), (2, 2)], &[(1, 1), (2, 2), (3, 3)]] {
        assert!(!both.is_same(&keys(other)), "{other:?}");
    }
}
