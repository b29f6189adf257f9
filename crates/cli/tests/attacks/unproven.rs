//! What cannot be authenticated: all of it looks the same from outside, and none of it leaves a trace.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use countersign_core::encoding::b64u;
use countersign_core::secret::{Root, Secret32};
use countersign_core::signature::{Field, PathForm, Received, RequestHead};
use countersign_core::verdict::{Refusal, Verdict};
use countersign_server::app::SharedApp;
use countersign_server::edge;
use countersign_server::service::claim::Claim;
use countersign_server::service::control::{DeleteUser, DisableUser, RevokeKey};
use countersign_server::service::verify_request::verify_request;

use crate::support::guard::Running;
use crate::support::signing::{Key, Sent};
use crate::support::wire::{Answer, Wire, ask, fields};

/// A guard whose keys are good no more, each in its own way, and a key that never was.
async fn void_keys(guard: &Running) -> [(&'static str, Key); 4] {
    let revoked = guard.service("carol").await;
    guard.operate(RevokeKey { keyid: revoked.keyid.clone() }).await;
    let disabled = guard.service("dave").await;
    guard.operate(DisableUser { username: "dave".to_owned() }).await;
    let deleted = guard.service("erin").await;
    guard.operate(DeleteUser { username: "erin".to_owned() }).await;
    let unknown = Key::new(&format!("k{}", "0".repeat(revoked.keyid.len() - 1)), Root::new(Secret32::new([7; 32])));
    [("revoked", revoked), ("disabled", disabled), ("deleted", deleted), ("unknown", unknown)]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_a_void_one_and_a_wrong_mac_are_answered_alike_in_every_octet_but_the_macs() {
    let guard = Running::start("").await;
    let alice = guard.service("alice").await;
    let wrong = Key { keys: Root::new(Secret32::new([7; 32])).key_pair(&alice.keyid), ..alice.clone() };
    let mut told = Vec::new();
    for (which, signer) in [("wrong MAC", wrong)].into_iter().chain(void_keys(&guard).await) {
        for (method, target) in [("GET", "/"), ("POST", "/api/auth/whoami"), ("DELETE", "/api/auth/nothing")] {
            let sent = guard.draft(method, target, &signer).without_body().sign(&signer);
            let answer = ask(guard.address, &sent.octets()).await;
            assert_eq!(answer.code(), "unauthorized", "{which}");
            told.push((which, method, but_for_macs(&answer, &sent), answer.octets.len()));
        }
    }
    let [(_, _, first, _), ..] = &told[..] else { panic!("nothing was told") };
    let first = first.clone();
    for (which, method, answer, length) in &told {
        assert_eq!(*answer, first, "{which} {method}");
        let same = told.iter().find(|(_, other, ..)| other == method).unwrap();
        assert_eq!(*length, same.3, "{which} {method}");
    }
}

/// Names, values and body, without what is of this request or of this moment alone.
fn but_for_macs(answer: &Answer, sent: &Sent) -> Vec<String> {
    let own = |name: &str| matches!(name, "signature" | "countersign-request" | "countersign-time" | "date");
    let lines = answer.fields.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value).replace(&sent.nonce, "{nonce}").replace(&sent.keyid, "{keyid}");
        let before_time = value.split(";created=").next().unwrap().to_owned();
        if own(name) { format!("{name}: {}", value.len()) } else { format!("{name}: {before_time}") }
    });
    lines.chain([String::from_utf8_lossy(&answer.body).into_owned()]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_wrong_macs_leave_store_and_memory_as_they_were() {
    const EACH: u32 = 25_000;
    // Nothing is forgotten meanwhile for being old.
    let guard = Running::start("window_seconds = 300").await;
    let alice = guard.service("alice").await;
    let [(_, revoked), (_, disabled), _, (_, unknown)] = void_keys(&guard).await;
    let (tables, usage) = (guard.tables().await, guard.app.replay.usage().unwrap());
    let forged = Key { keys: Root::new(Secret32::new([7; 32])).key_pair(&alice.keyid), ..alice.clone() };
    let floods = [forged, revoked, disabled, unknown].map(|key| {
        // The revoked and the disabled key sign well.
        let signed = guard.draft("GET", "/v1/accounts", &key).without_body();
        tokio::spawn(flood(guard.app.clone(), signed.sign(&key), EACH))
    });
    for flood in floods {
        flood.await.unwrap();
    }
    let unspoilt = over_the_wire(&guard, &alice).await;
    assert_eq!(guard.tables().await, tables);
    assert_eq!(guard.app.replay.usage().unwrap(), usage);
    assert_eq!(guard.ask(&unspoilt, &alice).await.status, 200);
}

/// Brings a request with so many nonces that it was not signed with.
async fn flood(app: SharedApp, sent: Sent, times: u32) {
    let head = fields(sent.head.as_bytes());
    let input = head.iter().position(|(name, _)| name == "signature-input").unwrap();
    for number in 0..times {
        let mut nonce = [0; 16];
        nonce[..4].copy_from_slice(&number.to_be_bytes());
        let other = String::from_utf8_lossy(&head[input].1).replace(&sent.nonce, &b64u(&nonce));
        let lines: Vec<_> = head
            .iter()
            .enumerate()
            .map(|(place, (name, value))| Field {
                name,
                // The first is as it was signed, which only a void key does.
                value: if place == input && number > 0 { other.as_bytes() } else { value },
            })
            .collect();
        let request =
            RequestHead { method: "GET", authority: "127.0.0.1", path: "/v1/accounts", query: None, fields: &lines };
        let received = Received::read(&request, PathForm::Canonical).unwrap();
        let refusal = refusal(&app, &received).await;
        assert!(matches!(refusal, Refusal::BadSignature | Refusal::RevokedKey | Refusal::UnknownKey), "{refusal:?}");
        if number % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Why it is refused. On a machine that is this busy the accept mark can be late, which is no answer to the question.
async fn refusal(app: &SharedApp, received: &Received) -> Refusal {
    loop {
        let reading = edge::now();
        let claim = Claim::of(app, received.keyid(), reading.wall).unwrap();
        match verify_request(app, &claim, received, IpAddr::V4(Ipv4Addr::LOCALHOST), reading).await.unwrap() {
            Verdict::Refuse(Refusal::Unavailable) => tokio::time::sleep(Duration::from_millis(5)).await,
            Verdict::Refuse(refusal) => return refusal,
            Verdict::Admit(principal) => panic!("{principal:?} was admitted"),
        }
    }
}

/// The same through the door, pipelined: every answer is a 401. Gives the request that was spoilt on the way.
async fn over_the_wire(guard: &Running, alice: &Key) -> Sent {
    const TIMES: usize = 500;
    let mut wire = Wire::connect(guard.address).await;
    let good = guard.draft("GET", "/", alice).without_body().sign(alice);
    let bad = good.replaced("GET / ", "GET /other ").octets();
    for _ in 0..TIMES / 50 {
        wire.send(&bad.repeat(50)).await;
        for _ in 0..50 {
            assert_eq!(wire.answer().await.unwrap().code(), "unauthorized");
        }
    }
    good
}
