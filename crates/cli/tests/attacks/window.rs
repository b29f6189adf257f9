//! Once, and in time: the window to the millisecond, nonces that were used, and floods of them.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use countersign_core::replay::Reading;
use countersign_core::signature::{Field, PathForm, Received, RequestHead};
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Refusal, Verdict};
use countersign_server::edge;
use countersign_server::serve::Server;
use countersign_server::service::claim::Claim;
use countersign_server::service::verify_request::verify_request;

use crate::support::guard::{Running, configuration};
use crate::support::in_time;
use crate::support::signing::{Draft, Key, Sent, fresh_nonce, now_secs};
use crate::support::wire::{Wire, ask, fields};

/// What the guard decides of a request when its clocks show this. Its mark is kept up by hand.
async fn verdict(server: &Server, sent: &Sent, reading: Reading) -> Verdict {
    let app = server.app();
    app.replay.keep_mark(reading).await.unwrap();
    let head = fields(sent.head.as_bytes());
    let lines: Vec<_> = head.iter().map(|(name, value)| Field { name, value }).collect();
    let request = RequestHead { method: "GET", authority: "a", path: "/", query: None, fields: &lines };
    let received = Received::read(&request, PathForm::Canonical).unwrap();
    let claim = Claim::of(app, received.keyid(), reading.wall).unwrap();
    verify_request(app, &claim, &received, IpAddr::V4(Ipv4Addr::LOCALHOST), reading).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_edges_of_the_window_are_inside_to_the_millisecond() {
    let earlier = Running::start("authorities = [\"a\"]").await;
    let key = earlier.service("alice").await;
    let directory = earlier.stopped().await;
    let server = Server::start(configuration(directory.path(), "authorities = [\"a\"]")).await.unwrap();
    // From now on time is what the test says. It begins at a whole second, beyond the mark of the earlier run: that far
    // the accept clock may have run already.
    let start = edge::now();
    let ahead = Duration::from_millis(3_000 - start.wall.as_millis() % 1_000);
    let whole = start.wall.saturating_add(ahead);
    let at = |offset: i64| {
        let millis = Duration::from_millis(whole.as_millis().saturating_add_signed(offset) - start.wall.as_millis());
        Reading { wall: start.wall.saturating_add(millis), monotonic: start.monotonic + millis }
    };
    let created = |offset: i64| {
        let created = Timestamp::from_millis(whole.as_millis().saturating_add_signed(offset)).as_secs();
        let draft = Draft { created: created.to_string(), ..Draft::new("GET", "/", "a", &key.keyid) };
        draft.without_body().sign(&key)
    };
    let refused = |verdict: Verdict| match verdict {
        Verdict::Admit(_) => None,
        Verdict::Refuse(refusal) => Some(refusal),
    };
    // Time only goes on, so the rows are in order.
    assert_eq!(refused(verdict(&server, &created(-5_000), at(0)).await), None, "exactly W old");
    assert_eq!(refused(verdict(&server, &created(5_000), at(0)).await), None, "exactly W ahead");
    assert_eq!(verdict(&server, &created(-5_000), at(1)).await, Verdict::Refuse(Refusal::Stale));
    let ahead = created(6_000);
    assert_eq!(verdict(&server, &ahead, at(999)).await, Verdict::Refuse(Refusal::FutureDated));
    assert_eq!(refused(verdict(&server, &created(6_000), at(1_000)).await), None, "another nonce");
    assert_eq!(verdict(&server, &ahead, at(1_001)).await, Verdict::Refuse(Refusal::Replayed), "it was burnt");
    assert_eq!(verdict(&server, &ahead, at(11_000)).await, Verdict::Refuse(Refusal::Replayed), "to its last moment");
    assert_eq!(verdict(&server, &ahead, at(11_001)).await, Verdict::Refuse(Refusal::Stale));
    let used = created(11_000);
    assert_eq!(refused(verdict(&server, &used, at(11_001)).await), None);
    assert_eq!(verdict(&server, &used, at(16_000)).await, Verdict::Refuse(Refusal::Replayed), "to its last moment");
    assert_eq!(verdict(&server, &used, at(16_001)).await, Verdict::Refuse(Refusal::Stale));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_nonce_is_used_for_every_request_and_time() {
    let guard = Running::start("").await;
    let key = guard.service("alice").await;
    let first = guard.draft("GET", "/a", &key).without_body();
    guard.ask(&first.sign(&key), &key).await;
    let others = [
        Draft { target: "/b".to_owned(), ..first.clone() },
        Draft { method: "DELETE".to_owned(), ..first.clone() },
        Draft { created: (now_secs() + 2).to_string(), ..first.clone() },
        Draft { created: (now_secs() - 2).to_string(), ..first.clone() },
        Draft { expires: Some(now_secs().to_string()), created: (now_secs() - 1).to_string(), ..first.clone() },
        Draft { alg: None, ..first.clone() },
        first.clone().with("X-Other", "1"),
    ];
    for other in others {
        let answer = guard.ask(&other.sign(&key), &key).await;
        // One that gives itself until now can be late, which is a refusal, too.
        let late = other.expires.is_some() && answer.code() == "clock-skew";
        assert!(answer.code() == "replayed" || late, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_bring_one_nonce_at_once_exactly_one_is_served() {
    let guard = Running::start("").await;
    let key = guard.service("alice").await;
    let sent = guard.draft("GET", "/", &key).without_body().sign(&key);
    let mut wires = Vec::new();
    for _ in 0..32 {
        let mut wire = Wire::connect(guard.address).await;
        let octets = sent.octets();
        // All but the last octet, so that all are complete at the same time.
        wire.send(&octets[..octets.len() - 1]).await;
        wires.push(wire);
    }
    let racing = wires.into_iter().map(|mut wire| async move {
        wire.send(b"\n").await;
        wire.answer().await.unwrap()
    });
    let answers = futures_util::future::join_all(racing.map(tokio::spawn)).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.code(), "replayed");
        sent.assert_answered(&key.keys.s2c, answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_key_is_throttled_and_makes_nothing_forgotten() {
    let guard = Running::start("window_seconds = 300\n[replay]\nper_key = 50\ntotal = 80").await;
    let (alice, bob) = (guard.service("alice").await, guard.service("bob").await);
    let of_bob = guard.draft("GET", "/", &bob).without_body().sign(&bob);
    assert_eq!(guard.ask(&of_bob, &bob).await.status, 200);
    let first = guard.draft("GET", "/", &alice).without_body().sign(&alice);
    assert_eq!(guard.ask(&first, &alice).await.status, 200);
    let mut codes = Vec::new();
    for _ in 0..60 {
        let answer = guard.get("/", &alice).await;
        codes.push(if answer.status == 200 { "served" } else { answer.code() });
    }
    let served = codes.iter().take_while(|code| **code == "served").count();
    // Two of the fifty are the confirmation and the first.
    assert_eq!(served, 48, "{codes:?}");
    assert!(codes[served..].iter().all(|code| *code == "throttled"), "{codes:?}");
    for (sent, key) in [(&first, &alice), (&of_bob, &bob)] {
        assert_eq!(guard.ask(sent, key).await.code(), "replayed", "nothing is forgotten for a flood");
    }
    assert_eq!(guard.get("/", &bob).await.status, 200, "nobody else suffers");
    // Then the guard as a whole is full, and refuses everybody rather than forget anything.
    let mut bobs = Vec::new();
    for _ in 0..40 {
        let answer = guard.get("/", &bob).await;
        bobs.push(if answer.status == 200 { "served" } else { answer.code() });
    }
    assert_eq!(bobs.last(), Some(&"unavailable"), "{bobs:?}");
    assert_eq!(guard.ask(&of_bob, &bob).await.code(), "replayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_a_number_of_burnt_nonces_and_then_must_be_replaced() {
    let guard = Running::start("").await;
    let (alice, bob) = (guard.service("alice").await, guard.service("bob").await);
    let ahead = |key: &Key| Draft {
        created: (now_secs() + 3_000).to_string(),
        nonce: fresh_nonce(),
        ..guard.draft("GET", "/", key)
    };
    for count in 0..66 {
        let answer = guard.ask(&ahead(&alice).without_body().sign(&alice), &alice).await;
        assert_eq!(answer.code(), if count < 64 { "clock-skew" } else { "throttled" }, "{count}");
    }
    assert_eq!(guard.ask(&ahead(&bob).without_body().sign(&bob), &bob).await.code(), "clock-skew");
    assert_eq!(guard.get("/", &alice).await.status, 200, "what is from now is none of these");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_clean_stop_what_was_seen_is_known_and_what_was_burnt_stays_burnt() {
    let guard = Running::start("authorities = [\"a\"]").await;
    let key = guard.service("alice").await;
    let seen = Draft { host: "a".to_owned(), authority: "a".to_owned(), ..guard.draft("GET", "/", &key) };
    let seen = seen.without_body().sign(&key);
    let ahead = Draft { created: (now_secs() + 8).to_string(), ..guard.draft("GET", "/", &key) };
    let ahead = Draft { host: "a".to_owned(), authority: "a".to_owned(), ..ahead }.without_body().sign(&key);
    assert_eq!(guard.ask(&seen, &key).await.status, 200);
    assert_eq!(guard.ask(&ahead, &key).await.code(), "clock-skew");
    let guard = Running::start_in(guard.stopped().await, "authorities = [\"a\"]").await;
    assert_eq!(ask(guard.address, &seen.octets()).await.code(), "replayed", "at once");
    assert_eq!(guard.get("/", &key).await.status, 200, "at once");
    in_time(async {
        // Its time comes.
        while guard.ask(&ahead, &key).await.code() == "clock-skew" {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
    assert_eq!(guard.ask(&ahead, &key).await.code(), "replayed");
}
