//! Envelopes over a WebSocket, through the whole guard, and against somebody in the middle of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod sockets;
mod whole;

use std::collections::HashSet;

use countersign_core::encoding::{b64u, unb64u};
use countersign_core::secret::Secret32;
use serde_json::json;
use sockets::{ACTIONS, Api, Came, Socket, code, shifted};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use whole::{Answer, Person, Whole};

/// A guard in front of an API, and alice, whose key is confirmed.
async fn stage(toml: &str) -> (Api, Whole, Person) {
    let (api, address) = Api::start().await;
    let whole = Whole::start(Some(address), &format!("{toml}\n{ACTIONS}")).await;
    let alice = whole.confirmed("alice").await;
    (api, whole, alice)
}

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
    let whole = Whole::start(None, ACTIONS).await;
    let alice = whole.confirmed("alice").await;
    let mut socket = Socket::open(&whole).await;
    let echo = socket.call(&alice, &alice.envelope("transfer.create", b"{}")).await;
    let echo: serde_json::Value = serde_json::from_slice(&echo.packet).unwrap();
    assert_eq!((&echo["user"], &echo["path"]), (&json!("alice"), &json!("/v1/transfers")));

    let without = Whole::start(None, "").await;
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

fn good_time(envelope: &countersign_core::envelope::SignedEnvelope) -> String {
    envelope.json().split("\"timestamp\":").nth(1).unwrap().split(',').next().unwrap().to_owned()
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
    let whole = Whole::start(Some(nobody), ACTIONS).await;
    let alice = whole.enrolled("alice");
    let mut socket = Socket::open(&whole).await;
    assert_eq!(code(&socket.call(&alice, &alice.envelope("me", b"")).await), "bad-gateway");
    assert!(whole.app.accounts.keyring.find(alice.keyid.as_str()).unwrap().is_some(), "a new key is confirmed by it");
}

#[tokio::test]
async fn messages_are_served_side_by_side_and_answered_as_each_is_done() {
    let (api, whole, alice) = stage("").await;
    let mut socket = Socket::open(&whole).await;
    socket.send(alice.envelope("slow", b"").json()).await;
    api.until_reached("POST /slow").await;
    for _ in 0..3 {
        assert_eq!(socket.call(&alice, &alice.envelope("me", b"")).await.status, 201);
    }
}

#[tokio::test]
async fn no_more_of_a_connection_is_under_way_than_may_be() {
    let (api, whole, alice) = stage("[envelope]\nin_flight = 2\n").await;
    let mut socket = Socket::open(&whole).await;
    for _ in 0..2 {
        socket.send(alice.envelope("slow", b"").json()).await;
    }
    while api.lines().len() < 2 {
        tokio::task::yield_now().await;
    }
    socket.send(alice.envelope("me", b"").json()).await;
    // Another connection shows that the guard has gone on meanwhile.
    let mut other = Socket::open(&whole).await;
    assert_eq!(other.call(&alice, &alice.envelope("transfer.create", b"")).await.status, 201);
    assert_eq!(api.lines(), ["POST /slow", "POST /slow", "POST /v1/transfers"], "the third was not read");
}

#[tokio::test]
async fn one_connection_may_carry_the_messages_of_many_keys() {
    let (api, whole, alice) = stage("").await;
    let bob = whole.confirmed("bob").await;
    let mut socket = Socket::open(&whole).await;
    assert_eq!(socket.call(&alice, &alice.envelope("me", b"")).await.status, 201);
    let of_bob = bob.envelope_with("me", b"", |params| params.username = "bob");
    assert_eq!(socket.call(&bob, &of_bob).await.status, 201);
    let users: Vec<_> = api.reached.lock().unwrap().iter().flat_map(|reached| reached.fields.clone()).collect();
    assert!(users.contains(&("remote-user".to_owned(), "bob".to_owned())));
}

#[tokio::test]
async fn the_answer_of_a_key_that_is_taken_back_meanwhile_is_withheld_and_its_next_message_refused() {
    for (operation, by_key) in [("revoke-key", true), ("disable-user", false), ("delete-user", false)] {
        let (api, whole, alice) = stage("").await;
        let mut socket = Socket::open(&whole).await;
        socket.send(alice.envelope("slow", b"").json()).await;
        api.until_reached("POST /slow").await;
        let arguments = if by_key { json!({ "keyid": alice.keyid.as_str() }) } else { json!({ "username": "alice" }) };
        whole.operate(operation, arguments).await;
        assert_eq!(socket.end().await, Some((1008, "the key was taken back".to_owned())), "{operation}");
        let mut socket = Socket::open(&whole).await;
        let refused = socket.call(&alice, &alice.envelope("me", b"")).await;
        assert_eq!(code(&refused), "unauthorized", "{operation}");
    }
}

#[tokio::test]
async fn what_is_no_envelope_ends_the_connection_without_an_answer() {
    let (_, whole, alice) = stage("[envelope]\nmax_message = \"1 KiB\"\n").await;
    let good = alice.envelope("me", b"");
    let long = alice.envelope("transfer.create", &[b'x'; 1_024]);
    let text = |text: &str| Message::text(text.to_owned());
    for (name, message, expected) in [
        ("not JSON", text("hello"), 1007),
        ("a member twice", text(&good.json().replacen("\"v\":1", "\"v\":1,\"v\":1", 1)), 1007),
        ("a number that readers round", text(&good.json().replacen(&good_time(&good), "9007199254740993", 1)), 1007),
        ("two envelopes", text(&format!("{0}{0}", good.json())), 1007),
        (
            "an answer",
            text(
                r#"{"v":1,"kid":"k","nonce":"AAAAAAAAAAAAAAAAAAAAAA","timestamp":1,"status":200,"packet":"","mac":""}"#,
            ),
            1007,
        ),
        ("empty", text(""), 1007),
        ("binary", Message::binary(good.json().as_bytes().to_vec()), 1003),
        ("too long", text(long.json()), 1009),
    ] {
        let mut socket = Socket::open(&whole).await;
        socket.try_send(message).await;
        assert_eq!(socket.end().await.map(|(code, _)| code), Some(expected), "{name}");
    }
    assert_eq!(Socket::open(&whole).await.call(&alice, &good).await.status, 201);
}

#[tokio::test]
async fn text_that_is_not_utf8_ends_the_connection() {
    let (_, whole, _) = stage("").await;
    let mut socket = Socket::open(&whole).await;
    // One text frame of one octet, masked with zeros (RFC 6455 §5.2).
    socket.0.get_mut().write_all(&[0x81, 0x81, 0, 0, 0, 0, 0xff]).await.unwrap();
    assert_eq!(socket.end().await.map(|(code, _)| code), Some(1007));
}

#[tokio::test]
async fn a_connection_whose_messages_cannot_be_authenticated_ends_after_eight_in_a_row() {
    let (_, whole, alice) = stage("").await;
    let stranger = Person {
        envelope_keys: countersign_core::secret::Root::new(Secret32::new([9; 32])).envelope_pair("k"),
        ..copy(&alice)
    };
    let mut socket = Socket::open(&whole).await;
    for _ in 0..7 {
        socket.send(stranger.envelope("me", b"").json()).await;
        socket.text().await;
    }
    assert_eq!(
        socket.call(&alice, &alice.envelope("me", b"")).await.status,
        201,
        "one good message, and it counts anew"
    );
    for _ in 0..8 {
        socket.send(stranger.envelope("me", b"").json()).await;
        assert!(matches!(socket.receive().await, Came::Text(_)));
    }
    assert_eq!(socket.end().await, Some((1008, "unauthorized".to_owned())));
}

fn copy(person: &Person) -> Person {
    let Person { authority, keyid, keys, envelope_keys } = person;
    Person {
        authority: authority.clone(),
        keyid: keyid.clone(),
        keys: keys.clone(),
        envelope_keys: envelope_keys.clone(),
    }
}

#[tokio::test]
async fn no_address_has_more_connections_than_it_may_and_each_is_given_back() {
    let (_, whole, alice) = stage("[envelope]\nmax_connections_per_address = 2\n").await;
    let mut first = Socket::open(&whole).await;
    let _second = Socket::open(&whole).await;
    let refused = Socket::try_open(&whole).await.err().unwrap();
    assert!(matches!(refused, Error::Http(answer) if answer.status() == 503));
    first.0.close(None).await.unwrap();
    first.end().await;
    let third = async {
        loop {
            match Socket::try_open(&whole).await {
                Ok(socket) => return socket,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let mut third = tokio::time::timeout(sockets::PATIENCE, third).await.unwrap();
    assert_eq!(third.call(&alice, &alice.envelope("me", b"")).await.status, 201);
}

#[tokio::test]
async fn what_is_no_handshake_is_refused() {
    let (_, whole, _) = stage("").await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    for (method, fields, expected) in [
        ("GET", format!("{upgrade}{key}{version}"), 101),
        ("GET", String::new(), 400),
        ("GET", format!("{upgrade}{version}"), 400),
        ("GET", format!("{upgrade}{key}Sec-WebSocket-Version: 8\r\n"), 400),
        ("GET", format!("Connection: Upgrade\r\nUpgrade: h2c\r\n{key}{version}"), 400),
        ("GET", format!("Connection: Upgrade\r\n{key}{version}"), 400),
        ("POST", format!("{upgrade}{key}{version}"), 405),
    ] {
        let mut stream = whole.connect().await;
        let head = format!("{method} /api/auth/envelope HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", whole.address);
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(Answer::read(&mut stream).await.status, expected, "{method} {fields}");
    }
    let mut stream = whole.connect().await;
    let head = format!("GET /api/auth/envelope HTTP/1.1\r\nHost: bank.example\r\n{upgrade}{key}{version}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.status, 421);
}

#[tokio::test]
async fn a_guard_that_stops_finishes_what_is_under_way_and_says_goodbye() {
    let (api, whole, alice) = stage("upstream_timeout_seconds = 1\n").await;
    let mut socket = Socket::open(&whole).await;
    assert_eq!(socket.call(&alice, &alice.envelope("me", b"")).await.status, 201);
    let sent = alice.envelope("slow", b"");
    socket.send(sent.json()).await;
    api.until_reached("POST /slow").await;
    whole.stop();
    let answer = socket.text().await;
    assert_eq!(code(&alice.believes(&sent, &answer).unwrap()), "gateway-timeout");
    assert_eq!(socket.end().await, Some((1001, "the guard stops".to_owned())));
}

#[tokio::test]
async fn a_ping_is_answered() {
    let (_, whole, alice) = stage("").await;
    let mut socket = Socket::open(&whole).await;
    socket.try_send(Message::Ping("x".into())).await;
    assert_eq!(socket.call(&alice, &alice.envelope("me", b"")).await.status, 201);
}
