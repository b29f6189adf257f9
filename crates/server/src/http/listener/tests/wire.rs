//! One connection to a service that records what reaches it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::http::listener::caller::Caller;
use crate::http::listener::connection::Connection;
use crate::http::listener::ledger::Ledger;
use crate::http::listener::{BodyViolation, Limits, RequestBody};

/// What the service saw of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) body: Result<String, BodyViolation>,
}

pub(super) struct Wire {
    pub(super) client: DuplexStream,
    pub(super) ledger: Arc<Ledger>,
    pub(super) served: JoinHandle<()>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// By path: `/wait/<seconds>` answers that late, `/unread` without touching the body, `/large` with a mebibyte,
/// `/late-read` reads the body after a minute; everything else reads it at once. A body without an end is answered as
/// [`BodyViolation::problem`] says.
async fn record(request: Request<RequestBody>, seen: Arc<Mutex<Vec<Seen>>>) -> Result<Response<Body>, Infallible> {
    let line = format!("{} {}", request.method(), request.uri());
    let path = request.uri().path().to_owned();
    if path == "/unread" {
        let mut refused = Response::new(Body::from("refused"));
        *refused.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(refused);
    }
    if let Some(seconds) = path.strip_prefix("/wait/") {
        tokio::time::sleep(Duration::from_secs(seconds.parse().unwrap())).await;
    }
    if path == "/late-read" {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let body = request.into_body().collect().await.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
    seen.lock().unwrap().push(Seen { line, body: body.clone() });
    Ok(match body {
        Ok(_) if path == "/large" => Response::new(Body::from(vec![b'x'; 1 << 20])),
        Ok(body) => Response::new(Body::from(format!("{path} {body}"))),
        Err(violation) => {
            let problem = violation.problem();
            let answer = Response::builder().status(problem.status).header("content-type", "application/problem+json");
            answer.body(Body::from(problem.json())).unwrap()
        }
    })
}

/// Both ends of a connection that holds so many octets on their way.
fn connection(octets: usize) -> (DuplexStream, Connection<DuplexStream>, Arc<Ledger>) {
    let (client, io) = duplex(octets);
    let ledger = Arc::new(Ledger::default());
    let caller = Caller::new(([192, 0, 2, 1], 1234).into(), None, Arc::default());
    let connection = Connection { io, received: Vec::new(), caller, ledger: Arc::clone(&ledger), permit: None };
    (client, connection, ledger)
}

impl Wire {
    pub(super) fn open() -> Self {
        Self::with_buffer(1 << 20)
    }

    /// A connection that holds so many octets on their way.
    pub(super) fn with_buffer(octets: usize) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&seen);
        Self::to(tower::service_fn(move |request| record(request, Arc::clone(&recorded))), octets, seen)
    }

    pub(super) fn to<S>(service: S, octets: usize, seen: Arc<Mutex<Vec<Seen>>>) -> Self
    where
        S: tower::Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible, Future: Send>,
        S: Clone + Send + 'static,
    {
        let (client, connection, ledger) = connection(octets);
        let served = tokio::spawn(connection.serve(service, Limits::default()));
        Self { client, ledger, served, seen }
    }

    /// A connection that speaks HTTP/2.
    pub(super) fn on_streams() -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&seen);
        let service = tower::service_fn(move |request| record(request, Arc::clone(&recorded)));
        let (client, connection, ledger) = connection(1 << 20);
        let served = tokio::spawn(connection.serve_streams(service, Limits::default()));
        Self { client, ledger, served, seen }
    }

    pub(super) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.client.write_all(octets.as_ref()).await.unwrap();
    }

    /// What comes within so many seconds; less than asked for when the connection ends first.
    pub(super) async fn receive_for(&mut self, seconds: u64) -> String {
        let mut received = Vec::new();
        let all = async { while self.client.read_buf(&mut received).await.is_ok_and(|octets| octets > 0) {} };
        let _ = timeout(Duration::from_secs(seconds), all).await;
        String::from_utf8_lossy(&received).into_owned()
    }

    /// What comes until the connection ends, and after how many seconds it did.
    pub(super) async fn receive_all(&mut self) -> (String, f32) {
        let begun = tokio::time::sleep(Duration::ZERO).deadline();
        let mut received = Vec::new();
        let all = self.client.read_to_end(&mut received);
        timeout(Duration::from_secs(86_400), all).await.expect("the connection ends some day").unwrap();
        let ended = tokio::time::sleep(Duration::ZERO).deadline();
        (String::from_utf8_lossy(&received).into_owned(), (ended - begun).as_secs_f32())
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

/// The statuses of the answers in `received`, in order.
pub(super) fn statuses(received: &str) -> Vec<u16> {
    let heads = received.split("HTTP/1.").skip(1);
    heads.filter_map(|head| head.get(2..5)?.parse().ok()).collect()
}
