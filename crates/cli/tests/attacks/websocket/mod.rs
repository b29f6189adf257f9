//! WebSockets through the guard, over real sockets, with other people's WebSockets at both ends.

mod agreed;
mod attackers;
mod between;
mod in_process;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use countersign_client::{Client, Conversation, Credentials, Handshake, Upgraded, WebSocket};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue};
use tokio::net::TcpListener;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::support::guard::Running;
use crate::support::in_time;
use crate::support::signing::Key;
use crate::support::transport::server;

/// What the guard is told: WebSockets below `/ws`, and nowhere else.
const CONFIGURATION: &str = "[[route]]\npath = \"/ws\"\nwebsocket = true\n";

/// An API that sends back what it is sent, and remembers the handshakes.
struct Echo {
    address: SocketAddr,
    handshakes: Arc<Mutex<Vec<Request>>>,
    /// A word for each connection that has ended.
    ended: tokio::sync::mpsc::UnboundedReceiver<()>,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let handshakes = Arc::<Mutex<Vec<Request>>>::default();
        let (heard, (ending, ended)) = (Arc::clone(&handshakes), tokio::sync::mpsc::unbounded_channel());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (heard, ending) = (Arc::clone(&heard), ending.clone());
                tokio::spawn(async move {
                    #[expect(clippy::result_large_err, reason = "the library wants it so")]
                    let remember = |request: &Request, mut answer: Response| {
                        heard.lock().unwrap().push(request.clone());
                        if request.headers().contains_key("sec-websocket-protocol") {
                            answer.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("chat"));
                        }
                        Ok(answer)
                    };
                    if let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, remember).await {
                        while let Some(Ok(message)) = socket.next().await {
                            if !message.is_close() && socket.send(message).await.is_err() {
                                break;
                            }
                        }
                    }
                    let _ = ending.send(());
                });
            }
        });
        Self { address, handshakes, ended }
    }

    fn only_handshake(&self) -> Request {
        let handshakes = self.handshakes.lock().unwrap();
        assert_eq!(handshakes.len(), 1, "{handshakes:?}");
        handshakes[0].clone()
    }

    async fn ended(&mut self) {
        in_time(self.ended.recv()).await.unwrap();
    }
}

/// The guard in front of the echo.
async fn stage(toml: &str) -> (Echo, Running) {
    let echo = Echo::start().await;
    let guard = Running::before(echo.address, toml).await;
    (echo, guard)
}

/// A client with this key that connects to `address`, whatever stands there.
fn client(guard: &Running, key: &Key, address: SocketAddr) -> Client {
    signing_for(&guard.authority(), key, address)
}

fn signing_for(authority: &str, key: &Key, address: SocketAddr) -> Client {
    let (authority, keyid) = (authority.parse().unwrap(), key.keyid.parse().unwrap());
    Client::new(server(address), Conversation::new(Credentials::new(authority, keyid, &key.root), 0)).unwrap()
}

type Socket = WebSocketStream<Upgraded>;

async fn opened(client: &Client, target: &str, headers: HeaderMap) -> WebSocket {
    match in_time(client.open_websocket(target, headers)).await.unwrap() {
        Handshake::Opened(socket) => socket,
        Handshake::Declined(answer) => panic!("{answer:?}"),
    }
}

/// A WebSocket to the echo, through the guard.
async fn connected(guard: &Running, key: &Key) -> Socket {
    framed(opened(&client(guard, key, guard.address), "/ws", HeaderMap::new()).await).await
}

async fn framed(socket: WebSocket) -> Socket {
    WebSocketStream::from_raw_socket(socket.stream, Role::Client, None).await
}

async fn echoes(socket: &mut Socket, message: Message) {
    in_time(socket.send(message.clone())).await.unwrap();
    assert!(in_time(socket.next()).await.unwrap().unwrap() == message, "it comes back as it went");
}

/// Whether the connection ends, however it does.
async fn ends(socket: &mut Socket) {
    while let Some(Ok(_)) = in_time(socket.next()).await {}
}
