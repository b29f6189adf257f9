use proptest::prelude::*;

use super::tallies::Tallies;
use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_763_780_400 + seconds)
}

fn name(text: &str) -> Username {
    text.parse().unwrap()
}

fn from(address: &str) -> Source {
    Source::Client(address.parse().unwrap())
}

/// How many of these attempts are let through, when all of them fail.
fn failing(guessing: &Guessing, who: &Username, source: Source, attempts: usize, now: Timestamp) -> usize {
    let tried = (0..attempts).filter(|_| guessing.attempt(Some(who), source, now).map(Attempt::failed).is_ok());
    tried.count()
}

fn wait(guessing: &Guessing, who: &str, source: Source, now: Timestamp) -> Duration {
    let attempt = guessing.attempt(Some(&name(who)), source, now);
    attempt.map_or_else(
        |wait| wait,
        |attempt| {
            attempt.undecided();
            Duration::ZERO
        },
    )
}

#[test]
fn an_address_has_20_failures_an_hour_over_all_accounts() {
    let guessing = Guessing::default();
    for number in 0..20 {
        assert_eq!(failing(&guessing, &name(&format!("user{number}")), from("192.0.2.1"), 1, at(0)), 1);
    }
    assert_eq!(wait(&guessing, "somebody", from("192.0.2.1"), at(0)), Duration::from_secs(1));
    assert_eq!(wait(&guessing, "somebody", from("192.0.2.2"), at(0)), Duration::ZERO);
    assert_eq!(wait(&guessing, "somebody", from("192.0.2.1"), at(1)), Duration::ZERO);
}

/// Whoever has a /64 has more addresses than there are tries.
#[test]
fn an_ipv6_subscriber_is_one_address_and_his_48_and_a_24_are_one_neighbourhood() {
    let guessing = Guessing::default();
    for number in 0..20 {
        failing(&guessing, &name(&format!("user{number}")), from(&format!("2001:db8:0:1::{number:x}")), 1, at(0));
    }
    assert_eq!(wait(&guessing, "somebody", from("2001:db8:0:1:ffff::"), at(0)), Duration::from_secs(1));
    assert_eq!(wait(&guessing, "somebody", from("2001:db8:0:2::"), at(0)), Duration::ZERO);
    for (family, elsewhere) in [("198.51.100.", "198.51.101.1"), ("2001:db8:1:", "2001:db8:2::1")] {
        for number in 0..100 {
            let address =
                if family.contains(':') { format!("{family}{number:x}::1") } else { format!("{family}{number}") };
            assert_eq!(failing(&guessing, &name(&format!("user{number}")), from(&address), 1, at(0)), 1, "{address}");
        }
        let other = if family.contains(':') { format!("{family}ffff::1") } else { format!("{family}200") };
        assert_eq!(wait(&guessing, "somebody", from(&other), at(0)), Duration::from_secs(1));
        assert_eq!(wait(&guessing, "somebody", from(elsewhere), at(0)), Duration::ZERO);
    }
}

/// Row J01 of the attack corpus.
#[test]
fn the_101st_attempt_in_a_row_on_an_account_waits_wherever_it_comes_from() {
    let guessing = Guessing::default();
    for number in 0..100 {
        let source = from(&format!("10.{number}.0.1"));
        assert_eq!(failing(&guessing, &name("alice"), source, 1, at(number)), 1, "{number}");
    }
    assert_eq!(wait(&guessing, "alice", from("192.0.2.1"), at(99)), Duration::from_secs(30));
    assert_eq!(failing(&guessing, &name("alice"), from("192.0.2.1"), 1, at(129)), 1);
    assert_eq!(wait(&guessing, "alice", from("192.0.2.2"), at(129)), Duration::from_secs(60));
    assert_eq!(wait(&guessing, "bob", from("192.0.2.1"), at(129)), Duration::ZERO);
}

/// No lock: however long one network goes on, the account is free to everybody else.
#[test]
fn one_network_alone_never_makes_others_wait_for_an_account() {
    let guessing = Guessing::default();
    let mut tried = 0;
    for minute in 0..60 * 24 * 3 {
        let source = from(&format!("198.51.100.{}", minute % 256));
        tried += failing(&guessing, &name("alice"), source, 3, at(60 * minute));
    }
    assert!(tried > 200, "{tried}");
    assert_eq!(wait(&guessing, "alice", from("192.0.2.1"), at(60 * 60 * 24 * 3)), Duration::ZERO);
}

#[test]
fn the_owner_does_not_wait_where_the_owner_logged_in_lately() {
    let guessing = Guessing::default();
    let home = from("192.0.2.1");
    guessing.attempt(Some(&name("alice")), home, at(0)).unwrap().succeeded();
    for number in 0..200 {
        failing(&guessing, &name("alice"), from(&format!("10.{number}.0.1")), 1, at(1));
    }
    for number in 0..200 {
        failing(&guessing, &name(&format!("user{number}")), home, 1, at(1));
    }
    assert_eq!(wait(&guessing, "alice", home, at(1)), Duration::ZERO);
    assert!(!wait(&guessing, "alice", from("192.0.2.2"), at(1)).is_zero());
    assert!(!wait(&guessing, "somebody", home, at(1)).is_zero(), "the place is known to alice alone");
    let (days, longer) = (30 * 86_400, 30 * 86_400 + 1);
    assert!(failing(&guessing, &name("bob"), home, 100, at(days)) < 100);
    assert_eq!(wait(&guessing, "alice", home, at(days)), Duration::ZERO);
    failing(&guessing, &name("bob"), home, 100, at(longer));
    assert!(!wait(&guessing, "alice", home, at(longer)).is_zero());
}

/// A thief in the same house, or a program on the owner's own machine.
#[test]
fn a_known_network_does_not_guess_without_end_either() {
    let guessing = Guessing::default();
    let home = from("192.0.2.1");
    guessing.attempt(Some(&name("alice")), home, at(0)).unwrap().succeeded();
    assert_eq!(failing(&guessing, &name("alice"), home, 1_000, at(1)), 50);
    assert_eq!(wait(&guessing, "alice", home, at(1)), Duration::from_secs(30));
}

/// Everybody may come from there, or from the program that makes an attempt for somebody.
#[test]
fn proxies_and_this_machine_never_wait_but_an_account_does() {
    let guessing = Guessing::default();
    for number in 0..500 {
        assert_eq!(failing(&guessing, &name(&format!("user{number}")), Source::Shared, 1, at(0)), 1);
    }
    assert_eq!(failing(&guessing, &name("alice"), Source::Shared, 1_000, at(0)), 100);
    assert_eq!(wait(&guessing, "alice", Source::Shared, at(0)), Duration::from_secs(30));
}

/// Otherwise one account of one's own would be enough to guess at all the others.
#[test]
fn a_success_forgives_the_account_and_not_the_address() {
    let guessing = Guessing::default();
    let mallory = from("192.0.2.1");
    failing(&guessing, &name("alice"), mallory, 19, at(0));
    guessing.attempt(Some(&name("mallory")), mallory, at(0)).unwrap().succeeded();
    assert_eq!(failing(&guessing, &name("alice"), mallory, 100, at(0)), 1);
    for number in 0..99 {
        failing(&guessing, &name("bob"), from(&format!("10.{number}.0.1")), 1, at(0));
    }
    guessing.attempt(Some(&name("bob")), from("192.0.3.1"), at(0)).unwrap().succeeded();
    assert_eq!(failing(&guessing, &name("bob"), Source::Shared, 1_000, at(0)), 100);
}

/// A client that hangs up before the answer has tried all the same; one that was refused for want of room has not.
#[test]
fn an_attempt_that_is_let_go_of_is_a_failure_and_an_undecided_one_is_none() {
    let guessing = Guessing::default();
    let source = from("192.0.2.1");
    for _ in 0..100 {
        guessing.attempt(Some(&name("alice")), source, at(0)).unwrap().undecided();
    }
    for _ in 0..20 {
        drop(guessing.attempt(Some(&name("alice")), source, at(0)).unwrap());
    }
    assert!(guessing.attempt(Some(&name("alice")), source, at(0)).is_err());
}

#[test]
fn many_attempts_at_once_are_no_more_than_one_after_the_other() {
    let guessing = Guessing::default();
    let attempts: Vec<_> =
        (0..64).filter_map(|_| guessing.attempt(Some(&name("alice")), from("192.0.2.1"), at(0)).ok()).collect();
    assert_eq!(attempts.len(), 20);
}

/// There is nothing in the answer, nor in the number of tries, that tells whether there is such a user.
#[test]
fn a_name_that_cannot_be_anybodys_is_counted_by_its_source_alone() {
    let guessing = Guessing::default();
    let mut tried = 0;
    while let Ok(attempt) = guessing.attempt(None, from("192.0.2.1"), at(0)) {
        attempt.failed();
        tried += 1;
    }
    assert_eq!(tried, 20);
}

#[test]
fn what_has_no_room_is_forgotten_by_weight() {
    let mut tallies = Tallies::with_room(Rule::FINE, 64);
    for _ in 0..5 {
        tallies.of(1_000, at(0)).fail(Rule::FINE, at(0));
    }
    for key in 0..100_000 {
        tallies.of(key % 999, at(1)).fail(Rule::FINE, at(1));
        assert!(tallies.len() <= 64);
    }
    assert_eq!(tallies.of(1_000, at(1)).failures(Rule::FINE, at(1)), 5);
}

#[test]
fn what_is_idle_makes_room_before_anything_else() {
    let mut tallies = Tallies::with_room(Rule::FINE, 16);
    for key in 0..16 {
        let now = if key < 10 { at(0) } else { at(7_200) };
        tallies.of(key, now).fail(Rule::FINE, now);
    }
    tallies.of(99, at(7_200)).fail(Rule::FINE, at(7_200));
    assert_eq!(tallies.len(), 7);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever names and addresses an attacker invents, a tally leaves only when an eighth of the room counts as much.
    #[test]
    fn nobody_flushes_a_tally_with_lighter_ones(
        own in 2..20_u32,
        others in proptest::collection::vec((0..10_000_u32, 1..4_u32), 0..2_000),
    ) {
        let mut tallies = Tallies::with_room(Rule::FINE, 64);
        for _ in 0..own {
            tallies.of(u32::MAX, at(0)).fail(Rule::FINE, at(0));
        }
        let mut weights = HashMap::<u32, u32>::new();
        for (key, failures) in others {
            for _ in 0..failures {
                tallies.of(key, at(0)).fail(Rule::FINE, at(0));
                *weights.entry(key).or_default() += 1;
            }
        }
        let as_heavy = weights.values().filter(|weight| **weight >= own).count();
        if as_heavy < 56 {
            prop_assert_eq!(tallies.of(u32::MAX, at(0)).failures(Rule::FINE, at(0)), own);
        }
        prop_assert!(tallies.len() <= 64);
    }

    /// In-flight attempts that end in any way and any order leave nothing behind.
    #[test]
    fn nothing_stays_under_way(ends in proptest::collection::vec((0..3_u8, 0..4_u8), 0..60)) {
        let guessing = Guessing::default();
        let mut under_way = Vec::new();
        for (end, who) in ends {
            let who = name(&format!("user{who}"));
            under_way.extend(guessing.attempt(Some(&who), Source::Shared, at(0)).ok().map(|attempt| (end, attempt)));
            if under_way.len() > 5 {
                let (end, attempt) = under_way.remove(0);
                finish(end, attempt);
            }
        }
        under_way.into_iter().for_each(|(end, attempt)| finish(end, attempt));
        for who in 0..4 {
            let mut memory = guessing.memory();
            let tally = *memory.accounts.of(name(&format!("user{who}")), at(0));
            prop_assert!(tally.is_idle(Rule::ACCOUNT, at(60 * 86_400)));
        }
    }
}

fn finish(end: u8, attempt: Attempt) {
    match end {
        0 => attempt.failed(),
        1 => attempt.succeeded(),
        _ => attempt.undecided(),
    }
}
