//! What an operator does takes effect on the very next request, and outlives whatever happens to the process.

use std::time::Duration;

use rustix::process::{Pid, test_kill_process};

use crate::support::in_time;
use crate::support::process::Place;
use crate::support::signing::Draft;
use crate::support::wire::{Wire, ask};

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_and_a_revoked_key_are_out_with_the_next_request_and_stay_out_after_a_kill() {
    let place = Place::configured("window_seconds = 2");
    let served = place.serve();
    let (alice, bob) = (served.service(&place, "alice").await, served.service(&place, "bob").await);
    let mut wire = Wire::connect(served.address).await;
    let mut on_one_connection = async |served: &crate::support::process::Served| {
        wire.send(&served.good(&alice).sign(&alice).octets()).await;
        wire.answer().await.unwrap()
    };
    assert_eq!(on_one_connection(&served).await.status, 200);
    place.operate(&["user", "disable", "alice"]);
    assert_eq!(on_one_connection(&served).await.code(), "unauthorized");
    place.operate(&["key", "revoke", &bob.keyid]);
    assert_eq!(served.get(&bob).await, 401);
    let address = served.address;
    served.kill();
    let served = place.serve_at(&address.to_string());
    // Whether it is warming up or not: neither gets in, and neither is told that it would.
    for _ in 0..10 {
        for key in [&alice, &bob] {
            assert_eq!(served.get(key).await, 401);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    place.operate(&["user", "enable", "alice"]);
    in_time(async {
        while served.get(&alice).await != 200 {
            assert_eq!(served.get(&bob).await, 401);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_eq!(served.get(&bob).await, 401, "a revoked key is revoked for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_on_a_stopped_guard_holds_when_it_starts() {
    let place = Place::new();
    let served = place.serve();
    let (alice, bob) = (served.service(&place, "alice").await, served.service(&place, "bob").await);
    let address = served.address.to_string();
    assert!(served.stop().success());
    place.operate(&["user", "disable", "alice"]);
    place.operate(&["key", "revoke", &bob.keyid]);
    let served = place.serve_at(&address);
    assert_eq!((served.get(&alice).await, served.get(&bob).await), (401, 401));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_server_on_a_data_directory_refuses_with_a_clear_sentence() {
    let place = Place::new();
    let served = place.serve();
    let second = place.serve_in_vain();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("is in use by process") && said.contains(&place.data().display().to_string()), "{said}");
    assert_eq!(String::from_utf8_lossy(&second.stdout), "");
    let key = served.service(&place, "alice").await;
    assert_eq!(served.get(&key).await, 200, "the first goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_group_card_is_void_at_once_beside_a_running_server() {
    let place = Place::new();
    let served = place.serve();
    let old = place.group_card();
    served.enrolled(&old, "alice").await;
    place.operate(&["user", "invite", "rotate-group"]);
    let refused = crate::support::knock::Knocker::new(&old, "bob").knock(served.address).await;
    assert_eq!(refused.unwrap_err(), crate::support::knock::Refused::Outside(401, "unauthorized"));
    served.enrolled(&place.group_card(), "bob").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_is_in_flight_signed_and_takes_nothing_new() {
    let place = Place::new();
    let served = place.serve();
    let key = served.service(&place, "alice").await;
    let address = served.address;
    let sent = Draft::new("POST", "/v1", &address.to_string(), &key.keyid).with_body(b"0123456789").sign(&key);
    let octets = sent.octets();
    let mut wire = Wire::connect(address).await;
    wire.send(&octets[..octets.len() - 1]).await;
    // It has the head when it has answered somebody who came later.
    assert_eq!(served.get(&key).await, 200);
    served.signal_to_stop();
    in_time(async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    wire.send(&octets[octets.len() - 1..]).await;
    let answer = wire.answer().await.expect("an answer");
    sent.assert_answered(&key.keys.s2c, &answer);
    assert_eq!(answer.status, 200);
    assert!(served.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_a_directory_that_the_next_command_can_use() {
    let place = Place::new();
    let served = place.serve();
    place.group_card();
    let pid = std::fs::read_to_string(place.data().join("lock")).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    assert!(test_kill_process(pid).is_ok(), "the lock names the process");
    served.kill();
    assert!(place.operate(&["event", "list"]).contains("started"));
    let served = place.serve();
    assert_eq!(ask(served.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.code(), "misdirected");
}
