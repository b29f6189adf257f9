//! What a connection carries, and when it ends.

use countersign_core::secret::Secret32;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::sockets::{self, Came, Socket, code};
use crate::whole::{Answer, Person};
use crate::{good_time, stage};

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
    let Person { authority, keyid, session, keys, envelope_keys, root } = person;
    Person {
        root: root.clone(),
        authority: authority.clone(),
        keyid: keyid.clone(),
        session: *session,
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
