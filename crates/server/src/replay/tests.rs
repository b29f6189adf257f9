use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use countersign_core::event::{Event, EventKind};
use countersign_core::secret::{KeyEncryptionKey, KeyEncryptionKeys};
use countersign_core::time::Age;
use countersign_store::port::{Events, Recorded, Selection};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::*;
use crate::shared_kek::SharedKek;
use crate::worker::accept_mark::AcceptMarkKeeper;

/// What is durable: it outlives every [`ReplayState`] that is made of it.
struct Disk {
    directory: TempDir,
    mark: Mutex<Option<AcceptMark>>,
    burnt: Mutex<Vec<BurntNonce>>,
    events: Mutex<Vec<Event>>,
    broken: AtomicBool,
    /// Every write takes one permit.
    writes: Semaphore,
}

impl Disk {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            directory: TempDir::new().unwrap(),
            mark: Mutex::default(),
            burnt: Mutex::default(),
            events: Mutex::default(),
            broken: AtomicBool::new(false),
            writes: Semaphore::new(1_000_000),
        })
    }

    async fn write(&self) -> Result<(), StoreError> {
        self.writes.acquire().await.unwrap().forget();
        if self.broken.load(Ordering::Relaxed) { Err(StoreError::TimedOut) } else { Ok(()) }
    }

    fn parts(self: &Arc<Self>, limits: Limits) -> ReplayParts {
        let kek = SharedKek::new(KeyEncryptionKeys::of(KeyEncryptionKey::new(1, Secret32::new([7; 32]))));
        ReplayParts {
            freshness: Freshness::DEFAULT,
            limits,
            names: Secret32::new([8; 32]),
            saved_ring: SavedRing::new(self.directory.path().into(), kek),
            marks: Arc::clone(self) as _,
            burnt: Arc::clone(self) as _,
        }
    }

    async fn start(self: &Arc<Self>, at: u64) -> Arc<ReplayState> {
        Arc::new(ReplayState::start(self.parts(Limits::default()), reading(at)).await.unwrap())
    }

    fn alarms(&self) -> usize {
        self.events.lock().unwrap().iter().filter(|event| event.kind == EventKind::ClockAlarm).count()
    }
}

#[async_trait]
impl AcceptMarks for Disk {
    async fn load(&self) -> Result<Option<AcceptMark>, StoreError> {
        Ok(self.mark.lock().unwrap().clone())
    }

    async fn keep(&self, mark: &AcceptMark) -> Result<(), StoreError> {
        self.write().await?;
        let mut kept = self.mark.lock().unwrap();
        if kept.as_ref().is_none_or(|kept| mark.supersedes(kept)) {
            *kept = Some(mark.clone());
        }
        Ok(())
    }
}

#[async_trait]
impl BurntNonces for Disk {
    async fn burn(&self, nonce: &BurntNonce, limit: u32) -> Result<Burning, StoreError> {
        self.write().await?;
        let mut burnt = self.burnt.lock().unwrap();
        if burnt.contains(nonce) {
            return Ok(Burning::Already);
        }
        if burnt.iter().filter(|other| other.keyid == nonce.keyid).count() >= limit as usize {
            return Ok(Burning::TooMany);
        }
        burnt.push(nonce.clone());
        Ok(Burning::Burnt)
    }

    async fn all(&self) -> Result<Vec<BurntNonce>, StoreError> {
        Ok(self.burnt.lock().unwrap().clone())
    }

    async fn forget(&self, now: Timestamp) -> Result<(), StoreError> {
        self.burnt.lock().unwrap().retain(|nonce| nonce.keep_until >= now);
        Ok(())
    }
}

#[async_trait]
impl Events for Disk {
    async fn record(&self, event: &Event) -> Result<(), StoreError> {
        self.events.lock().unwrap().push(event.clone());
        Ok(())
    }

    async fn select(&self, _: &Selection) -> Result<Vec<Recorded>, StoreError> {
        Ok(Vec::new())
    }

    fn last(&self) -> tokio::sync::watch::Receiver<u64> {
        tokio::sync::watch::Sender::default().subscribe()
    }
}

/// Milliseconds after a whole second.
fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_763_780_000_000 + millis)
}

fn reading(millis: u64) -> Reading {
    Reading { wall: at(millis), monotonic: Duration::from_millis(500_000 + millis) }
}

impl ReplayState {
    /// What the server does with a request whose MAC is right, in the server's order.
    async fn judge(&self, keyid: &str, nonce: &[u8], created: Timestamp, reading: Reading) -> Result<(), Refusal> {
        let now = self.now(reading)?;
        match Freshness::DEFAULT.judge(created, now) {
            Age::Stale => Err(Refusal::Stale),
            Age::Future => Err(self.burn_nonce(keyid, nonce, created).await.unwrap_or(Refusal::Unavailable)),
            Age::Fresh => first(self.guard.remember_at(keyid, nonce, created, now).unwrap()),
        }
    }

    async fn alice(&self, nonce: &[u8], created: u64, now: u64) -> Result<(), Refusal> {
        self.judge("alice", nonce, at(created), reading(now)).await
    }
}

#[tokio::test]
async fn b01_a_valid_request_sent_twice_runs_once() {
    let guard = Disk::new().start(0).await;
    assert_eq!(guard.alice(b"nonce", 0, 10).await, Ok(()));
    assert_eq!(guard.alice(b"nonce", 0, 11).await, Err(Refusal::Replayed));
}

#[tokio::test]
async fn b03_after_kill_9_within_the_window_nothing_runs_twice_and_the_wait_is_at_most_w_and_two_seconds() {
    let disk = Disk::new();
    let guard = disk.start(0).await;
    assert_eq!(guard.alice(b"nonce", 0, 900).await, Ok(()));
    drop(guard);
    let guard = disk.start(1_500).await;
    let now = guard.now(reading(1_500)).unwrap();
    assert_eq!(guard.alice(b"nonce", 0, 1_500).await, Err(Refusal::WarmingUp));
    assert_eq!(guard.alice(b"another", 1_000, 1_500).await, Err(Refusal::WarmingUp));
    let wait = guard.retry_after(now);
    assert!(wait <= Duration::from_secs(7), "{wait:?}");
    let later = 1_500 + u64::try_from(wait.as_millis()).unwrap();
    guard.keep_mark(reading(later)).await.unwrap();
    assert_eq!(guard.alice(b"another", later / 1_000 * 1_000, later).await, Ok(()));
    assert_eq!(guard.alice(b"nonce", 0, later).await, Err(Refusal::Stale));
}

#[tokio::test]
async fn b05_the_edges_of_the_window_are_inside_and_a_millisecond_beyond_is_not() {
    let guard = Disk::new().start(10_000).await;
    assert_eq!(guard.alice(b"1", 5_000, 10_000).await, Ok(()));
    assert_eq!(guard.alice(b"2", 15_000, 10_000).await, Ok(()));
    assert_eq!(guard.alice(b"3", 15_001, 10_000).await, Err(Refusal::FutureDated));
    assert_eq!(guard.alice(b"4", 5_000, 10_001).await, Err(Refusal::Stale));
}

#[tokio::test]
async fn b15_the_same_nonce_of_two_keys_runs_for_both() {
    let guard = Disk::new().start(0).await;
    for keyid in ["alice", "bob"] {
        assert_eq!(guard.judge(keyid, b"nonce", at(0), reading(0)).await, Ok(()));
    }
}

#[tokio::test]
async fn b16_a_flood_of_valid_nonces_is_throttled_and_pushes_nobody_out() {
    let disk = Disk::new();
    let limits = Limits { per_key: 1_000, total: 4_000 };
    let guard = ReplayState::start(disk.parts(limits), reading(0)).await.unwrap();
    assert_eq!(guard.judge("bob", b"nonce", at(0), reading(0)).await, Ok(()));
    let mut throttled = 0;
    for nonce in 0..50_000_u32 {
        match guard.alice(&nonce.to_be_bytes(), 0, 0).await {
            Ok(()) => assert!(nonce < 1_000),
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Throttled);
                throttled += 1;
            }
        }
    }
    assert_eq!(throttled, 49_000);
    assert_eq!(guard.judge("bob", b"nonce", at(0), reading(0)).await, Err(Refusal::Replayed));
    assert_eq!(guard.judge("bob", b"another", at(0), reading(0)).await, Ok(()));
    for nonce in 0..1_000_u32 {
        assert_eq!(guard.alice(&nonce.to_be_bytes(), 0, 0).await, Err(Refusal::Replayed));
    }
}

#[tokio::test]
async fn after_a_clean_stop_the_guard_knows_everything_and_nobody_waits() {
    let disk = Disk::new();
    let guard = disk.start(0).await;
    assert_eq!(guard.alice(b"nonce", 0, 500).await, Ok(()));
    guard.stop([1; 12]).await.unwrap();
    let guard = disk.start(600).await;
    assert_eq!(guard.alice(b"nonce", 0, 600).await, Err(Refusal::Replayed));
    assert_eq!(guard.alice(b"another", 0, 600).await, Ok(()));
    assert_eq!(std::fs::read_dir(disk.directory.path()).unwrap().count(), 0, "the ring is gone before anybody listens");
}

#[tokio::test]
async fn a_crash_after_a_clean_stop_does_not_bring_the_saved_ring_back() {
    let disk = Disk::new();
    let guard = disk.start(0).await;
    guard.stop([1; 12]).await.unwrap();
    let ring = disk.directory.path().join("replay.ring");
    let copy = std::fs::read(&ring).unwrap();
    let guard = disk.start(100).await;
    assert_eq!(guard.alice(b"nonce", 0, 100).await, Ok(()));
    drop(guard);
    std::fs::write(&ring, copy).unwrap();
    let guard = disk.start(200).await;
    assert_eq!(guard.alice(b"nonce", 0, 200).await, Err(Refusal::WarmingUp), "not even a copy laid back by hand");
}

#[tokio::test]
async fn a_stopped_guard_judges_nothing() {
    let guard = Disk::new().start(0).await;
    let now = guard.now(reading(0)).unwrap();
    guard.stop([1; 12]).await.unwrap();
    assert_eq!(guard.now(reading(1)), Err(Refusal::Unavailable));
    assert!(guard.guard.remember_at("alice", b"nonce", at(0), now).is_err(), "a request under way is not let through");
    assert_eq!(guard.keep_mark(reading(1)).await.unwrap(), Judgement::BeyondMark);
}

#[tokio::test]
async fn nobody_listens_before_the_first_mark_is_durable() {
    let disk = Disk::new();
    disk.broken.store(true, Ordering::Relaxed);
    assert!(ReplayState::start(disk.parts(Limits::default()), reading(0)).await.is_err());
}

#[tokio::test]
async fn while_the_store_does_not_keep_the_mark_the_clock_passes_it_and_requests_are_refused() {
    let disk = Disk::new();
    let guard = disk.start(0).await;
    disk.broken.store(true, Ordering::Relaxed);
    assert!(guard.keep_mark(reading(900)).await.is_err());
    assert_eq!(guard.alice(b"1", 0, 1_000).await, Ok(()));
    assert_eq!(guard.alice(b"2", 0, 1_001).await, Err(Refusal::Unavailable));
    disk.broken.store(false, Ordering::Relaxed);
    guard.keep_mark(reading(1_100)).await.unwrap();
    assert_eq!(guard.alice(b"2", 0, 1_101).await, Ok(()));
}

#[tokio::test]
async fn a_stop_waits_for_the_mark_that_is_on_its_way_so_that_the_ring_bears_the_newest() {
    let disk = Disk::new();
    let guard = disk.start(0).await;
    disk.writes.forget_permits(1_000_000);
    let keeper = tokio::spawn({
        let guard = Arc::clone(&guard);
        async move { guard.keep_mark(reading(900)).await }
    });
    tokio::task::yield_now().await;
    let stopping = tokio::spawn({
        let guard = Arc::clone(&guard);
        async move { guard.stop([1; 12]).await }
    });
    tokio::task::yield_now().await;
    assert!(!stopping.is_finished());
    disk.writes.add_permits(1_000);
    keeper.await.unwrap().unwrap();
    stopping.await.unwrap().unwrap();
    let guard = disk.start(1_000).await;
    assert_eq!(guard.alice(b"nonce", 0, 1_000).await, Ok(()), "resumed");
}

#[tokio::test]
async fn a_future_dated_request_never_runs_not_even_after_a_crash() {
    let disk = Disk::new();
    let guard = disk.start(0).await;
    assert_eq!(guard.alice(b"nonce", 60_000, 0).await, Err(Refusal::FutureDated));
    assert_eq!(guard.alice(b"nonce", 60_000, 1).await, Err(Refusal::FutureDated), "the same answer each time");
    drop(guard);
    let guard = disk.start(55_000).await;
    for now in [55_000, 56_000] {
        assert_eq!(guard.alice(b"nonce", 60_000, now).await, Err(Refusal::Replayed));
    }
    assert_eq!(guard.alice(b"another", 60_000, 55_000).await, Ok(()));
}

#[tokio::test]
async fn a_future_dated_request_is_not_told_that_it_never_runs_before_that_is_durable() {
    let disk = Disk::new();
    let guard = disk.start(0).await;
    disk.broken.store(true, Ordering::Relaxed);
    assert!(guard.burn_nonce("alice", b"nonce", at(6_000)).await.is_err());
    disk.broken.store(false, Ordering::Relaxed);
    guard.keep_mark(reading(1_000)).await.unwrap();
    assert_eq!(guard.alice(b"nonce", 6_000, 1_000).await, Err(Refusal::Replayed), "doubt refuses");
}

#[tokio::test]
async fn a_request_whose_time_comes_while_it_is_being_burnt_does_not_run() {
    let disk = Disk::new();
    let guard = disk.start(0).await;
    disk.writes.forget_permits(1_000_000);
    let burning = tokio::spawn({
        let guard = Arc::clone(&guard);
        async move { guard.alice(b"nonce", 5_500, 0).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(guard.alice(b"nonce", 5_500, 600).await, Err(Refusal::Replayed));
    disk.writes.add_permits(1);
    assert_eq!(burning.await.unwrap(), Err(Refusal::FutureDated));
}

#[tokio::test]
async fn the_65th_future_dated_request_of_a_key_is_throttled_and_not_promised_anything() {
    let disk = Disk::new();
    let guard = disk.start(0).await;
    for nonce in 0..64_u8 {
        assert_eq!(guard.alice(&[nonce], 60_000, 0).await, Err(Refusal::FutureDated));
    }
    assert_eq!(guard.alice(&[64], 60_000, 0).await, Err(Refusal::Throttled));
    drop(guard);
    let guard = disk.start(10_000).await;
    assert_eq!(guard.alice(&[64], 60_000, 10_000).await, Err(Refusal::Throttled), "after a restart too");
    let later = Timestamp::from_millis(burnt_until(at(60_000)).as_millis() + 1);
    guard.forget(later, true).await.unwrap();
    assert_eq!(guard.alice(&[65], 60_000, 10_000).await, Err(Refusal::FutureDated));
}

#[tokio::test]
async fn a_clock_that_falls_back_closes_the_guard_and_raises_one_alarm() {
    let disk = Disk::new();
    let guard = disk.start(10_000).await;
    let mut keeper = AcceptMarkKeeper::new(Arc::clone(&guard), Arc::clone(&disk) as _);
    keeper.tick(reading(10_000)).await;
    assert_eq!(disk.alarms(), 0);
    for _ in 0..3 {
        keeper.tick(reading(1_000)).await;
        assert_eq!(guard.alice(b"nonce", 1_000, 1_000).await, Err(Refusal::Unavailable));
    }
    assert_eq!(disk.alarms(), 1);
    keeper.tick(reading(10_500)).await;
    assert_eq!(guard.alice(b"nonce", 10_000, 10_500).await, Ok(()));
    keeper.tick(reading(1_000)).await;
    assert_eq!(disk.alarms(), 2);
}

#[tokio::test]
async fn the_keeper_keeps_the_mark_ahead_until_it_is_stopped() {
    let disk = Disk::new();
    let guard = disk.start(0).await;
    let first = disk.mark.lock().unwrap().clone().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let keeper = AcceptMarkKeeper::new(guard, Arc::clone(&disk) as _);
    let reads = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let read = {
        let (reads, stop) = (Arc::clone(&reads), stop.clone());
        move || {
            stop.cancel();
            reading(700 + reads.fetch_add(1, Ordering::Relaxed))
        }
    };
    keeper.run(read, stop).await;
    let last = disk.mark.lock().unwrap().clone().unwrap();
    assert_eq!((first.mark, last.mark), (at(1_000), at(1_700)));
    assert_eq!(reads.load(Ordering::Relaxed), 1);
}
