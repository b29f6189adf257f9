//! Envelopes on a WebSocket at `/api/auth/envelope`.
//!
//! The handshake goes through the same HTTP client as every other call, so TLS is the same. Nothing in it is believed:
//! each message proves itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use countersign_core::envelope::Action;
use countersign_core::signature::Interference;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, HOST, HeaderValue, UPGRADE};
use http::{Method, StatusCode};
use reqwest::Upgraded;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use super::{EnvelopeConversation, EnvelopeReceipt, VerifiedEnvelope};
use crate::conversation::{ClockChange, lock};
use crate::transport::{Clock, Network, http_client, random};
use crate::{CallError, Server, Target};

const PATH: &str = "/api/auth/envelope";

/// The longest answer that is read.
const LONGEST: usize = 64 * 1024 * 1024;

/// A client of one server with one key, in envelopes. Calls share a connection, which is opened when it is needed.
#[derive(Debug)]
pub struct EnvelopeClient {
    http: reqwest::Client,
    server: Server,
    conversation: Arc<EnvelopeConversation>,
    clock: Clock,
    link: tokio::sync::Mutex<Option<Link>>,
}

/// A verified answer, and what it took to get it.
#[derive(Clone, Debug)]
pub struct EnvelopeAnswer {
    /// The answer.
    pub verified: VerifiedEnvelope,
    /// Whether the first attempt was rejected for its time, so that this is the answer to the second.
    pub retried: bool,
    /// How our idea of the server's clock was corrected on the way, if it was.
    pub clock_change: Option<ClockChange>,
}

impl EnvelopeClient {
    /// A client that connects to `server` and signs as `conversation` says.
    pub fn new(server: Server, conversation: EnvelopeConversation) -> Result<Self, Network> {
        // HTTP/1.1, whatever the server's name: an upgrade is what HTTP/2 does otherwise.
        let http = http_client(&server, false)?;
        let (conversation, link) = (Arc::new(conversation), tokio::sync::Mutex::new(None));
        Ok(Self { http, server, conversation, clock: Clock::start(), link })
    }

    /// Signs, sends, and waits for the verified answer. When the server says, verifiably, that the message was rejected
    /// for its time, it is signed anew and sent once more.
    pub async fn call(&self, action: &Action, packet: &[u8]) -> Result<EnvelopeAnswer, CallError> {
        let first = self.attempt(action, packet).await?;
        if !first.was_rejected_for_its_time() {
            let clock_change = first.clock_change;
            return Ok(EnvelopeAnswer { verified: first, retried: false, clock_change });
        }
        let second = self.attempt(action, packet).await?;
        let clock_change = first.clock_change.or(second.clock_change);
        Ok(EnvelopeAnswer { verified: second, retried: true, clock_change })
    }

    /// The conversation behind this client.
    pub fn conversation(&self) -> &EnvelopeConversation {
        &self.conversation
    }

    async fn attempt(&self, action: &Action, packet: &[u8]) -> Result<VerifiedEnvelope, CallError> {
        // The connection comes first, so that the time of the message is not that of a handshake before it.
        let link = self.link().await?;
        let message = self.conversation.sign(action, packet, random()?, self.clock.read())?;
        let (answered, answer) = oneshot::channel();
        lock(&link.waiting).insert(message.receipt, answered);
        let sent = link.outgoing.send(message.json).await;
        let patience = self.conversation.patience();
        if sent.is_err() {
            // The connection has ended; nobody else takes this out any more.
            lock(&link.waiting).remove(&message.receipt);
        }
        let judged = tokio::time::timeout(patience, answer).await;
        lock(&link.waiting).remove(&message.receipt);
        match judged {
            Ok(Ok(judged)) => judged.map_err(CallError::Interference),
            Ok(Err(_)) => Err(Network::Closed.into()),
            Err(_) => Err(Network::TooLate.into()),
        }
    }

    /// The connection that there is, or a new one.
    async fn link(&self) -> Result<Link, CallError> {
        let mut link = self.link.lock().await;
        if let Some(open) = link.as_ref().filter(|link| !link.outgoing.is_closed()) {
            return Ok(open.clone());
        }
        let socket = self.connect().await?;
        let (outgoing, messages) = mpsc::channel(16);
        let fresh = Link { outgoing, waiting: Arc::default() };
        let relay =
            Relay { conversation: Arc::clone(&self.conversation), clock: self.clock, link: fresh.waiting.clone() };
        tokio::spawn(relay.run(socket, messages));
        *link = Some(fresh.clone());
        Ok(fresh)
    }

    async fn connect(&self) -> Result<WebSocketStream<Upgraded>, CallError> {
        let authority = &self.conversation.credentials().authority;
        let target = Target::parse(PATH, &self.server, authority)?;
        let key = generate_key();
        let mut request = reqwest::Request::new(Method::GET, target.url().clone());
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        for (name, value) in [("sec-websocket-key", key.as_str()), (HOST.as_str(), authority.as_str())] {
            let value = HeaderValue::from_str(value).map_err(|_| Network::NotAWebSocket(StatusCode::BAD_REQUEST))?;
            headers.insert(name, value);
        }
        let answer = self.http.execute(request).await.map_err(Network::of)?;
        let accepted = answer.headers().get("sec-websocket-accept");
        let accepted = accepted.is_some_and(|value| value.as_bytes() == derive_accept_key(key.as_bytes()).as_bytes());
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS || !accepted {
            return Err(Network::NotAWebSocket(answer.status()).into());
        }
        let upgraded = answer.upgrade().await.map_err(Network::of)?;
        let config = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
        Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
    }
}

type Waiting = Arc<Mutex<HashMap<EnvelopeReceipt, oneshot::Sender<Result<VerifiedEnvelope, Interference>>>>>;

/// The near end of a connection.
#[derive(Clone, Debug)]
struct Link {
    outgoing: mpsc::Sender<String>,
    waiting: Waiting,
}

/// What carries messages to and fro, and gives each answer to whoever waits for it.
struct Relay {
    conversation: Arc<EnvelopeConversation>,
    clock: Clock,
    link: Waiting,
}

impl Relay {
    async fn run(self, mut socket: WebSocketStream<Upgraded>, mut messages: mpsc::Receiver<String>) {
        loop {
            let going_on = tokio::select! {
                message = messages.recv() => match message {
                    Some(json) => socket.send(Message::text(json)).await.is_ok(),
                    None => break,
                },
                incoming = socket.next() => match incoming {
                    Some(Ok(Message::Text(text))) => self.receive(text.as_bytes()),
                    Some(Ok(Message::Binary(octets))) => self.receive(&octets),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => true,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => false,
                },
            };
            if !going_on {
                break;
            }
        }
        messages.close();
        let _ = socket.close(None).await;
        // Whoever still waits learns that there will be no answer.
        lock(&self.link).clear();
    }

    /// Gives an answer to whoever waits for it. What answers nothing is somebody's else: then nothing that comes on this
    /// connection can be told from it, and all who wait are told so.
    fn receive(&self, message: &[u8]) -> bool {
        let received = self.conversation.receive(message, self.clock.read());
        match (received.receipt, received.judged) {
            (Some(receipt), judged) => {
                if let Some(waiting) = lock(&self.link).remove(&receipt) {
                    let _ = waiting.send(judged);
                }
                true
            }
            (None, Err(Interference::Stale)) => true,
            (None, judged) => {
                let class = judged.err().unwrap_or(Interference::BadMac);
                for (_, waiting) in lock(&self.link).drain() {
                    let _ = waiting.send(Err(class));
                }
                false
            }
        }
    }
}
