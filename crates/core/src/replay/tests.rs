use core::time::Duration;

use super::*;
use crate::time::{Age, Freshness, Timestamp};

const W: Freshness = Freshness::DEFAULT;
/// A moment with a whole second, in milliseconds.
const T: u64 = 1_763_780_000_000;

fn at(offset: i64) -> Timestamp {
    Timestamp::from_millis(T.saturating_add_signed(offset))
}

/// Both clocks `offset` milliseconds after the start.
fn reading(offset: i64) -> Reading {
    torn(offset, offset)
}

/// The wall clock at one offset and the monotonic clock at another.
fn torn(wall: i64, monotonic: i64) -> Reading {
    Reading { wall: at(wall), monotonic: Duration::from_millis(1_000_000_u64.saturating_add_signed(monotonic)) }
}

fn keep(clock: &mut AcceptClock) -> AcceptMark {
    let mark = clock.mark_to_keep();
    clock.kept(mark.clone());
    mark
}

/// A clock that started at the reading and has kept its first mark.
fn started(persisted: Option<&AcceptMark>, resumed: bool, reading: Reading) -> AcceptClock {
    let mut clock = AcceptClock::start(persisted, resumed, reading, W);
    keep(&mut clock);
    clock
}

/// The mark of a run that judged its last request at `offset`.
fn mark_after(offset: i64) -> AcceptMark {
    let mut clock = started(None, false, reading(offset));
    assert_eq!(clock.observe(reading(offset)), Judgement::Now(at(offset)));
    keep(&mut clock)
}

#[test]
fn a_nonce_is_kept_for_a_second_longer_than_its_request_is_fresh_wherever_in_the_window_it_came() {
    for received in [-5_000, 0, 5_000] {
        let created = at(0);
        assert_eq!(W.judge(created, at(received)), Age::Fresh);
        let last_fresh = at(5_000);
        assert_eq!(kept_until(created, W), last_fresh.saturating_add(Duration::from_secs(1)));
    }
    assert_eq!(forgotten_at(kept_until(at(0), W), W), at(0));
}

#[test]
fn a_burnt_nonce_outlives_the_widest_window_that_can_be_configured() {
    let widest = Freshness::from_window(LONGEST_WINDOW);
    assert_eq!(widest.judge(at(0), burnt_until(at(0))), Age::Stale);
}

#[test]
fn the_accept_clock_stands_still_while_the_wall_clock_is_behind_it() {
    let mut clock = started(None, false, reading(0));
    assert_eq!(clock.observe(torn(0, 0)), Judgement::Now(at(0)));
    assert_eq!(clock.observe(torn(-4_000, 100)), Judgement::Now(at(0)));
    assert_eq!(clock.observe(torn(-5_000, 200)), Judgement::Now(at(0)), "W behind is still believed");
    assert_eq!(clock.observe(torn(-5_001, 300)), Judgement::Behind);
    assert_eq!(clock.observe(torn(500, 600)), Judgement::Now(at(500)));
}

#[test]
fn no_request_is_judged_before_the_first_mark_is_durable_nor_beyond_the_last() {
    let mut clock = AcceptClock::start(None, false, reading(0), W);
    assert_eq!(clock.observe(reading(0)), Judgement::BeyondMark);
    let mark = keep(&mut clock);
    assert_eq!(mark.mark, at(1_000));
    assert_eq!(clock.observe(reading(1_000)), Judgement::Now(at(1_000)));
    assert_eq!(clock.observe(reading(1_001)), Judgement::BeyondMark);
    keep(&mut clock);
    assert_eq!(clock.observe(reading(1_002)), Judgement::Now(at(1_002)));
}

#[test]
fn a_mark_that_is_confirmed_late_does_not_take_back_a_later_one() {
    let mut clock = started(None, false, reading(0));
    let early = clock.mark_to_keep();
    clock.observe(reading(900));
    let late = keep(&mut clock);
    clock.kept(early.clone());
    assert_eq!(clock.observe(reading(1_900)), Judgement::Now(at(1_900)));
    assert!(late.supersedes(&early) && !early.supersedes(&late));
}

#[test]
fn a_jump_forward_is_not_followed_and_leaves_no_trace_when_it_is_taken_back() {
    let mut clock = started(None, false, reading(0));
    assert_eq!(clock.observe(reading(0)), Judgement::Now(at(0)));
    let hour = 3_600_000;
    for passed in 1..60 {
        assert_eq!(clock.observe(torn(hour + passed * 1_000, passed * 1_000)), Judgement::Jumped);
    }
    assert!(clock.mark_to_keep().mark <= at(1_000));
    assert_eq!(clock.observe(reading(60_000)), Judgement::BeyondMark);
    keep(&mut clock);
    assert_eq!(clock.observe(reading(60_001)), Judgement::Now(at(60_001)));
}

#[test]
fn two_seconds_may_be_a_correction_and_more_is_a_jump() {
    for (step, followed) in [(2_000, true), (2_001, false)] {
        let mut clock = started(None, false, reading(0));
        clock.observe(reading(0));
        let judged = clock.observe(torn(step, 0));
        assert_eq!(judged != Judgement::Jumped, followed, "{step}");
    }
}

#[test]
fn many_small_jumps_are_a_jump() {
    let mut clock = started(None, false, reading(0));
    clock.observe(reading(0));
    let jumped = (1..=10).any(|step| clock.observe(torn(step * 1_900, step * 1_000)) == Judgement::Jumped);
    assert!(jumped);
}

#[test]
fn a_jump_that_stays_is_followed_after_ten_times_its_size() {
    let mut clock = started(None, false, reading(0));
    clock.observe(reading(0));
    let judge = |clock: &mut AcceptClock, passed: i64| clock.observe(torn(5_000 + passed * 1_000, passed * 1_000));
    assert!((1..30).all(|passed| judge(&mut clock, passed) == Judgement::Jumped));
    assert_eq!(judge(&mut clock, 31), Judgement::BeyondMark);
}

#[test]
fn ten_thousand_readings_a_second_do_not_make_the_clock_seem_to_jump() {
    let mut clock = started(None, false, reading(0));
    for tick in 0..100_000_u64 {
        let passed = Duration::from_micros(tick * 100);
        let reading = Reading { wall: at(0).saturating_add(passed), monotonic: passed };
        assert_ne!(clock.observe(reading), Judgement::Jumped, "{tick}");
    }
}

#[test]
fn a_clock_that_is_put_right_before_anything_was_accepted_has_not_jumped() {
    let persisted = mark_after(0);
    let mut clock = started(Some(&persisted), false, torn(-1_000_000_000, 0));
    assert_eq!(clock.observe(torn(-1_000_000_000, 0)), Judgement::Behind);
    assert_eq!(clock.observe(torn(600_000, 100)), Judgement::BeyondMark);
}

#[test]
fn after_a_crash_nothing_that_may_have_been_accepted_is_accepted_and_the_wait_is_at_most_w_and_two_seconds() {
    for crashed in [0, 1, 500, 999] {
        let persisted = mark_after(crashed);
        let restarted = reading(crashed + 1);
        let mut clock = started(Some(&persisted), false, restarted);
        let Judgement::Now(now) = clock.observe(restarted) else { panic!("refused") };
        assert!(now >= persisted.mark, "the clock does not go back");
        let last = persisted.mark.saturating_add(W.window());
        assert!(clock.fence().refuses(last));
        assert!(!clock.fence().refuses(last.saturating_add(Duration::from_millis(1))));
        let wait = clock.fence().retry_after(restarted.wall);
        assert!(wait <= W.window() + Duration::from_secs(2), "{wait:?}");
        let then = Timestamp::from_secs(restarted.wall.saturating_add(wait).as_secs());
        assert!(!clock.fence().refuses(then), "who waits as told is not refused again");
    }
}

#[test]
fn after_a_longer_downtime_nobody_waits() {
    let persisted = mark_after(0);
    let clock = started(Some(&persisted), false, reading(7_000));
    assert!(!clock.fence().refuses(at(7_000)));
    assert_eq!(clock.fence().retry_after(at(7_000)), Duration::from_secs(1));
}

#[test]
fn after_a_clean_stop_nobody_waits_but_what_an_earlier_crash_lost_stays_refused() {
    let persisted = mark_after(0);
    let mut crashed = started(Some(&persisted), false, reading(100));
    let stopped = keep(&mut crashed);
    let clock = started(Some(&stopped), true, reading(200));
    assert!(clock.fence().refuses(at(6_000)));
    assert!(!clock.fence().refuses(at(6_001)));
}

#[test]
fn a_crash_loop_does_not_push_the_clock_into_the_future() {
    let mut persisted = mark_after(0);
    for restart in 1..1_000 {
        let mut clock = started(Some(&persisted), false, reading(restart));
        assert!(matches!(clock.observe(reading(restart)), Judgement::Now(_)));
        persisted = keep(&mut clock);
    }
    assert!(persisted.mark <= at(2_000));
}

#[test]
fn raising_the_window_refuses_what_the_narrower_one_may_have_forgotten() {
    let persisted = mark_after(0);
    let wide = Freshness::from_window(Duration::from_secs(30));
    let clock = AcceptClock::start(Some(&persisted), true, reading(10_000), wide);
    assert!(clock.fence().refuses(at(10_000)));
    assert!(!clock.fence().refuses(at(10_001)));
}

#[test]
fn lowering_the_window_does_not_forget_how_far_the_wider_one_reached() {
    let wide = Freshness::from_window(Duration::from_secs(30));
    let mut before = AcceptClock::start(None, false, reading(0), wide);
    let persisted = keep(&mut before);
    let mut narrow = AcceptClock::start(Some(&persisted), true, reading(100), W);
    let persisted = keep(&mut narrow);
    assert!(!narrow.fence().refuses(at(31_000)), "all nonces are at hand");
    let crashed = AcceptClock::start(Some(&persisted), false, reading(200), W);
    assert!(crashed.fence().refuses(at(31_000)));
}

/// A guard that ran at `T`, crashed, and came up again a minute and a half later with its clock an hour ahead for 10 s.
fn wrong_by_an_hour() -> AcceptMark {
    let right = mark_after(0);
    let mut wrong = started(Some(&right), false, torn(3_690_000, 90_000));
    assert_eq!(wrong.observe(torn(3_690_000, 90_000)), Judgement::Now(at(3_690_000)));
    wrong.observe(torn(3_700_000, 100_000));
    keep(&mut wrong)
}

#[test]
fn a_clock_that_was_wrong_closes_the_guard_until_it_is_reset() {
    let persisted = wrong_by_an_hour();
    let mut clock = started(Some(&persisted), false, reading(100_000));
    assert_eq!(clock.observe(reading(100_000)), Judgement::Behind);
    let reset = persisted.reset(at(100_000));
    let mut clock = started(Some(&reset), false, reading(100_100));
    assert_eq!(clock.observe(reading(100_100)), Judgement::Now(at(100_100)));
    assert!(clock.fence().retry_after(at(100_100)) <= W.window() + Duration::from_secs(2));
}

#[test]
fn a_reset_keeps_refusing_what_was_accepted_before_it_whether_by_the_right_clock_or_the_wrong_one() {
    let reset = wrong_by_an_hour().reset(at(100_000));
    let mut clock = started(Some(&reset), false, reading(100_100));
    let refused = |clock: &AcceptClock, offset| clock.fence().refuses(at(offset));
    assert!(refused(&clock, 0) && refused(&clock, 100_000), "forgotten when the clock ran ahead");
    assert!(!refused(&clock, 200_000) && !refused(&clock, 3_684_999));
    assert!(refused(&clock, 3_685_000) && refused(&clock, 3_706_000), "accepted by the wrong clock, edges included");
    assert!(!refused(&clock, 3_706_001));
    let stopped = keep(&mut clock);
    for resumed in [true, false] {
        let next = started(Some(&stopped), resumed, reading(200_000));
        assert!(refused(&next, 3_690_000), "after another restart too (resumed: {resumed})");
    }
    let wait = clock.fence().retry_after(at(3_685_000));
    assert!(!clock.fence().refuses(at(3_685_000).saturating_add(wait)));
}

#[test]
fn a_reset_into_the_middle_of_a_run_waits_until_that_run_is_past() {
    let reset = wrong_by_an_hour().reset(at(3_695_000));
    assert_eq!(reset.low_water(), at(3_706_000));
}

#[test]
fn spans_of_old_runs_are_bounded_and_never_get_smaller() {
    let mut persisted = mark_after(0);
    for run in 1..=20 {
        persisted = keep(&mut started(Some(&persisted), false, reading(run * 100_000)));
    }
    assert!(persisted.to_octets().len() < 256);
    let reset = persisted.reset(at(-100_000));
    let clock = started(Some(&reset), false, reading(-100_000));
    assert!((0..=20).all(|run| clock.fence().refuses(at(run * 100_000))));
}

#[test]
fn a_mark_reads_back_and_nothing_else_does() {
    let mark = wrong_by_an_hour().reset(at(100_000));
    let octets = mark.to_octets();
    assert_eq!(AcceptMark::from_octets(&octets), Some(mark));
    assert!((0..octets.len()).all(|length| AcceptMark::from_octets(&octets[..length]).is_none()));
    assert_eq!(AcceptMark::from_octets(&[&octets[..], &[0]].concat()), None);
    assert_eq!(AcceptMark::from_octets(&[&[2], &octets[1..]].concat()), None);
}
