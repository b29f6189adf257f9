//! Somebody between client and guard who changes the consent.

use std::net::SocketAddr;

use countersign_client::{CallError, Interference};
use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{CONFIGURATION, client, stage};
use crate::support::in_time;
use crate::support::transport::greet;

/// Passes requests on as they are, and the head of each answer as `change` makes it; then lets everything through.
async fn middle(guard: SocketAddr, change: fn(String) -> String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (_, mut server) = greet(TcpStream::connect(guard).await.unwrap()).await;
            tokio::spawn(async move {
                let request = head(&mut client).await;
                server.write_all(request.as_bytes()).await.unwrap();
                let answer = change(head(&mut server).await);
                client.write_all(answer.as_bytes()).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut octets = Vec::new();
    while !octets.ends_with(b"\r\n\r\n") {
        octets.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(octets).unwrap()
}

/// Leaves the lines out whose name begins so.
fn without(head: &str, name: &str) -> String {
    head.split_inclusive("\r\n").filter(|line| !line.starts_with(name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_consent_of_the_guard_itself_opens_a_websocket() {
    let (_echo, guard) = stage(CONFIGURATION).await;
    let alice = guard.service("alice").await;
    let honest = middle(guard.address, |head| head).await;
    assert!(in_time(client(&guard, &alice, honest).open_websocket("/ws", HeaderMap::new())).await.is_ok());

    let stripped: fn(String) -> String = |head| without(&without(&head, "signature:"), "signature-input:");
    let another_accept: fn(String) -> String =
        |head| without(&head, "sec-websocket-accept").replace("\r\n\r\n", "\r\nsec-websocket-accept: AAAA\r\n\r\n");
    let protocol: fn(String) -> String = |head| head.replace("\r\n\r\n", "\r\nsec-websocket-protocol: evil\r\n\r\n");
    let forged: fn(String) -> String = |head| {
        let mac = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        without(&head, "signature:").replace("\r\n\r\n", &format!("\r\nsignature: cs=:{mac}:\r\n\r\n"))
    };
    let other_request: fn(String) -> String = |head| {
        let mac = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        without(&head, "countersign-request").replace("\r\n\r\n", &format!("\r\ncountersign-request: :{mac}:\r\n\r\n"))
    };
    for (what, change, class) in [
        ("no signature", stripped, Some(Interference::MissingSignature)),
        ("a forged signature", forged, Some(Interference::BadMac)),
        ("another Sec-WebSocket-Accept", another_accept, Some(Interference::BadMac)),
        ("the consent to another request", other_request, Some(Interference::WrongRequest)),
        ("a field more, which is dropped", protocol, None),
    ] {
        let between = middle(guard.address, change).await;
        let outcome = in_time(client(&guard, &alice, between).open_websocket("/ws", HeaderMap::new())).await;
        match (outcome, class) {
            (Err(CallError::Interference(found)), Some(class)) => assert_eq!(found, class, "{what}"),
            (Ok(super::Handshake::Opened(socket)), None) => {
                assert!(!socket.answer.verified.headers.contains_key("sec-websocket-protocol"), "{what}");
            }
            (outcome, _) => panic!("{what}: {outcome:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invented_consent_is_no_consent_even_without_a_guard() {
    let (_echo, guard) = stage(CONFIGURATION).await;
    let alice = guard.service("alice").await;
    let invented = middle(guard.address, |_| {
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            .to_owned()
    });
    let asking = client(&guard, &alice, invented.await);
    let outcome = in_time(asking.open_websocket("/ws", HeaderMap::new())).await;
    assert!(matches!(outcome, Err(CallError::Interference(Interference::MissingSignature))));
}
