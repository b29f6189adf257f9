use super::*;
use crate::id::UserId;
use crate::secret::Sealed;

const AT: Timestamp = Timestamp::from_millis(1_763_780_000_000);

fn id(letter: u8) -> KeyId {
    KeyId::from_random([letter; 16])
}

fn key(letter: u8, from: Option<u8>, state: KeyState) -> KeyRecord {
    KeyRecord {
        id: id(letter),
        user: UserId::from_random([1; 16]),
        device: String::new(),
        root: Sealed { version: 1, octets: Vec::new() },
        origin: from.map_or(KeyOrigin::GroupCard, |from| KeyOrigin::Rotation(id(from))),
        state,
        created: AT,
    }
}

const ENDING: KeyState = KeyState::Ending { at: AT };

/// a → b → c, and d by itself.
fn family() -> Vec<KeyRecord> {
    vec![
        key(b'a', None, ENDING),
        key(b'b', Some(b'a'), ENDING),
        key(b'c', Some(b'b'), KeyState::Active),
        key(b'd', None, KeyState::Active),
    ]
}

fn ends(ended: &[u8], restored: Option<u8>) -> TakeBack {
    TakeBack::Ends { ended: ended.iter().map(|letter| id(*letter)).collect(), restored: restored.map(id) }
}

#[test]
fn a_key_may_sign_at_its_end_and_not_a_millisecond_later() {
    let late = Timestamp::from_millis(AT.as_millis() + 1);
    assert!(ENDING.may_sign(AT));
    assert!(!ENDING.may_sign(late));
    assert!(KeyState::Active.may_sign(Timestamp::MAX));
    assert!(!KeyState::Revoked { at: late }.may_sign(AT), "not even before it was");
}

#[test]
fn a_replaced_key_ends_after_a_day_or_five_minutes_after_its_successor_was_used() {
    let end = overlap_end(AT);
    assert_eq!(end.since(AT), Duration::from_secs(86_400));
    assert_eq!(end_once_used(end, AT).since(AT), Duration::from_secs(300));
    let late = end.saturating_sub(Duration::from_secs(299));
    assert_eq!(end_once_used(end, late), end, "use never lets it live longer");
    assert_eq!(end_once_used(end_once_used(end, AT), late), end_once_used(end, AT), "and the first use counts");
}

#[test]
fn only_a_key_that_was_not_replaced_may_be_replaced() {
    assert!(may_rotate(&KeyOrigin::GroupCard, KeyState::Active));
    assert!(may_rotate(&KeyOrigin::Rotation(id(b'a')), KeyState::Active));
    assert!(!may_rotate(&KeyOrigin::GroupCard, ENDING));
    assert!(!may_rotate(&KeyOrigin::GroupCard, KeyState::Revoked { at: AT }));
    assert!(!may_rotate(&KeyOrigin::SeedMode, KeyState::Active));
}

#[test]
fn not_me_ends_the_successor_with_all_that_came_from_it_and_gives_the_place_back() {
    assert_eq!(take_back(&family(), &id(b'b'), &id(b'a')), ends(b"bc", Some(b'a')));
}

#[test]
fn nobody_else_gives_a_replaced_key_its_place_back() {
    // The device with a and b was lost: d ends b, and a must not come back to life for whoever found it.
    assert_eq!(take_back(&family(), &id(b'b'), &id(b'd')), ends(b"bc", None));
    assert_eq!(take_back(&family(), &id(b'c'), &id(b'a')), ends(b"c", None), "a is not what c replaced");
    assert_eq!(take_back(&family(), &id(b'b'), &id(b'b')), ends(b"bc", None));
    let mut keys = family();
    keys[1].state = KeyState::Revoked { at: AT };
    assert_eq!(take_back(&keys, &id(b'b'), &id(b'a')), ends(b"c", None), "b had been ended by d");
}

#[test]
fn whoever_rotated_a_stolen_key_cannot_end_it_before_its_time() {
    for (target, signer) in [(b'a', b'b'), (b'a', b'c'), (b'b', b'c')] {
        assert_eq!(take_back(&family(), &id(target), &id(signer)), TakeBack::OwnAncestor);
    }
}

#[test]
fn a_key_that_is_not_theirs_is_not_theirs_to_end() {
    assert_eq!(take_back(&family(), &id(b'x'), &id(b'a')), TakeBack::NotTheirs);
}

#[test]
fn what_has_ended_does_not_end_again_but_what_came_from_it_does() {
    let mut keys = family();
    keys[1].state = KeyState::Revoked { at: AT };
    assert_eq!(take_back(&keys, &id(b'b'), &id(b'd')), ends(b"c", None));
    keys[2].state = KeyState::Revoked { at: AT };
    assert_eq!(take_back(&keys, &id(b'b'), &id(b'd')), ends(b"", None));
}

#[test]
fn rows_that_name_each_other_in_a_circle_do_not_hold_us_up() {
    let keys = [key(b'a', Some(b'b'), KeyState::Active), key(b'b', Some(b'a'), KeyState::Active)];
    assert_eq!(descendants(&keys, &id(b'a')).len(), 2);
}
