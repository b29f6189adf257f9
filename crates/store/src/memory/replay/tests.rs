use std::sync::Arc;
use std::time::Duration;

use countersign_core::replay::{AcceptClock, AcceptMark, Reading, burnt_until};

use super::*;
use crate::conformance::replay_guard::{self as sentences, ByPort, FRESHNESS, Guard, Offer, PER_KEY, TOTAL};

const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

impl Guard for MemoryReplayGuard {
    async fn offer(&self, offer: Offer<'_>, now: Timestamp) -> Result<Seen, StoreError> {
        self.remember_at(offer.keyid, offer.nonce, offer.created, now)
    }
}

fn secret() -> Secret32 {
    Secret32::new([7; 32])
}

fn guard() -> MemoryReplayGuard {
    MemoryReplayGuard::new(&secret(), FRESHNESS, Limits { per_key: PER_KEY, total: TOTAL })
}

/// The clock of a run that starts at `NOW`, with its first mark kept.
fn clock(persisted: Option<&AcceptMark>) -> (AcceptClock, AcceptMark) {
    let reading = Reading { wall: NOW, monotonic: Duration::ZERO };
    let mut clock = AcceptClock::start(persisted, false, reading, FRESHNESS);
    clock.kept(clock.mark_to_keep());
    let mark = clock.durable().unwrap().clone();
    (clock, mark)
}

fn after(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_racing_callers_one_is_first() {
    for racers in [8, 64] {
        sentences::exactly_one_of_all_racers_is_first(Arc::new(guard()), racers).await;
        sentences::exactly_one_of_all_racers_is_first(Arc::new(ByPort(guard())), racers).await;
    }
}

#[tokio::test]
async fn the_guard_keeps_the_word_of_its_port() {
    keeps_its_word(guard).await;
    keeps_its_word(|| ByPort(guard())).await;
}

async fn keeps_its_word<G: Guard>(guard: impl Fn() -> G) {
    sentences::a_nonce_belongs_to_its_key(&guard()).await;
    sentences::a_nonce_is_one_nonce_whatever_its_created(&guard()).await;
    sentences::nothing_is_forgotten_early(&guard()).await;
    sentences::a_caller_that_comes_late_with_an_old_now_is_not_first(&guard()).await;
    sentences::a_key_beyond_its_quota_waits_and_nothing_is_forgotten_for_it(&guard()).await;
    sentences::a_full_guard_refuses_and_forgets_nothing(&guard()).await;
}

#[tokio::test]
async fn after_a_crash_the_guard_vouches_for_nothing_below_the_mark() {
    let (_, mark) = clock(None);
    let (clock, _) = clock(Some(&mark));
    let low_water = after(6);
    sentences::what_lies_below_the_low_water_mark_is_unknown(&guard().behind(clock.fence().clone()), low_water).await;
}

#[test]
fn sixty_four_threads_with_one_request_make_one_acceptance() {
    let guard = guard();
    let first = std::thread::scope(|scope| {
        let racers: Vec<_> =
            (0..64).map(|_| scope.spawn(|| guard.remember_at("alice", b"nonce", NOW, NOW).unwrap())).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).filter(|seen| *seen == Seen::Never).count()
    });
    assert_eq!(first, 1);
}

#[test]
fn idle_shards_do_not_count_against_the_total_for_ever() {
    let guard = guard();
    for key in 0..TOTAL {
        guard.remember_at(&format!("key {key}"), b"nonce", NOW, NOW).unwrap();
    }
    assert_eq!(guard.remember_at("one more", b"nonce", NOW, NOW).unwrap(), Seen::Full);
    guard.move_on(after(6)).unwrap();
    assert_eq!(guard.usage().unwrap(), Usage { octets: guard.usage().unwrap().octets, ..Usage::default() });
    assert_eq!(guard.remember_at("one more", b"nonce", after(6), after(6)).unwrap(), Seen::Never);
}

#[test]
fn a_sweep_keeps_exactly_what_is_not_forgotten() {
    let guard = MemoryReplayGuard::new(&secret(), FRESHNESS, Limits::default());
    let nonces = |second: u64| (0..50_u64).map(move |number| (second * 50 + number).to_be_bytes());
    for second in 0..30 {
        for nonce in nonces(second) {
            assert_eq!(guard.remember_at("alice", &nonce, after(second), after(second)).unwrap(), Seen::Never);
        }
        for earlier in second.saturating_sub(5)..=second {
            for nonce in nonces(earlier) {
                assert_eq!(guard.remember_at("alice", &nonce, after(earlier), after(second)).unwrap(), Seen::Before);
            }
        }
        assert!(guard.usage().unwrap().nonces <= 50 * 7);
    }
    guard.move_on(after(29 + 10_000)).unwrap();
    assert_eq!(guard.usage().unwrap().nonces, 0, "also after longer than the seconds of an entry can tell");
}

#[test]
fn a_burnt_nonce_is_refused_when_its_time_comes() {
    let guard = guard();
    let created = after(3_600);
    assert_eq!(guard.burn("alice", b"nonce", burnt_until(created), 64).unwrap(), Burn::Done);
    assert_eq!(guard.burn("alice", b"nonce", burnt_until(created), 64).unwrap(), Burn::Done);
    for now in [3_595, 3_600, 3_605] {
        assert_eq!(guard.remember_at("alice", b"nonce", created, after(now)).unwrap(), Seen::Before);
    }
    assert_eq!(guard.remember_at("bob", b"nonce", created, created).unwrap(), Seen::Never);
}

#[test]
fn a_nonce_that_was_accepted_can_no_longer_be_burnt() {
    let guard = guard();
    guard.remember_at("alice", b"nonce", NOW, NOW).unwrap();
    assert_eq!(guard.burn("alice", b"nonce", burnt_until(NOW), 64).unwrap(), Burn::Accepted);
}

#[test]
fn a_key_burns_as_many_nonces_as_it_may_and_gets_them_back_when_they_are_past() {
    let guard = guard();
    for nonce in 0..64_u8 {
        assert_eq!(guard.burn("alice", &[nonce], burnt_until(after(10)), 64).unwrap(), Burn::Done);
    }
    assert_eq!(guard.burn("alice", b"one more", burnt_until(after(10)), 64).unwrap(), Burn::TooMany);
    assert_eq!(guard.burn("bob", b"one more", burnt_until(after(10)), 64).unwrap(), Burn::Done);
    guard.move_on(burnt_until(after(10))).unwrap();
    assert_eq!(guard.burn("alice", b"one more", burnt_until(after(1_000)), 64).unwrap(), Burn::Done);
}

#[test]
fn a_nonce_that_is_not_within_the_window_is_not_remembered() {
    let guard = guard();
    assert_eq!(guard.remember_at("alice", b"nonce", after(6), NOW).unwrap(), Seen::Unknown);
    assert_eq!(guard.remember_at("alice", b"nonce", NOW, after(6)).unwrap(), Seen::Unknown);
    assert_eq!(guard.usage().unwrap().nonces, 0);
}

#[test]
fn a_saved_ring_knows_everything_that_was_accepted() {
    let before = guard();
    let (_, mark) = clock(None);
    for key in 0..20 {
        before.remember_at(&format!("key {key}"), b"nonce", NOW, NOW).unwrap();
    }
    let saved = before.save(&mark).unwrap();
    let restored = guard().restore(&saved, &mark).unwrap();
    for key in 0..20 {
        let keyid = format!("key {key}");
        assert_eq!(restored.remember_at(&keyid, b"nonce", NOW, mark.mark).unwrap(), Seen::Before);
        assert_eq!(restored.remember_at(&keyid, b"another", NOW, mark.mark).unwrap(), Seen::Never);
    }
    assert_eq!(restored.usage().unwrap().nonces, 40);
}

#[test]
fn a_saved_ring_counts_against_the_quota_and_is_taken_in_whole_whatever_the_limits() {
    let before = guard();
    let (_, mark) = clock(None);
    for nonce in 0..20_u8 {
        before.remember_at("alice", &[nonce], NOW, NOW).unwrap();
    }
    let saved = before.save(&mark).unwrap();
    let narrow = MemoryReplayGuard::new(&secret(), FRESHNESS, Limits { per_key: 10, total: 10 });
    let narrow = narrow.restore(&saved, &mark).unwrap();
    assert_eq!(narrow.remember_at("alice", &[19], NOW, NOW).unwrap(), Seen::Before);
    assert_eq!(narrow.remember_at("alice", &[20], NOW, NOW).unwrap(), Seen::TooManyOfThisKey);
    assert_eq!(narrow.remember_at("bob", &[20], NOW, NOW).unwrap(), Seen::Full);
}

#[test]
fn a_guard_that_has_been_saved_accepts_nothing_more() {
    let guard = guard();
    guard.save(&clock(None).1).unwrap();
    assert!(guard.remember_at("alice", b"nonce", NOW, NOW).is_err());
    assert!(guard.burn("alice", b"nonce", NOW, 64).is_err());
    assert!(guard.save(&clock(None).1).is_err());
}

#[test]
fn a_saved_ring_fits_only_the_mark_that_it_was_saved_beside() {
    let next_run = |mark: &AcceptMark, resumed| {
        let reading = Reading { wall: NOW, monotonic: Duration::ZERO };
        AcceptClock::start(Some(mark), resumed, reading, FRESHNESS).mark_to_keep()
    };
    let mark = next_run(&clock(None).1, true);
    let saved = guard().save(&mark).unwrap();
    for next in [next_run(&mark, true), next_run(&mark, false), mark.reset(mark.mark)] {
        assert_eq!(next.mark, mark.mark, "the same moment, and yet another mark");
        assert_eq!(guard().restore(&saved, &next).unwrap_err(), Unrestorable::OfAnotherMark);
    }
}

#[test]
fn a_saved_ring_with_any_octet_changed_or_missing_is_refused() {
    let before = guard();
    let (_, mark) = clock(None);
    before.remember_at("alice", b"nonce", NOW, NOW).unwrap();
    let saved = before.save(&mark).unwrap();
    for at in 0..saved.len() {
        let mut spoilt = saved.clone();
        spoilt[at] ^= 1;
        assert_eq!(guard().restore(&spoilt, &mark).unwrap_err(), Unrestorable::Damaged, "{at}");
        assert_eq!(guard().restore(&saved[..at], &mark).unwrap_err(), Unrestorable::Damaged, "{at}");
    }
    let other = MemoryReplayGuard::new(&Secret32::new([8; 32]), FRESHNESS, Limits::default());
    assert_eq!(other.restore(&saved, &mark).unwrap_err(), Unrestorable::Damaged);
}

#[test]
fn what_a_ring_had_forgotten_is_not_vouched_for_by_the_one_restored_from_it() {
    let before = guard();
    before.remember_at("alice", b"nonce", NOW, NOW).unwrap();
    let mut clock = AcceptClock::start(None, false, Reading { wall: after(60), monotonic: Duration::ZERO }, FRESHNESS);
    clock.kept(clock.mark_to_keep());
    let mark = clock.durable().unwrap();
    let restored = guard().restore(&before.save(mark).unwrap(), mark).unwrap();
    assert_eq!(restored.remember_at("alice", b"nonce", NOW, NOW).unwrap(), Seen::Unknown);
}

#[test]
fn a_thread_that_dies_with_the_lock_leaves_errors_behind_and_no_admission() {
    let guard = guard();
    let name = guard.names.of("alice", b"nonce");
    std::thread::scope(|scope| {
        let died = scope.spawn(|| guard.within(name.shard, |_| panic!("planned"))).join();
        assert!(died.is_err());
    });
    assert!(guard.remember_at("alice", b"nonce", NOW, NOW).is_err());
    assert!(guard.save(&clock(None).1).is_err(), "half a ring is not saved");
}

#[test]
fn memory_is_below_32_octets_per_nonce_while_the_guard_fills() {
    let guard = MemoryReplayGuard::new(&secret(), FRESHNESS, Limits { per_key: u32::MAX, total: usize::MAX });
    for number in 0..30_000_u64 {
        guard.remember_at("key of the bench", &number.to_be_bytes(), NOW, NOW).unwrap();
        guard.remember_at(&format!("k{}", number % 1_000), &number.to_be_bytes(), NOW, NOW).unwrap();
        if number % 1_000 == 999 {
            let Usage { nonces, octets, .. } = guard.usage().unwrap();
            assert!(octets <= nonces * 32, "{octets} for {nonces}");
        }
    }
}
