//! A connection of HTTP/2 becomes no WebSocket: RFC 9113 §8.2.2 has no upgrades, and nobody is offered those of RFC 8441.

use countersign_client::{Client, Conversation, Credentials, Handshake};
use http::HeaderMap;
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::frames::{self, Frames, HEADERS, RST_STREAM, SETTINGS};
use crate::support::guard::Running;
use crate::support::in_time;
use crate::support::signing::{Draft, Key};
use crate::support::transport::server;
use crate::support::upstream::{Act, Api, answer};
use crate::support::wire::{ask, fields};

const CONFIGURATION: &str = "[[route]]\npath = \"/ws\"\nwebsocket = true\n";
const PROTOCOL_ERROR: &[u8] = &[0, 0, 0, 1];
/// SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 §3).
const ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// An API that agrees to every WebSocket and says something on it.
async fn stage() -> (Api, Running, Key) {
    let api = Api::start(|heard| {
        let keys = heard.lines("sec-websocket-key");
        let Some(key) = keys.first() else { return answer("200 OK", "", b"ordinary") };
        let accept = derive_accept_key(key.as_bytes());
        let consent = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\nraw"
        );
        vec![Act::Say(consent.into_bytes()), Act::Hold]
    })
    .await;
    let guard = Running::before(api.address, CONFIGURATION).await;
    let key = guard.service("alice").await;
    (api, guard, key)
}

fn handshake(guard: &Running, key: &Key, method: &str) -> Draft {
    let draft = guard.draft(method, "/ws", key).with("Sec-WebSocket-Version", "13");
    draft.with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==").without_body()
}

/// A signed request as fields of HTTP/2, after these.
fn told(draft: &Draft, key: &Key, pseudo: &[(&str, &str)]) -> Vec<u8> {
    let head = draft.sign(key).head;
    let own =
        [(":method", &*draft.method), (":scheme", "https"), (":authority", &draft.host), (":path", &draft.target)];
    let pseudo = own.iter().chain(pseudo).map(|(name, value)| (String::from(*name), value.as_bytes().to_vec()));
    let others = fields(head.as_bytes()).into_iter().filter(|(name, _)| name != "host");
    frames::literals(&pseudo.chain(others).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_in_http_2_is_reset_reaches_nobody_and_spoils_nothing_else() {
    let (api, guard, key) = stage().await;
    let upgrade = handshake(&guard, &key, "GET").with("Upgrade", "websocket");
    let both = upgrade.clone().with("Connection", "Upgrade");
    let offers = [
        ("Upgrade", told(&upgrade, &key, &[])),
        ("Connection and Upgrade", told(&both, &key, &[])),
        ("an extended CONNECT", told(&handshake(&guard, &key, "CONNECT"), &key, &[(":protocol", "websocket")])),
        ("a GET with :protocol", told(&handshake(&guard, &key, "GET"), &key, &[(":protocol", "websocket")])),
    ];
    let mut frames = Frames::connect(guard.address).await;
    for (number, (what, offer)) in (0..).zip(offers) {
        let stream = 4 * number + 1;
        frames.ask(stream, &offer).await;
        assert_eq!(frames.next_on(stream).await, (RST_STREAM, PROTOCOL_ERROR.to_vec()), "{what}");
        frames.ask(stream + 2, &told(&guard.draft("GET", "/v1", &key).without_body(), &key, &[])).await;
        let (kind, payload) = frames.next_on(stream + 2).await;
        // 200 is the eighth entry of the static table (RFC 7541, appendix A).
        assert!(kind == HEADERS && payload.contains(&0x88), "{what}: {payload:?}");
        assert!(api.take().iter().all(|heard| heard.line().starts_with("GET /v1 ")), "{what}");
    }
    let settings = frames.seen.iter().filter(|(kind, ..)| *kind == SETTINGS);
    let mut ids =
        settings.flat_map(|(_, _, payload)| payload.chunks(6).map(|one| u16::from_be_bytes([one[0], one[1]])));
    assert!(ids.all(|id| id != ENABLE_CONNECT_PROTOCOL));
}

/// Where envelopes are taken, a WebSocket is begun by anybody, signed or not.
#[tokio::test(flavor = "multi_thread")]
async fn the_door_of_envelopes_opens_in_http_2_to_nobody_and_says_so() {
    let api = Api::content().await;
    let action = "[[envelope.action]]\nname = \"me\"\nmethod = \"GET\"\npath = \"/v1/me\"\n";
    let guard = Running::before(api.address, action).await;
    let authority = guard.authority();
    let asking = |method: &str, more: &[(&str, &str)]| {
        let own = [(":method", method), (":scheme", "https"), (":authority", &*authority)];
        let fields = own.iter().chain(&[(":path", "/api/auth/envelope")]).chain(more);
        frames::literals(
            &fields.map(|(name, value)| (String::from(*name), value.as_bytes().to_vec())).collect::<Vec<_>>(),
        )
    };
    let mut frames = Frames::connect(guard.address).await;
    frames.ask(1, &asking("CONNECT", &[(":protocol", "websocket"), ("sec-websocket-version", "13")])).await;
    assert_eq!(frames.next_on(1).await, (RST_STREAM, PROTOCOL_ERROR.to_vec()));
    frames.ask(3, &asking("GET", &[("upgrade", "websocket")])).await;
    assert_eq!(frames.next_on(3).await, (RST_STREAM, PROTOCOL_ERROR.to_vec()));
    let plain = format!(
        "GET /api/auth/envelope HTTP/1.1\r\nHost: {authority}\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    assert_eq!(ask(guard.address, plain.as_bytes()).await.code(), "malformed-request", "as in HTTP/1.1");
    assert!(api.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_offer_the_rest_of_a_handshake_is_an_ordinary_request() {
    let api = Api::content().await;
    let guard = Running::before(api.address, CONFIGURATION).await;
    let key = guard.service("alice").await;
    assert_eq!(guard.ask(&handshake(&guard, &key, "GET").sign(&key), &key).await.body, b"done");
    assert!(api.only().lines("upgrade").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_opens_its_websocket_in_http_1_1_where_http_2_is_spoken_too() {
    let (_api, guard, key) = stage().await;
    let credentials = Credentials::new(guard.authority().parse().unwrap(), key.keyid.parse().unwrap(), &key.root);
    let client = Client::new(server(guard.address), Conversation::new(credentials, 0)).unwrap();
    let Handshake::Opened(mut socket) = in_time(client.open_websocket("/ws", HeaderMap::new())).await.unwrap() else {
        panic!("it is declined");
    };
    let mut said = [0; 3];
    in_time(socket.stream.read_exact(&mut said)).await.unwrap();
    assert_eq!(&said, b"raw");
}
