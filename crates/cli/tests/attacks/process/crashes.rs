//! P3, once: a nonce is accepted at most once per key, whatever happens to the process in between.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_server::edge;

use crate::support::in_time;
use crate::support::process::{Place, Served};
use crate::support::signing::{Key, Sent};
use crate::support::wire::{Answer, Wire, ask};

/// What came of a request, or nothing.
async fn attempt(served: &Served, sent: &Sent) -> Answer {
    ask(served.address, &sent.octets()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_accepted_before_a_crash_is_never_accepted_after_it() {
    let place = Place::configured("window_seconds = 3");
    let served = place.serve();
    let key = served.service(&place, "alice").await;
    let sent = served.good(&key).sign(&key);
    assert_eq!(attempt(&served, &sent).await.status, 200);
    let address = served.address.to_string();
    served.kill();
    let served = place.serve_at(&address);
    let codes = in_time(codes_until_it_is_old(&served, &key, &sent)).await;
    // It is warming up at first, and in the end the request is simply old.
    assert_eq!((codes.first(), codes.last()), (Some(&"warming-up"), Some(&"clock-skew")), "{codes:?}");
}

/// What is told of a request, again and again, from the first moment to long after the window.
async fn codes_until_it_is_old(served: &Served, key: &Key, sent: &Sent) -> Vec<&'static str> {
    let mut codes = Vec::new();
    loop {
        let answer = attempt(served, sent).await;
        sent.assert_answered(&key.keys.s2c, &answer);
        assert_ne!(answer.status, 200, "{answer}");
        if codes.last() != Some(&answer.code()) {
            codes.push(answer.code());
        }
        let good = served.get(key).await;
        if good == 200 && answer.code() == "clock-skew" {
            return codes;
        }
        assert!(matches!(good, 200 | 503), "{good}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_clean_stop_the_replay_is_known_at_once_and_nobody_waits() {
    let place = Place::new();
    let served = place.serve();
    let key = served.service(&place, "alice").await;
    let sent = served.good(&key).sign(&key);
    assert_eq!(attempt(&served, &sent).await.status, 200);
    let address = served.address.to_string();
    assert!(served.stop().success());
    let served = place.serve_at(&address);
    assert_eq!(attempt(&served, &sent).await.code(), "replayed");
    assert_eq!(served.get(&key).await, 200);
    // The ring is used once: a kill after a clean stop is a crash again.
    served.kill();
    let served = place.serve_at(&address);
    assert_eq!(attempt(&served, &sent).await.code(), "warming-up");
}

/// What the clients of a guard have sent and been told, over all its lives.
#[derive(Default)]
struct History {
    /// Every request, with the statuses that came back for it.
    sent: Vec<(Sent, Vec<u16>)>,
    /// The key whose revocation has been acknowledged.
    revoked: Option<String>,
    /// Requests by that key that were good although they were sent after that.
    after_revocation: usize,
}

/// One who goes on calling, with fresh requests and old ones, through all crashes.
async fn hammer(address: SocketAddr, key: Key, history: Arc<Mutex<History>>, seed: u64) {
    let mut dice = Dice(seed);
    loop {
        let fresh = crate::support::signing::Draft::new("GET", "/v1", &address.to_string(), &key.keyid);
        let fresh = fresh.without_body().sign(&key);
        let place = {
            let mut history = history.lock().unwrap();
            let count = history.sent.len();
            // Every other one is one of the last that were sent, by whoever.
            if dice.roll(2) == 0 && count > 0 {
                count - 1 - dice.roll(count.min(200) as u64) as usize
            } else {
                history.sent.push((fresh, Vec::new()));
                count
            }
        };
        let (octets, is_revoked) = {
            let history = history.lock().unwrap();
            let (sent, _) = &history.sent[place];
            (sent.octets(), history.revoked.as_ref() == Some(&sent.keyid))
        };
        if let Some(status) = try_to_ask(address, &octets).await {
            let mut history = history.lock().unwrap();
            history.sent[place].1.push(status);
            history.after_revocation += usize::from(is_revoked && status == 200);
        } else {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The status, unless the guard is down or goes down.
async fn try_to_ask(address: SocketAddr, octets: &[u8]) -> Option<u16> {
    let stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let mut wire = Wire::of(stream).await;
    wire.send(octets).await;
    let rest = wire.first_line().await?;
    rest.get(9..12)?.parse().ok()
}

/// A small generator, so that a run can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn over_ten_kills_no_nonce_is_accepted_twice_and_no_revoked_key_at_all() {
    let seed = u64::from_be_bytes(edge::random()) | 1;
    let mut dice = Dice(seed);
    let place = Place::configured("window_seconds = 1");
    let mut served = place.serve();
    let (alice, bob) = (served.service(&place, "alice").await, served.service(&place, "bob").await);
    let address = served.address;
    let history = Arc::new(Mutex::new(History::default()));
    let hammers: Vec<_> = [&alice, &alice, &bob]
        .into_iter()
        .zip(1..)
        .map(|(key, number)| tokio::spawn(hammer(address, key.clone(), Arc::clone(&history), seed + number * 2)))
        .collect();
    for life in 0..10 {
        // Most lives end before the fence is lifted, some well after.
        let life_span = if life % 3 == 0 { 2_800 + dice.roll(600) } else { dice.roll(700) };
        tokio::time::sleep(Duration::from_millis(life_span)).await;
        if life == 4 {
            place.operate(&["key", "revoke", &bob.keyid]);
            history.lock().unwrap().revoked = Some(bob.keyid.clone());
        }
        served.kill();
        served = place.serve_at(&address.to_string());
    }
    hammers.iter().for_each(tokio::task::JoinHandle::abort);
    let history = history.lock().unwrap();
    let accepted = |statuses: &[u16]| statuses.iter().filter(|status| **status == 200).count();
    let twice: Vec<_> = history.sent.iter().filter(|(_, statuses)| accepted(statuses) > 1).collect();
    assert!(twice.is_empty(), "seed {seed}: accepted twice: {twice:?}");
    assert_eq!(history.after_revocation, 0, "seed {seed}");
    let mut seen: HashMap<u16, usize> = HashMap::new();
    for status in history.sent.iter().flat_map(|(_, statuses)| statuses) {
        *seen.entry(*status).or_default() += 1;
    }
    assert!(seen.keys().all(|status| matches!(status, 200 | 401 | 503)), "seed {seed}: {seen:?}");
    assert!([200, 401, 503].iter().all(|status| seen.contains_key(status)), "seed {seed}: {seen:?}");
}
