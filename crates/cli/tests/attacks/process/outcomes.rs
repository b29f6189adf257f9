//! What became of a request, whatever happens to the process between its beginning and its end.

use std::time::Duration;

use crate::support::in_time;
use crate::support::process::{Place, Served};
use crate::support::signing::{Draft, Key, Sent};
use crate::support::upstream::{Act, Api, ok};
use crate::support::wire::{Answer, Wire, ask};

/// An API that does this before it answers a transfer.
async fn transfers_take(act: Act) -> Api {
    Api::start(move |heard| {
        let first = heard.line().starts_with("POST").then(|| act.clone());
        first.into_iter().chain(ok(b"done")).collect()
    })
    .await
}

/// A guard before an API, in a place where it can be started again.
async fn place_before(api: &Api) -> (Place, Served, Key) {
    let place = Place::configured(&format!("upstream = \"http://{}\"\nwindow_seconds = 2", api.address));
    let served = place.serve();
    let key = served.service(&place, "alice").await;
    api.take();
    (place, served, key)
}

fn transfer(served: &Served, key: &Key) -> Sent {
    let draft = Draft::new("POST", "/transfers", &served.address.to_string(), &key.keyid);
    draft.with("idempotency-key", "\"1\"").with_body(b"25 to bob").sign(key)
}

/// Sends it and does not wait for an answer; gives the connection once the API has it.
async fn begin(served: &Served, key: &Key, api: &Api) -> Wire {
    let mut wire = Wire::connect(served.address).await;
    wire.send(&transfer(served, key).octets()).await;
    while api.heard().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    wire
}

/// Sends it again, signed anew, once the guard knows again what it has seen.
async fn again(served: &Served, key: &Key) -> Answer {
    loop {
        let sent = transfer(served, key);
        let answer = ask(served.address, &sent.octets()).await;
        sent.assert_answered(&key.keys.s2c, &answer);
        if answer.status != 503 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_when_the_guard_was_killed_never_runs_again() {
    let api = transfers_take(Act::Hold).await;
    let (place, served, key) = place_before(&api).await;
    let _waiting = begin(&served, &key, &api).await;
    let address = served.address.to_string();
    served.kill();
    let served = place.serve_at(&address);
    for _ in 0..2 {
        assert_eq!(in_time(again(&served, &key)).await.code(), "outcome-unknown");
    }
    api.only();
    let events = place.operate(&["event", "list"]);
    assert!(events.contains("1 under way when an earlier run ended"), "{events}");
    assert!(events.contains("outcome_unknown"), "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_a_kill_is_answered_again_after_it() {
    let api = Api::content().await;
    let (place, served, key) = place_before(&api).await;
    assert_eq!(again(&served, &key).await.body, b"done");
    let address = served.address.to_string();
    served.kill();
    let served = place.serve_at(&address);
    let answer = in_time(again(&served, &key)).await;
    assert_eq!((&*answer.body, answer.field("idempotent-replayed")), (b"done".as_slice(), Some("true")));
    api.only();
}

/// Nobody waits for the answer any more, and the guard is asked to stop: it waits for the outcome all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_stops_in_order_keeps_the_outcome_of_what_was_under_way() {
    let api = transfers_take(Act::Wait(Duration::from_millis(700))).await;
    let (place, served, key) = place_before(&api).await;
    drop(begin(&served, &key, &api).await);
    let address = served.address.to_string();
    assert!(served.stop().success());
    let served = place.serve_at(&address);
    assert_eq!(again(&served, &key).await.body, b"done");
    api.only();
}
