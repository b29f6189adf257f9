//! What a request meets under its key.

use std::sync::Arc;

use countersign_core::account::Role;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::scene::*;
use crate::whole::{Answer, Whole};

#[tokio::test]
async fn a_request_that_comes_again_is_answered_again_and_does_not_act_again() {
    let (whole, api, alice) = scene("").await;
    let first = post(&whole, &alice, "/transfers", "\"1\"").await;
    let again = post(&whole, &alice, "/transfers", "\"1\"").await;
    assert_eq!((first.status, first.text(), first.field("x-count")), (201, "done", Some("1")));
    assert_eq!((again.status, again.text(), again.field("x-count")), (201, "done", Some("1")));
    assert_eq!((first.field("idempotent-replayed"), again.field("idempotent-replayed")), (None, Some("true")));
    assert_eq!((first.field("etag"), again.field("etag")), (Some("\"1\""), Some("\"1\"")));
    assert_eq!(api.acted(), 1);
    post(&whole, &alice, "/transfers", "\"2\"").await;
    assert_eq!(api.acted(), 2, "another key is another request");
}

#[tokio::test]
async fn without_a_covered_key_and_with_a_safe_method_everything_acts() {
    let (whole, api, alice) = scene("").await;
    for times in 1..=2 {
        whole.call(&alice.post("/transfers", b"x")).await;
        assert_eq!(api.acted(), times);
    }
    // Somebody on the way adds a key; if it counted, he could have the second of two orders answered by the first.
    for times in 3..=4 {
        let signed = String::from_utf8(alice.post("/transfers", b"x").octets).unwrap();
        let mut stream = whole.connect().await;
        stream
            .write_all(signed.replace("content-length", "idempotency-key: \"1\"\r\ncontent-length").as_bytes())
            .await
            .unwrap();
        assert_eq!(Answer::read(&mut stream).await.status, 201);
        assert_eq!(api.acted(), times);
    }
    for times in 5..=6 {
        let get = alice.request("GET", "/transfers", &[("idempotency-key", "no key at all")], b"");
        assert_eq!(whole.call(&get).await.status, 201);
        assert_eq!(api.acted(), times);
    }
}

/// Of a stream nothing is kept: were its key passed over in silence, the same order sent in both ways would act twice.
#[tokio::test]
async fn a_key_on_what_may_be_answered_by_a_stream_is_refused_and_nothing_acts() {
    let own = "[[route]]\npath = \"/s/own\"\nstream = true\nkeep_outcomes = false";
    let (whole, api, alice) = scene(&format!("[[route]]\npath = \"/s\"\nstream = true\n{own}")).await;
    let asking = |method, path, key| {
        alice.request(method, path, &[("idempotency-key", key), ("countersign-accept-stream", "1")], b"25 to bob")
    };
    assert_eq!(post(&whole, &alice, "/s/transfers", "\"1\"").await.status, 201);
    for key in ["\"1\"", "\"2\"", "no key at all"] {
        let request = asking("POST", "/s/transfers", key);
        let answer = whole.call(&request).await;
        assert!(is(&answer, (400, "malformed-request")) && request.is_answered_by(&answer), "{key}");
    }
    assert_eq!(api.acted(), 1);
    for (method, path) in [("GET", "/s/transfers"), ("POST", "/s/own")] {
        let acted = api.acted();
        assert_eq!(
            whole.call(&asking(method, path, "\"1\"")).await.status,
            201,
            "{method} {path}: no key counts there"
        );
        assert_eq!(api.acted(), acted + 1);
    }
    let acted = api.acted();
    for _ in 1..=2 {
        assert_eq!(whole.call(&asking("POST", "/transfers", "\"3\"")).await.text(), "done");
        assert_eq!(api.acted(), acted + 1, "where no stream is taken the key counts");
    }
}

#[tokio::test]
async fn another_request_under_the_key_is_refused_and_learns_nothing() {
    let (whole, api, alice) = scene("").await;
    post(&whole, &alice, "/transfers", "\"1\"").await;
    assert!(is(&post(&whole, &alice, "/transfers?dry=0", "\"1\"").await, CONFLICT));
    let dearer = alice.request("POST", "/transfers", &[("idempotency-key", "\"1\"")], b"26 to bob");
    assert!(is(&whole.call(&dearer).await, CONFLICT));
    assert_eq!(api.acted(), 1);
}

#[tokio::test]
async fn what_is_no_key_is_refused_after_the_nonce_is_used_up() {
    let (whole, api, alice) = scene("").await;
    let bare = keyed(&alice, "/transfers", "8e03978e-40d5-43dd-bc93-6894a57f9324");
    let answer = whole.call(&bare).await;
    assert!(is(&answer, (400, "malformed-request")) && bare.is_answered_by(&answer));
    assert!(is(&whole.call(&bare).await, (401, "replayed")));
    assert_eq!(api.acted(), 0);
}

#[tokio::test]
async fn while_the_first_is_under_way_the_second_is_told_so() {
    let (whole, api, alice) = scene("").await;
    let first = keyed(&alice, "/slow", "\"1\"");
    let mut waiting = whole.connect().await;
    waiting.write_all(&first.octets).await.unwrap();
    api.has_acted(1).await;
    let second = post(&whole, &alice, "/slow", "\"1\"").await;
    assert!(is(&second, IN_FLIGHT));
    assert_eq!(second.field("retry-after"), Some("1"));
    api.go_on.add_permits(1);
    let answer = Answer::read(&mut waiting).await;
    assert!(answer.status == 201 && first.is_answered_by(&answer));
    assert_eq!(post(&whole, &alice, "/slow", "\"1\"").await.text(), "done slowly");
    assert_eq!(api.acted(), 1);
}

#[tokio::test]
async fn of_eight_at_once_one_acts() {
    let (whole, api, alice) = scene("").await;
    let (whole, alice) = (Arc::new(whole), Arc::new(alice));
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (whole, alice) = (whole.clone(), alice.clone());
            tokio::spawn(async move { post(&whole, &alice, "/transfers", "\"1\"").await.status })
        })
        .collect();
    for call in calls {
        let status = call.await.unwrap();
        assert!(matches!(status, 201 | 409), "{status}");
    }
    assert_eq!(api.acted(), 1);
}

/// The line is cut while the API works: its outcome must not be lost with the connection.
#[tokio::test]
async fn a_client_that_goes_away_finds_the_outcome_when_it_comes_back() {
    let (whole, api, alice) = scene("").await;
    let mut stream = whole.connect().await;
    stream.write_all(&keyed(&alice, "/slow", "\"1\"").octets).await.unwrap();
    api.has_acted(1).await;
    drop(stream);
    // The guard has seen the end of the connection once it takes this one's request.
    assert!(is(&post(&whole, &alice, "/slow", "\"1\"").await, IN_FLIGHT));
    api.go_on.add_permits(1);
    let answer = loop {
        let answer = post(&whole, &alice, "/slow", "\"1\"").await;
        if !is(&answer, IN_FLIGHT) {
            break answer;
        }
    };
    assert_eq!((answer.status, answer.text()), (201, "done slowly"));
    assert_eq!(api.acted(), 1);
}

#[tokio::test]
async fn what_may_have_acted_and_has_no_answer_to_keep_never_acts_again() {
    let (whole, api, alice) = scene("").await;
    for (path, status) in [
        ("/hangs-up", 502),
        ("/breaks-off", 502),
        ("/status/500", 500),
        ("/status/503", 503),
        ("/large", 201),
        ("/cookie", 201),
    ] {
        let (key, acted) = (format!("\"{path}\""), api.acted());
        let first = post(&whole, &alice, path, &key).await;
        assert_eq!(first.status, status, "{path}: the first gets what there is");
        assert!(is(&post(&whole, &alice, path, &key).await, OUTCOME_UNKNOWN), "{path}");
        assert_eq!(api.acted(), acted + 1, "{path}");
    }
    assert_eq!(post(&whole, &alice, "/large", "\"x\"").await.body.len(), 64 * 1_024, "whole, kept or not");
    let told = whole.operate("list-events", json!({ "limit": 10 })).await.to_string();
    assert!(told.contains("outcome_unknown"), "{told}");
}

/// Given again, they would bring a session back that was ended since; and they would lie in the store for a day.
#[tokio::test]
async fn an_answer_with_tokens_in_it_is_not_kept() {
    let whole = Whole::start(None, "").await;
    let person = whole.enrolled_as("alice", Role::User);
    let fields = |key| [("content-type", "application/json"), ("idempotency-key", key)];
    let login = || person.request("POST", "/api/auth/login", &fields("\"login\""), b"{}");
    let answer = whole.call(&login()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(is(&whole.call(&login()).await, OUTCOME_UNKNOWN));
    let grant: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let alice = in_session(&person, grant["session"]["ref"].as_str().unwrap().parse().unwrap());
    let asked = json!({ "refresh_token": grant["refresh_token"] }).to_string();
    let refresh = || alice.request("POST", "/api/auth/refresh", &fields("\"refresh\""), asked.as_bytes());
    let answer = whole.call(&refresh()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(is(&whole.call(&refresh()).await, OUTCOME_UNKNOWN));
    let revoke = || alice.request("POST", "/api/auth/sessions/revoke-others", &fields("\"revoke\""), b"");
    assert_eq!(whole.call(&revoke()).await.status, 204);
    let again = whole.call(&revoke()).await;
    assert_eq!((again.status, again.field("idempotent-replayed")), (204, Some("true")), "other answers are");
}

#[tokio::test]
async fn what_certainly_did_not_act_may() {
    let (whole, api, alice) = scene("").await;
    assert_eq!(post(&whole, &alice, "/status/429", "\"1\"").await.status, 429);
    assert_eq!(post(&whole, &alice, "/status/429", "\"1\"").await.status, 429);
    assert_eq!(api.acted(), 2);
    assert_eq!(post(&whole, &alice, "/status/404", "\"2\"").await.status, 404);
    assert_eq!(post(&whole, &alice, "/status/404", "\"2\"").await.status, 404);
    assert_eq!(api.acted(), 3, "a refusal of the API's is an outcome");
}

#[tokio::test]
async fn a_request_that_did_not_reach_the_api_may_be_sent_again() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let whole = Whole::start(Some(closed), "").await;
    let alice = whole.confirmed("alice").await;
    for _ in 0..2 {
        assert!(is(&post(&whole, &alice, "/transfers", "\"1\"").await, (502, "bad-gateway")));
    }
}

#[tokio::test]
async fn users_have_keys_of_their_own_and_the_devices_of_one_user_share_them() {
    let (whole, api, alice) = scene("").await;
    let bob = whole.confirmed("bob").await;
    post(&whole, &alice, "/transfers", "\"1\"").await;
    assert_eq!(post(&whole, &bob, "/transfers", "\"1\"").await.field("x-count"), Some("2"));
    let other_device = another_key_of(&whole, &alice).await;
    assert_eq!(post(&whole, &other_device, "/transfers", "\"1\"").await.field("x-count"), Some("1"));
    assert_eq!(api.acted(), 2);
}

#[tokio::test]
async fn a_key_that_was_taken_back_gets_no_answer_that_was_kept() {
    let (whole, api, alice) = scene("").await;
    post(&whole, &alice, "/transfers", "\"1\"").await;
    whole.operate("revoke-key", json!({ "keyid": alice.keyid.as_str() })).await;
    let answer = post(&whole, &alice, "/transfers", "\"1\"").await;
    assert!(is(&answer, (401, "unauthorized")));
    assert_eq!(api.acted(), 1);
}

#[tokio::test]
async fn a_user_whose_outcomes_take_all_the_room_is_told_to_wait_and_gets_what_is_kept() {
    let (whole, api, alice) = scene("[idempotency]\nmax_per_user = \"1 MiB\"").await;
    post(&whole, &alice, "/transfers", "\"first\"").await;
    // Each counts for 512 octets and its answer.
    let mut number = 0;
    let full = loop {
        number += 1;
        keep_for(&whole, &alice, number, 60_000).await;
        let answer = post(&whole, &alice, "/transfers", &format!("\"{number}\"")).await;
        if answer.status != 201 {
            break answer;
        }
    };
    assert!(is(&full, (429, "throttled")) && full.field("retry-after") == Some("60"));
    assert!((17..=18).contains(&number), "{number}");
    let acted = api.acted();
    assert_eq!(post(&whole, &alice, "/transfers", "\"first\"").await.field("x-count"), Some("1"));
    assert_eq!(api.acted(), acted);
    let bob = whole.confirmed("bob").await;
    assert_eq!(post(&whole, &bob, "/transfers", "\"1\"").await.status, 201);
}

#[tokio::test]
async fn on_a_route_whose_api_keeps_outcomes_itself_every_request_reaches_it_with_its_key() {
    let (whole, api, alice) = scene("[[route]]\npath = \"/own\"\nkeep_outcomes = false").await;
    for times in 1..=2 {
        assert_eq!(post(&whole, &alice, "/own", "bare-as-this-api-likes-it").await.status, 201);
        assert_eq!(api.acted(), times);
    }
}
