//! An API that can be slow, and clients on WebSockets that sign by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by them"
)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use countersign_core::envelope::{AnswerEnvelope, EnvelopeParams, SignedEnvelope, VerifiedPacket, sign_envelope};
use countersign_core::signature::Interference;
use countersign_core::time::Timestamp;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::whole::{Line, Person, Whole, now};

/// What each action of these tests stands for.
pub(crate) const ACTIONS: &str = r#"
[[envelope.action]]
name = "transfer.create"
path = "/v1/transfers"
[[envelope.action]]
name = "me"
method = "GET"
path = "/v1/me"
[[envelope.action]]
name = "slow"
path = "/slow"
content_type = "text/plain"
[[envelope.action]]
name = "large"
path = "/large"
"#;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What reached the API.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

/// An API that writes down what reaches it. `/slow` never answers, `/large` says more than is signed.
#[derive(Clone, Default)]
pub(crate) struct Api {
    pub(crate) reached: Arc<Mutex<Vec<Reached>>>,
}

impl Api {
    pub(crate) async fn start() -> (Self, SocketAddr) {
        let api = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(any(answer)).with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (api, address)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.reached.lock().unwrap().iter().map(|reached| reached.line.clone()).collect()
    }

    pub(crate) async fn until_reached(&self, line: &str) {
        while !self.lines().iter().any(|reached| reached == line) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn answer(State(api): State<Api>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let line = format!("{} {}", parts.method, parts.uri);
    let fields = parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    api.reached.lock().unwrap().push(Reached { line: line.clone(), fields: fields.collect(), body });
    match line.as_str() {
        "POST /slow" => std::future::pending().await,
        "POST /large" => Body::from(vec![b'x'; 10_000]).into_response(),
        _ => (http::StatusCode::CREATED, [("x-from-the-api", "1")], "{\"id\":1}").into_response(),
    }
}

impl Person {
    /// An envelope of theirs, as it should be.
    pub(crate) fn envelope(&self, action: &str, packet: &[u8]) -> SignedEnvelope {
        self.envelope_with(action, packet, |_| {})
    }

    /// The same with one thing changed before it is signed.
    pub(crate) fn envelope_with(
        &self,
        action: &str,
        packet: &[u8],
        change: impl FnOnce(&mut EnvelopeParams<'_>),
    ) -> SignedEnvelope {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).unwrap();
        let mut params = EnvelopeParams {
            audience: &self.authority,
            keyid: self.keyid.as_str(),
            nonce,
            timestamp: now(),
            action: &action.parse().unwrap(),
            username: "alice",
            packet,
        };
        change(&mut params);
        sign_envelope(&self.envelope_keys.c2s, &params).unwrap()
    }

    /// What an answer is worth to whoever sent this envelope.
    pub(crate) fn believes(&self, sent: &SignedEnvelope, answer: &str) -> Result<VerifiedPacket, Interference> {
        sent.verify_answer(&self.envelope_keys.s2c, AnswerEnvelope::read(answer.as_bytes()).unwrap())
    }
}

/// The problem that a packet is, as its code.
pub(crate) fn code(packet: &VerifiedPacket) -> String {
    let problem: serde_json::Value = serde_json::from_slice(&packet.packet).unwrap();
    assert_eq!(problem["status"], packet.status, "{problem}");
    problem["type"].as_str().unwrap().strip_prefix("urn:countersign:").unwrap().to_owned()
}

/// One WebSocket.
pub(crate) struct Socket(pub(crate) WebSocketStream<Box<dyn Line>>);

/// What came on a WebSocket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Text(String),
    /// The end, with code and reason if any were said.
    End(Option<(u16, String)>),
}

impl Socket {
    pub(crate) async fn open(whole: &Whole) -> Self {
        Self::try_open(whole).await.unwrap()
    }

    pub(crate) async fn try_open(whole: &Whole) -> Result<Self, Error> {
        let stream = whole.connect().await;
        let url = format!("ws://{}/api/auth/envelope", whole.address);
        client_async(url, stream).await.map(|(socket, _)| Self(socket))
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Sends what the server may not care to read to its end.
    pub(crate) async fn try_send(&mut self, message: Message) {
        let _ = self.0.send(message).await;
    }

    pub(crate) async fn receive(&mut self) -> Came {
        let end = |frame: Option<CloseFrame>| {
            Came::End(frame.map(|frame| (u16::from(frame.code), frame.reason.as_str().to_owned())))
        };
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("nothing came") {
                Some(Ok(Message::Text(text))) => return Came::Text(text.as_str().to_owned()),
                Some(Ok(Message::Close(frame))) => return end(frame),
                Some(Err(_)) | None => return Came::End(None),
                Some(Ok(_)) => {}
            }
        }
    }

    /// The text that comes next.
    pub(crate) async fn text(&mut self) -> String {
        match self.receive().await {
            Came::Text(text) => text,
            Came::End(end) => panic!("the connection ended: {end:?}"),
        }
    }

    /// How it ends, when nothing more comes before that.
    pub(crate) async fn end(&mut self) -> Option<(u16, String)> {
        match self.receive().await {
            Came::End(end) => end,
            Came::Text(text) => panic!("an answer came: {text}"),
        }
    }

    /// Sends an envelope, and gives the verified answer to it.
    pub(crate) async fn call(&mut self, person: &Person, sent: &SignedEnvelope) -> VerifiedPacket {
        self.send(sent.json()).await;
        let answer = self.text().await;
        person.believes(sent, &answer).unwrap()
    }
}

/// A time so many milliseconds from now.
pub(crate) fn shifted(millis: i64) -> Timestamp {
    Timestamp::from_millis(now().as_millis().saturating_add_signed(millis))
}
