//! What becomes of each message, and what somebody in the middle can do to it.

use std::collections::HashSet;

use countersign_core::encoding::{b64u, unb64u};
use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use crate::sockets::{ACTIONS, Socket, code, shifted};
use crate::{good_time, stage, start};

#[tokio::test]
async fn an_action_is_a_request_of_the_api_with_the_packet_as_its_body_and_the_identity_of_the_signer() {
    let (api, whole, alice) = stage("").await;
    let mut socket = Socket::open(&whole).await;
    let created = socket.call(&alice, &alice.envelope("transfer.create", b"{\"amount\":25}")).await;
    assert_eq!((created.status, &*created.packet), (201, &b"{\"id\":1}"[..]));
    let me = socket.call(&alice, &alice.envelope("me", b"")).await;
    assert_eq!(me.status, 201);
    let reached = api.reached.lock().unwrap().clone();
    assert_eq!(api.lines(), ["POST /v1/transfers", "GET /v1/me"]);
    let names = |index: usize| reached[index].fields.iter().map(|(name, _)| name.as_str()).collect::<HashSet<_>>();
    assert_eq!(names(0), ["host", "content-type", "content-length", "remote-user", "remote-key"].into());
    assert_eq!(names(1), ["host", "remote-user", "remote-key"].into());
    let said = |name: &str, value: &str| assert!(reached[0].fields.contains(&(name.to_owned(), value.to_owned())));
    said("remote-user", "alice");
    said("remote-key", alice.keyid.as_str());
    said("content-type", "application/json");
    said("host", &alice.authority);
    assert_eq!(reached[0].body, "{\"amount\":25}");
}

#[tokio::test]
async fn without_an_api_the_echo_answers_and_without_an_action_there_is_no_door() {
    let whole = start(None, ACTIONS).await;
    let alice = whole.confirmed("alice").await;
    let mut socket = Socket::open(&whole).await;
    let echo = socket.call(&alice, &alice.envelope("transfer.create", b"{}")).await;
    let echo: serde_json::Value = serde_json::from_slice(&echo.packet).unwrap();
    assert_eq!((&echo["user"], &echo["path"]), (&json!("alice"), &json!("/v1/transfers")));

    let without = start(None, "").await;
    let refused = Socket::try_open(&without).await.err().unwrap();
    assert!(matches!(refused, Error::Http(answer) if answer.status() == 401), "nothing is there for strangers");
    let alice = without.confirmed("alice").await;
    assert_eq!(without.call(&alice.get("/api/auth/envelope")).await.status, 404);
}

#[tokio::test]
async fn an_envelope_runs_once_whatever_connection_it_comes_on() {
    let (api, whole, alice) = stage("").await;
    let mut sockets = [Socket::open(&whole).await, Socket::open(&whole).await];
    let sent = alice.envelope("transfer.create", b"{}");
    assert_eq!(sockets[0].call(&alice, &sent).await.status, 201);
    for socket in &mut sockets {
        assert_eq!(code(&socket.call(&alice, &sent).await), "replayed");
    }
    assert_eq!(api.lines(), ["POST /v1/transfers"]);
}

#[tokio::test]
async fn requests_and_envelopes_of_a_key_share_their_nonces() {
    let (api, whole, alice) = stage("").await;
    let mut socket = Socket::open(&whole).await;
    for envelope_first in [false, true] {
        let request = alice.get("/v1/me");
        let text = String::from_utf8(request.octets.clone()).unwrap();
        let nonce = text.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
        let nonce = unb64u(nonce).unwrap().try_into().unwrap();
        let envelope = alice.envelope_with("me", b"", |params| params.nonce = nonce);
        if envelope_first {
            assert_eq!(socket.call(&alice, &envelope).await.status, 201);
            assert!(whole.call(&request).await.text().contains("urn:countersign:replayed"));
        } else {
            assert_eq!(whole.call(&request).await.status, 201);
            assert_eq!(code(&socket.call(&alice, &envelope).await), "replayed");
        }
    }
    assert_eq!(api.lines().len(), 2);
}

#[tokio::test]
async fn whatever_fails_before_it_is_proven_has_one_answer_and_leaves_no_trace() {
    let (api, whole, alice) = stage("").await;
    let bob = whole.confirmed("bob").await;
    let nonces = whole.app.replay.usage().unwrap().nonces;
    let good = alice.envelope("transfer.create", b"{}");
    let text = |from: &str, to: &str| {
        assert!(good.json().contains(from), "{from}");
        good.json().replacen(from, to, 1)
    };
    let as_bob = alice.envelope_with("me", b"", |params| params.username = "bob");
    let port = whole.address.port();
    let elsewhere = alice.envelope_with("me", b"", |params| params.audience = "bank.example");
    let capitals: &str = format!("LOCALHOST:{port}").leak();
    let other_spelling = alice.envelope_with("me", b"", |params| params.audience = capitals);
    let unknown = text(alice.keyid.as_str(), "knosuchkey00000000000000000");
    let with_bobs_key = text(alice.keyid.as_str(), bob.keyid.as_str());
    let mac = good.json().rsplit('"').nth(1).unwrap().to_owned();
    let mut answers = HashSet::new();
    for (name, message) in [
        ("a wrong MAC", text(&mac, &b64u(&[0; 32]))),
        ("letters from action to username", text("transfer.create", "transfer.creat").replace("\"alice", "\"ealice")),
        ("letters from username to action", text("transfer.create", "transfer.createa").replace("\"alice", "\"lice")),
        ("another packet", text("e30", "W10")),
        ("another time", text(&good_time(&good), &shifted(1).as_millis().to_string())),
        ("another's name", as_bob.json().to_owned()),
        ("another server", elsewhere.json().to_owned()),
        ("another spelling of this server", other_spelling.json().to_owned()),
        ("an unknown key", unknown.clone()),
        ("another's key", with_bobs_key),
    ] {
        let mut socket = Socket::open(&whole).await;
        socket.send(&message).await;
        let answer: serde_json::Value = serde_json::from_str(&socket.text().await).unwrap();
        assert_eq!(answer["status"], 401, "{name}");
        let packet = answer["packet"].as_str().unwrap().to_owned();
        let problem = String::from_utf8(unb64u(&packet).unwrap()).unwrap();
        assert!(problem.contains("urn:countersign:unauthorized"), "{name}: {problem}");
        answers.insert((packet, answer["mac"].as_str().unwrap().len()));
    }
    assert_eq!(answers.len(), 1, "one answer for all");
    assert_eq!(whole.app.replay.usage().unwrap().nonces, nonces, "nothing was remembered");
    assert!(whole.app.accounts.stores.burnt_nonces.all().await.unwrap().is_empty());
    assert!(api.lines().is_empty());
    assert_eq!(
        Socket::open(&whole).await.call(&alice, &good).await.status,
        201,
        "and the original is as good as before"
    );
}

#[tokio::test]
async fn refusals_of_a_key_are_signed_by_it_and_those_of_an_unknown_key_by_its_decoy() {
    let (_, whole, alice) = stage("").await;
    let mut socket = Socket::open(&whole).await;
    let as_bob = alice.envelope_with("me", b"", |params| params.username = "bob");
    assert_eq!(code(&socket.call(&alice, &as_bob).await), "unauthorized");
    let unknown = alice.envelope_with("me", b"", |params| params.keyid = "knosuchkey00000000000000000");
    socket.send(unknown.json()).await;
    let first = socket.text().await;
    assert!(alice.believes(&unknown, &first).is_err(), "no key that anybody holds");
    let decoy = countersign_core::secret::Root::decoy(&whole.app.accounts.secrets.decoy, "knosuchkey00000000000000000");
    let s2c = decoy.envelope_pair("knosuchkey00000000000000000").s2c;
    let answer = countersign_core::envelope::AnswerEnvelope::read(first.as_bytes()).unwrap();
    assert!(unknown.verify_answer(&s2c, answer).is_ok(), "the same decoy every time");
}

#[tokio::test]
async fn an_envelope_outside_of_the_window_never_runs_and_one_from_our_future_is_burnt() {
    let (api, whole, alice) = stage("").await;
    let mut socket = Socket::open(&whole).await;
    let late = alice.envelope_with("me", b"", |params| params.timestamp = shifted(-6_000));
    assert_eq!(code(&socket.call(&alice, &late).await), "clock-skew");
    assert!(whole.app.accounts.stores.burnt_nonces.all().await.unwrap().is_empty());
    for early in [shifted(60_000), countersign_core::time::Timestamp::from_millis((1 << 53) - 1)] {
        let early = alice.envelope_with("me", b"", |params| params.timestamp = early);
        assert_eq!(code(&socket.call(&alice, &early).await), "clock-skew");
        let burnt = whole.app.accounts.stores.burnt_nonces.all().await.unwrap();
        assert!(burnt.iter().any(|burnt| *burnt.nonce == early.nonce()[..]));
        let in_time = alice.envelope_with("me", b"", |params| params.nonce = *early.nonce());
        assert_eq!(code(&socket.call(&alice, &in_time).await), "replayed", "its nonce is spent");
    }
    assert!(api.lines().is_empty());
}

#[tokio::test]
async fn what_is_admitted_and_cannot_be_done_is_a_signed_problem() {
    let (api, whole, alice) =
        stage("max_signed_response = \"4 KiB\"\n[[route]]\npath = \"/v1/transfers\"\nmax_body = 100\n").await;
    let mut socket = Socket::open(&whole).await;
    for (action, packet, expected) in [
        ("nothing.of.the.kind", &b""[..], "not-found"),
        ("Transfer.create", b"", "not-found"),
        ("me", b"x", "too-large"),
        ("transfer.create", &[b'x'; 101], "too-large"),
        ("large", b"", "answer-too-large"),
    ] {
        let sent = alice.envelope(action, packet);
        assert_eq!(code(&socket.call(&alice, &sent).await), expected, "{action}");
        assert_eq!(code(&socket.call(&alice, &sent).await), "replayed", "{action}: it is spent all the same");
    }
    assert_eq!(api.lines(), ["POST /large"]);
    assert_eq!(socket.call(&alice, &alice.envelope("transfer.create", &[b'x'; 100])).await.status, 201);
}

#[tokio::test]
async fn an_api_that_is_not_there_is_a_bad_gateway() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let whole = start(Some(nobody), ACTIONS).await;
    let alice = whole.enrolled("alice");
    let mut socket = Socket::open(&whole).await;
    assert_eq!(code(&socket.call(&alice, &alice.envelope("me", b"")).await), "bad-gateway");
    assert!(whole.app.accounts.keyring.find(alice.keyid.as_str()).unwrap().is_some(), "a new key is confirmed by it");
}
