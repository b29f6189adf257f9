use core::net::IpAddr;

use proptest::prelude::*;

use super::*;

/// The beginning of an hour.
const START: u64 = 1_763_780_400_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1_000)
}

fn failures(rule: Rule, count: u32, now: Timestamp) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..count {
        tally.begin();
        tally.fail(rule, now);
    }
    tally
}

fn network(number: u8) -> FineNetwork {
    IpAddr::from([192, 0, 2, number]).into()
}

#[test]
fn what_is_free_costs_nothing_and_one_more_costs_twice_as_much_each_time() {
    for (rule, free, first, longest) in [
        (Rule::FINE, 20, 1, 3_600),
        (Rule::WIDE, 100, 1, 3_600),
        (Rule::PAIR, 50, 30, 900),
        (Rule::ACCOUNT, 100, 30, 900),
    ] {
        assert_eq!(failures(rule, free - 1, at(0)).wait(rule, at(0)), Duration::ZERO);
        let mut wait = first;
        for more in 0..40 {
            assert_eq!(
                failures(rule, free + more, at(0)).wait(rule, at(0)),
                Duration::from_secs(wait),
                "{rule:?} {more}"
            );
            wait = (2 * wait).min(longest);
        }
    }
}

#[test]
fn a_wait_is_over_to_the_millisecond() {
    let tally = failures(Rule::FINE, 22, at(0));
    assert_eq!(tally.wait(Rule::FINE, Timestamp::from_millis(START + 3_999)), Duration::from_millis(1));
    assert_eq!(tally.wait(Rule::FINE, at(4)), Duration::ZERO);
}

/// Row J01 of the attack corpus: consecutive ones count however slowly they come.
#[test]
fn the_101st_attempt_in_a_row_waits_however_slowly_they_came() {
    let mut tally = Tally::default();
    for number in 0..100_u64 {
        assert_eq!(tally.wait(Rule::ACCOUNT, at(number * 86_400)), Duration::ZERO, "{number}");
        tally.begin();
        tally.fail(Rule::ACCOUNT, at(number * 86_400));
    }
    assert_eq!(tally.wait(Rule::ACCOUNT, at(99 * 86_400)), Duration::from_secs(30));
    assert_eq!(tally.wait(Rule::ACCOUNT, at(99 * 86_400 + 30)), Duration::ZERO);
}

#[test]
fn a_success_ends_a_row_of_failures_and_not_an_attempt_that_is_under_way() {
    let mut tally = failures(Rule::ACCOUNT, 99, at(0));
    tally.begin();
    tally.begin();
    tally.withdraw();
    tally.forgive();
    assert_eq!(tally.failures(Rule::ACCOUNT, at(0)), 0);
    assert!(!tally.is_idle(Rule::ACCOUNT, at(0)));
    tally.fail(Rule::ACCOUNT, at(0));
    assert_eq!(tally.failures(Rule::ACCOUNT, at(0)), 1);
}

/// Whoever begins many at once has as many tries as whoever begins them one after the other.
#[test]
fn attempts_that_are_under_way_count() {
    let mut tally = Tally::default();
    let mut begun = 0;
    while tally.wait(Rule::FINE, at(0)).is_zero() && begun < 1_000 {
        tally.begin();
        begun += 1;
    }
    assert_eq!(begun, 20);
    assert_eq!(tally.wait(Rule::FINE, at(0)), Duration::from_secs(1));
    tally.withdraw();
    assert_eq!(tally.wait(Rule::FINE, at(0)), Duration::ZERO);
}

#[test]
fn beyond_what_is_free_one_attempt_is_under_way_at_a_time() {
    let mut tally = failures(Rule::PAIR, 60, at(0));
    assert_eq!(tally.wait(Rule::PAIR, at(900)), Duration::ZERO);
    tally.begin();
    assert!(!tally.wait(Rule::PAIR, at(900)).is_zero());
}

#[test]
fn after_two_hours_an_hourly_rule_has_forgotten_and_after_one_it_has_not_quite() {
    let tally = failures(Rule::FINE, 20, at(3_599));
    assert_eq!(tally.failures(Rule::FINE, at(3_600)), 20);
    assert_eq!(tally.failures(Rule::FINE, at(5_400)), 10);
    assert_eq!(tally.failures(Rule::FINE, at(7_199)), 1);
    assert!(!tally.is_idle(Rule::FINE, at(7_199)));
    assert!(tally.is_idle(Rule::FINE, at(7_200)));
}

/// Whoever could set our clock back must not get free tries by it, nor lose them for ever.
#[test]
fn a_clock_that_is_set_back_frees_nobody_and_holds_nobody_longer_than_the_longest_wait() {
    let tally = failures(Rule::FINE, 40, at(7_200));
    assert_eq!(tally.failures(Rule::FINE, at(0)), 40);
    assert_eq!(tally.wait(Rule::FINE, at(0)), Duration::from_secs(3_600));
}

#[test]
fn what_counts_least_is_forgotten_first_and_of_that_the_oldest() {
    let weight = |count, now| failures(Rule::FINE, count, now).weight(Rule::FINE, at(10));
    assert!(weight(1, at(9)) < weight(2, at(1)));
    assert!(weight(2, at(1)) < weight(2, at(9)));
}

#[test]
fn a_network_is_known_for_30_days_and_the_latest_four_are() {
    let mut known = KnownNetworks::default();
    assert_eq!(known.last(), None);
    for number in 0..5 {
        known.note(network(number), at(u64::from(number)));
    }
    assert!(!known.contains(network(0), at(5)));
    assert!((1..5).all(|number| known.contains(network(number), at(5))));
    known.note(network(1), at(6));
    known.note(network(9), at(7));
    assert!(known.contains(network(1), at(7)) && !known.contains(network(2), at(7)));
    let days = 30 * 86_400;
    assert!(known.contains(network(9), at(7 + days)));
    assert!(!known.contains(network(9), at(8 + days)));
    assert_eq!(known.last(), Some(at(7)));
}

proptest! {
    /// Somebody who tries whenever he may, for a day.
    #[test]
    fn no_pace_gets_more_than_a_few_dozen_tries_an_hour_out_of_one_address(
        paces in proptest::collection::vec(0..1_200_u64, 1..40),
    ) {
        let mut tally = Tally::default();
        let (mut now, mut tries) = (0, Vec::new());
        for pace in paces.iter().cycle() {
            if now >= 86_400 {
                break;
            }
            let wait = tally.wait(Rule::FINE, at(now));
            if wait.is_zero() {
                tally.begin();
                tally.fail(Rule::FINE, at(now));
                tries.push(now);
                now += pace;
            } else {
                now += wait.as_secs().max(1);
            }
            prop_assert!(tries.len() < 5_000);
        }
        // 20 are free, 12 doublings reach an hour; an estimate by two hours may be off by the free ones once more.
        for (place, first) in tries.iter().enumerate() {
            let within = tries.iter().skip(place).take_while(|time| **time < first + 3_600).count();
            prop_assert!(within <= 52, "{within} in an hour");
        }
    }

    #[test]
    fn nobody_ever_waits_longer_than_the_longest_wait(
        steps in proptest::collection::vec((0..3_u8, 0..100_000_u64), 0..300),
        rule in prop_oneof![Just(Rule::FINE), Just(Rule::WIDE), Just(Rule::PAIR), Just(Rule::ACCOUNT)],
    ) {
        let mut tally = Tally::default();
        for (step, now) in steps {
            match step {
                0 => tally.begin(),
                1 => tally.fail(rule, at(now)),
                _ => tally.withdraw(),
            }
            prop_assert!(tally.wait(rule, at(now)) <= Duration::from_secs(3_600));
        }
    }
}
