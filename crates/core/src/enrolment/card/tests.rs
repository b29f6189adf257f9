use super::*;

const TEXT: &str = "countersign1:AQAAAAAAAAAAAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh97TpCbvn_-RMRloiADfWCO41iX0x75cvB_dIkssPc_EwAAAA9hcGkuZXhhbXBsZS5jb22ErIoC";

fn parse(text: &str) -> Result<Card, BadCard> {
    text.parse()
}

/// A card text around these octets, with a checksum that is right.
fn written(content: &[u8]) -> String {
    format!("{PREFIX}{}", b64u(&[content, &checksum(content)].concat()))
}

/// Type, ticket id, psk, server key and this authority.
fn content(kind: u8, id: [u8; 8], authority: &[u8]) -> Vec<u8> {
    let mut content = [[kind].as_slice(), &id, &[1; 32], &[2; 32]].concat();
    put_lp(&mut content, authority);
    content
}

#[test]
fn a_card_with_any_character_changed_left_out_or_doubled_is_damaged() {
    for place in PREFIX.len()..TEXT.len() {
        let (front, rest) = TEXT.split_at(place);
        let other = if rest.starts_with('x') { 'y' } else { 'x' };
        for damaged in [
            format!("{front}{other}{}", &rest[1..]),
            format!("{front}{}", &rest[1..]),
            format!("{front}{}{rest}", &rest[..1]),
        ] {
            assert_eq!(parse(&damaged).unwrap_err(), BadCard::Damaged, "{damaged}");
        }
    }
    for damaged in
        [format!("{TEXT}="), format!("{TEXT} "), format!("{TEXT}\n"), PREFIX.to_owned(), TEXT.replace('_', "/")]
    {
        assert_eq!(parse(&damaged).unwrap_err(), BadCard::Damaged, "{damaged}");
    }
}

#[test]
fn what_does_not_begin_like_a_card_is_none() {
    for text in ["", "hello", &TEXT[1..], " countersign1:AQ", "countersign2:AQ", "COUNTERSIGN1:AQ"] {
        assert_eq!(parse(text).unwrap_err(), BadCard::NotACard, "{text}");
    }
}

#[test]
fn a_card_of_an_unknown_kind_says_what_to_do() {
    for kind in [0, 5, 255] {
        let why = parse(&written(&content(kind, [0; 8], b"localhost"))).unwrap_err();
        assert_eq!(why, BadCard::UnknownKind(kind));
        assert!(why.to_string().contains("use a newer version, or ask for a ticket"));
    }
}

#[test]
fn a_card_that_was_copied_well_but_made_badly_is_refused() {
    let good = content(1, [0; 8], b"localhost");
    assert!(parse(&written(&good)).is_ok());
    let group_with_an_id = content(1, [0, 0, 0, 0, 0, 0, 0, 1], b"localhost");
    let trailing = [good.as_slice(), b"x"].concat();
    for content in [
        group_with_an_id,
        trailing,
        good[..good.len() - 1].to_vec(),
        good[..40].to_vec(),
        good[..1].to_vec(),
        Vec::new(),
    ] {
        assert_eq!(parse(&written(&content)).unwrap_err(), BadCard::Malformed, "{content:?}");
    }
    for authority in [b"".as_slice(), b"a b", b"a\n", b"\xff", "ä.example".as_bytes(), &[b'a'; 256]] {
        assert_eq!(parse(&written(&content(2, [7; 8], authority))).unwrap_err(), BadCard::Malformed, "{authority:?}");
    }
}

#[test]
fn a_card_is_made_for_an_authority_of_visible_ascii_only() {
    let made = |authority: &str| Card::new(CardKind::Group, Secret32::new([1; 32]), [2; 32], authority).map(|_| ());
    assert_eq!(made("127.0.0.1:8470"), Ok(()));
    assert_eq!(made("[::1]:8470"), Ok(()));
    assert_eq!(made(&"a".repeat(255)), Ok(()));
    for authority in ["", " ", "a b", "a\tb", "ä.example", "\u{7f}", &"a".repeat(256)] {
        assert_eq!(made(authority), Err(BadCard::Authority), "{authority:?}");
    }
}

#[test]
fn a_card_reads_back_as_printed() {
    for kind in [CardKind::Group, CardKind::Ticket(TicketId([0; 8])), CardKind::Ticket(TicketId([9; 8]))] {
        let card = Card::new(kind, Secret32::new([1; 32]), [2; 32], "localhost:8470").unwrap();
        let read = parse(&card.to_text()).unwrap();
        assert_eq!((read.kind, *read.psk.expose(), read.server_key), (kind, [1; 32], [2; 32]));
        assert_eq!(read.authority, "localhost:8470");
        assert_eq!(card.to_text().len(), PREFIX.len() + 127);
    }
}

fn alice() -> Username {
    "alice".parse().unwrap()
}

#[test]
fn a_recovery_card_and_a_recovery_code_read_back_as_printed() {
    let id = TicketId([9; 8]);
    let card = Card::new(CardKind::Recovery(id), Secret32::new([1; 32]), [2; 32], "localhost").unwrap();
    let code = Card::of_code(id, RecoveryCode::new([3; 16]), [2; 32], "localhost", &alice()).unwrap();
    for card in [card.for_user(&alice()), code] {
        let read = parse(&card.to_text()).unwrap();
        assert_eq!((read.kind, read.psk.expose(), read.holder()), (card.kind, card.psk.expose(), "alice"));
        assert_eq!(read.to_text(), card.to_text());
    }
}

#[test]
fn a_recovery_card_names_its_user_in_one_spelling_and_no_other_card_names_anybody() {
    let named = |kind: u8, name: &[u8]| {
        let mut content = content(kind, [9; 8], b"localhost");
        put_lp(&mut content, name);
        parse(&written(&content)).map(|card| card.holder().to_owned())
    };
    assert_eq!(named(3, b"alice"), Ok("alice".to_owned()));
    for name in [b"Alice".as_slice(), b"", b"admin", b"a b", b"\xff"] {
        assert_eq!(named(3, name), Err(BadCard::Malformed), "{name:?}");
    }
    assert_eq!(named(2, b"alice"), Err(BadCard::Malformed));
    assert_eq!(parse(&written(&content(3, [9; 8], b"localhost"))).unwrap_err(), BadCard::Malformed);
}
