//! What two sides that agree get, and when it ends.

use countersign_client::Handshake;
use countersign_server::service::control::DisableUser;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue};
use tokio_tungstenite::tungstenite::Message;

use super::{CONFIGURATION, Echo, client, connected, echoes, ends, framed, opened, signing_for, stage};
use crate::support::guard::Running;
use crate::support::in_time;
use crate::support::knock::Knocker;
use crate::support::process::Place;
use crate::support::signing::Key;
use crate::support::transport::Transport;
use crate::support::upstream::{Api, answer};
use crate::support::wire::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_handshake_becomes_a_websocket_and_the_api_learns_whose_it_is() {
    let (echo, guard) = stage(CONFIGURATION).await;
    let alice = guard.service("alice").await;
    let asked = HeaderMap::from_iter([
        ("sec-websocket-protocol".parse().unwrap(), HeaderValue::from_static("chat, superchat")),
        ("remote-user".parse().unwrap(), HeaderValue::from_static("root")),
    ]);
    let socket = opened(&client(&guard, &alice, guard.address), "/ws/room?n=1", asked).await;
    assert_eq!(socket.answer.verified.headers["sec-websocket-protocol"], "chat");
    let mut socket = framed(socket).await;
    echoes(&mut socket, Message::text("to be")).await;
    echoes(&mut socket, Message::binary(vec![7; 1 << 20])).await;
    in_time(socket.close(None)).await.unwrap();
    ends(&mut socket).await;

    let handshake = echo.only_handshake();
    assert_eq!(handshake.uri(), "/ws/room?n=1");
    let mut names: Vec<_> = handshake.headers().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "connection",
            "content-digest",
            "host",
            "remote-key",
            "remote-user",
            "sec-websocket-key",
            "sec-websocket-protocol",
            "sec-websocket-version",
            "upgrade"
        ]
    );
    let fields = handshake.headers();
    assert_eq!(
        (&fields["connection"], &fields["upgrade"]),
        (&"upgrade".parse().unwrap(), &"websocket".parse().unwrap())
    );
    assert_eq!(
        (&fields["remote-user"], &fields["remote-key"]),
        (&"alice".parse().unwrap(), &alice.keyid.parse().unwrap())
    );
    assert_eq!(fields["host"], guard.authority());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_says_no_is_heard_like_any_other() {
    let api = Api::start(|_| answer("426 Upgrade Required", "Upgrade: websocket\r\n", b"not like this")).await;
    let guard = Running::before(api.address, CONFIGURATION).await;
    let alice = guard.service("alice").await;
    let asking = client(&guard, &alice, guard.address);
    let Handshake::Declined(answer) = in_time(asking.open_websocket("/ws", HeaderMap::new())).await.unwrap() else {
        panic!("nobody agreed");
    };
    assert_eq!((answer.verified.status.as_u16(), &*answer.verified.body), (426, &b"not like this"[..]));
    assert_eq!(api.only().lines("upgrade"), ["websocket"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_ends_with_its_key_by_the_command_line() {
    let mut echo = Echo::start().await;
    // Nothing else ends it: silence would only after an hour, and nobody here sends a ping.
    let idle = "limits.idle_seconds = 3600";
    let place = Place::configured(&format!("upstream = \"http://{}\"\n{idle}\n{CONFIGURATION}", echo.address));
    let served = place.serve();
    let knock = async |name| Knocker::new(&place.service_card(), name).knock(served.address).await.unwrap();
    let (alice, bob) = (knock("alice").await, knock("bob").await);
    let connect = async |key: &Key| {
        let client = signing_for(&served.address.to_string(), key, served.address);
        framed(opened(&client, "/ws", HeaderMap::new()).await).await
    };
    let (mut hers, mut his) = (connect(&alice).await, connect(&bob).await);
    echoes(&mut hers, Message::text("I")).await;
    tokio::task::block_in_place(|| place.operate(&["key", "revoke", &alice.keyid]));
    let next = in_time(hers.next()).await;
    assert!(!matches!(next, Some(Ok(_))), "it ends without a further frame: {next:?}");
    echo.ended().await;
    echoes(&mut his, Message::text("still here")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_ends_with_its_user_and_with_the_guard() {
    let (mut echo, guard) = stage(CONFIGURATION).await;
    let (alice, bob) = (guard.service("alice").await, guard.service("bob").await);
    let (mut hers, mut his) = (connected(&guard, &alice).await, connected(&guard, &bob).await);
    echoes(&mut hers, Message::text("I")).await;
    guard.operate(DisableUser { username: "alice".to_owned() }).await;
    ends(&mut hers).await;
    echo.ended().await;
    echoes(&mut his, Message::text("still here")).await;
    in_time(guard.stopped()).await;
    ends(&mut his).await;
    echo.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_nobody_uses_ends_like_any_idle_connection() {
    let (mut echo, guard) = stage(&format!("limits.idle_seconds = 1\n{CONFIGURATION}")).await;
    let alice = guard.service("alice").await;
    let mut socket = connected(&guard, &alice).await;
    echoes(&mut socket, Message::text("I")).await;
    ends(&mut socket).await;
    echo.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_counts_as_a_connection_for_as_long_as_it_lasts() {
    let (mut echo, guard) = stage(&format!("limits.max_connections_per_address = 1\n{CONFIGURATION}")).await;
    let alice = Knocker::new(&guard.service_card().await, "alice").knock(guard.address).await.unwrap();
    let asking = client(&guard, &alice, guard.address);
    let opened = in_time(async {
        // There is room once the guard has seen the end of the connection over which she enrolled.
        loop {
            if let Ok(Handshake::Opened(socket)) = asking.open_websocket("/ws", HeaderMap::new()).await {
                return socket;
            }
        }
    });
    let mut socket = framed(opened.await).await;
    echoes(&mut socket, Message::text("I")).await;
    let mut turned_away = Wire::connect(guard.address).await;
    // No handshake is made with those for whom there is no room.
    let told = (crate::TRANSPORT == Transport::Plain).then_some("unavailable");
    assert_eq!(turned_away.answer().await.map(|answer| answer.code()), told);
    echoes(&mut socket, Message::text("and I am not pushed out")).await;
    in_time(socket.send(Message::Close(None))).await.unwrap();
    while let Some(Ok(_)) = in_time(socket.next()).await {}
    drop(socket);
    echo.ended().await;
    in_time(async {
        // Its room is free once the guard has seen its end.
        loop {
            let mut wire = Wire::connect(guard.address).await;
            wire.send(b"GET /api/auth/whoami HTTP/1.1\r\nHost: a\r\n\r\n").await;
            if wire.answer().await.is_some_and(|answer| answer.code() == "misdirected") {
                return;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_not_yet_signed_anything_may_begin_with_a_websocket() {
    let (echo, guard) = stage(CONFIGURATION).await;
    let key = Knocker::new(&guard.service_card().await, "carol").knock(guard.address).await.unwrap();
    let mut socket = connected(&guard, &key).await;
    echoes(&mut socket, Message::text("I")).await;
    assert_eq!(echo.only_handshake().headers()["remote-user"], "carol");
}
