use super::*;
use crate::id::TicketId;
use crate::secret::Secret32;

const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);
const LIMITS: PendingLimits = PendingLimits { per_source: 2, in_all: 4 };
const MILLISECOND: Duration = Duration::from_millis(1);

fn keyid(number: u8) -> KeyId {
    KeyId::from_random([number; 16])
}

/// An enrolment like no other, by the group card, from a source of its own.
fn pending(number: u8) -> Pending {
    let root = Root::new(Secret32::new([number; 32]));
    Pending {
        keyid: keyid(number),
        username: "alice".parse().unwrap(),
        role: Role::User,
        device: String::new(),
        keys: root.key_pair(keyid(number).as_str()),
        root,
        origin: KeyOrigin::GroupCard,
        source: IpAddr::from([192, 0, 2, number]),
        expires: NOW.saturating_add(PENDING_LIFE),
        message_hash: [number; 32],
        response: vec![number],
    }
}

fn from(number: u8, source: &str) -> Pending {
    Pending { source: source.parse().unwrap(), ..pending(number) }
}

fn by_ticket(number: u8, ticket: u8) -> Pending {
    Pending { origin: KeyOrigin::Ticket(TicketId([ticket; 8])), ..pending(number) }
}

fn holding(enrolments: impl IntoIterator<Item = Pending>) -> PendingEnrolments {
    let mut held = PendingEnrolments::new(LIMITS);
    for pending in enrolments {
        assert_eq!(held.insert(pending, NOW), Insertion::Kept);
    }
    held
}

#[test]
fn a_pending_enrolment_is_found_by_its_key_and_by_its_message() {
    let held = holding([pending(1), pending(2)]);
    assert_eq!(held.by_keyid(keyid(1).as_str(), NOW).unwrap().message_hash, [1; 32]);
    assert_eq!(held.by_message(&[2; 32], NOW), Some([2].as_slice()));
    assert!(held.by_keyid(keyid(3).as_str(), NOW).is_none());
    assert!(held.by_keyid("../../etc/passwd", NOW).is_none());
    assert_eq!(held.by_message(&[3; 32], NOW), None);
}

#[test]
fn it_lives_for_sixty_seconds_and_not_a_millisecond_longer() {
    let last = NOW.saturating_add(Duration::from_secs(60));
    let late = last.saturating_add(MILLISECOND);
    let mut held = holding([pending(1)]);
    assert!(held.by_keyid(keyid(1).as_str(), last).is_some());
    assert!(held.by_message(&[1; 32], last).is_some());
    assert!(held.by_keyid(keyid(1).as_str(), late).is_none());
    assert!(held.by_message(&[1; 32], late).is_none());
    held.expire(last);
    assert_eq!(held.len(), 1);
    assert!(held.take(keyid(1).as_str(), late).is_none());
    assert!(held.is_empty());
}

#[test]
fn what_has_expired_is_forgotten_and_makes_room() {
    let late = NOW.saturating_add(PENDING_LIFE).saturating_add(MILLISECOND);
    let mut held = holding((1..=4).map(pending));
    assert_eq!(held.insert(pending(5), NOW), Insertion::Full);
    held.expire(late);
    assert!(held.is_empty());

    let mut held = holding((1..=4).map(pending));
    let fresh = Pending { expires: late.saturating_add(PENDING_LIFE), ..pending(5) };
    assert_eq!(held.insert(fresh, late), Insertion::Kept);
    assert_eq!(held.len(), 1);
}

#[test]
fn one_caller_takes_it() {
    let mut held = holding([pending(1)]);
    assert_eq!(held.take(keyid(1).as_str(), NOW).unwrap().keyid, keyid(1));
    assert!(held.take(keyid(1).as_str(), NOW).is_none());
    assert!(held.by_message(&[1; 32], NOW).is_none());
}

#[test]
fn the_same_message_again_is_given_the_first_answer_and_no_second_key() {
    let mut held = holding([pending(1)]);
    let again = Pending { message_hash: [1; 32], ..pending(2) };
    assert_eq!(held.insert(again, NOW), Insertion::Repeated(vec![1]));
    assert_eq!(held.len(), 1);
    assert!(held.by_keyid(keyid(2).as_str(), NOW).is_none());
}

#[test]
fn of_one_ticket_the_newest_is_pending() {
    let mut held = holding([by_ticket(1, 7), by_ticket(2, 8)]);
    assert_eq!(held.insert(by_ticket(3, 7), NOW), Insertion::Kept);
    assert!(held.by_keyid(keyid(1).as_str(), NOW).is_none());
    assert!(held.by_keyid(keyid(2).as_str(), NOW).is_some(), "another ticket");
    assert!(held.by_keyid(keyid(3).as_str(), NOW).is_some());
}

#[test]
fn by_the_group_card_and_in_seed_mode_many_are_pending_at_once() {
    let held = holding([
        pending(1),
        pending(2),
        Pending { origin: KeyOrigin::SeedMode, ..pending(3) },
        Pending { origin: KeyOrigin::SeedMode, ..pending(4) },
    ]);
    assert_eq!(held.len(), 4);
}

#[test]
fn a_source_has_so_many_and_no_more() {
    let mut held = holding([from(1, "192.0.2.9"), from(2, "192.0.2.9")]);
    assert_eq!(held.insert(from(3, "192.0.2.9"), NOW), Insertion::SourceFull);
    assert_eq!(held.insert(from(3, "::ffff:192.0.2.9"), NOW), Insertion::SourceFull, "the same in IPv6's clothes");
    assert_eq!(held.insert(from(3, "192.0.2.10"), NOW), Insertion::Kept);
    assert_eq!(held.len(), 3);
}

#[test]
fn the_addresses_of_one_ipv6_network_are_one_source() {
    let mut held = holding([from(1, "2001:db8:0:1::1"), from(2, "2001:db8:0:1:ffff::2")]);
    assert_eq!(held.insert(from(3, "2001:db8:0:1:8000::3"), NOW), Insertion::SourceFull);
    assert_eq!(held.insert(from(3, "2001:db8:0:2::1"), NOW), Insertion::Kept);
}

#[test]
fn there_are_so_many_in_all_and_none_is_pushed_out() {
    let mut held = holding((1..=4).map(pending));
    assert_eq!(held.insert(pending(5), NOW), Insertion::Full);
    for number in 1..=4 {
        assert!(held.by_keyid(keyid(number).as_str(), NOW).is_some());
    }
}

#[test]
fn a_ticket_that_starts_anew_needs_no_more_room_than_it_has() {
    let mut held = holding([by_ticket(1, 7), pending(2), pending(3), pending(4)]);
    assert_eq!(held.insert(by_ticket(5, 7), NOW), Insertion::Kept);
    assert_eq!(held.len(), 4);
    let mut held = holding([Pending { source: "192.0.2.2".parse().unwrap(), ..by_ticket(1, 7) }, pending(2)]);
    let anew = Pending { source: "192.0.2.2".parse().unwrap(), ..by_ticket(3, 7) };
    assert_eq!(held.insert(anew, NOW), Insertion::Kept);
}

#[test]
fn a_ticket_that_is_refused_for_lack_of_room_keeps_what_it_had() {
    let mut held = holding([by_ticket(1, 7), from(2, "192.0.2.9"), from(3, "192.0.2.9")]);
    let elsewhere = Pending { source: "192.0.2.9".parse().unwrap(), ..by_ticket(4, 7) };
    assert_eq!(held.insert(elsewhere, NOW), Insertion::SourceFull);
    assert!(held.by_keyid(keyid(1).as_str(), NOW).is_some());
}
