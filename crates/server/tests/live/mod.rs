//! A live listener on loopback with a service that records what reaches it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use countersign_server::http::listener::{BodyViolation, Limits, Pace, Sockets, serve};
use countersign_server::http::peer::{ClientAddress, ClientIpSource, Peer, TrustedProxies};
use countersign_server::tls::Terminal;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) whole: bool,
    pub(crate) peer: Peer,
}

pub(crate) struct Live {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) server: JoinHandle<()>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// Limits so short that a test can wait for each of them.
pub(crate) fn brief() -> Limits {
    let pace = Pace { grace: Duration::from_millis(300), octets_per_second: 1_024, stall: Duration::from_millis(600) };
    let moment = Duration::from_millis(300);
    Limits { first_byte: moment, head: Duration::from_secs(1), body: pace, stop: moment, linger: moment, ..patient() }
}

/// Limits that nobody reaches while a test runs on a busy machine.
pub(crate) fn patient() -> Limits {
    Limits { first_byte: Duration::from_secs(60), head: Duration::from_secs(60), ..Limits::default() }
}

impl Live {
    pub(crate) async fn start() -> Self {
        Self::start_with(brief()).await
    }

    pub(crate) async fn start_with(limits: Limits) -> Self {
        Self::start_for(limits, ClientAddress::default()).await
    }

    pub(crate) async fn behind_loopback_proxies(limits: Limits, source: &str) -> Self {
        let source: ClientIpSource = serde_json::from_value(source.into()).unwrap();
        let trusted = TrustedProxies::check(&["127.0.0.0/8".parse().unwrap()], false).unwrap();
        Self::start_for(limits, ClientAddress { trusted, source }).await
    }

    pub(crate) async fn start_for(limits: Limits, clients: ClientAddress) -> Self {
        Self::start_by(None, limits, clients).await
    }

    pub(crate) async fn speaking_tls(limits: Limits, tls: Arc<Terminal>) -> Self {
        Self::start_by(Some(tls), limits, ClientAddress::default()).await
    }

    pub(crate) async fn start_by(tls: Option<Arc<Terminal>>, limits: Limits, clients: ClientAddress) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, seen) = (CancellationToken::new(), Arc::new(Mutex::new(Vec::new())));
        let recorded = Arc::clone(&seen);
        let service = tower::service_fn(move |request| record(request, Arc::clone(&recorded)));
        let router = Router::new().fallback_service(service);
        let server = tokio::spawn(serve(Sockets::new(listener, tls), limits, clients, router, stop.clone()));
        Self { address, stop, server, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) async fn until_seen(&self, line: &str) {
        while !self.seen().iter().any(|seen| seen.line == line) {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Refuses `/unread` without reading, takes half a second for `/slow` and for ever for `/endless`, and answers all else
/// when its body is whole.
async fn record(request: Request, seen: Arc<Mutex<Vec<Seen>>>) -> Result<Response<Body>, Infallible> {
    let line = format!("{} {}", request.method(), request.uri());
    let peer = *request.extensions().get::<Peer>().unwrap();
    if line == "POST /unread" {
        return Ok(answer(StatusCode::UNAUTHORIZED, "text/plain", ""));
    }
    let body = request.into_body().collect().await;
    seen.lock().unwrap().push(Seen { line: line.clone(), whole: body.is_ok(), peer });
    match line.as_str() {
        "GET /slow" => sleep(Duration::from_millis(500)).await,
        "GET /endless" => std::future::pending().await,
        _ => {}
    }
    let Err(error) = body else { return Ok(answer(StatusCode::OK, "text/plain", "ok")) };
    // The error has been through axum's own body type, so this is what the pipeline has to do, too.
    let problem = BodyViolation::find(&error).expect("a typed error").problem();
    Ok(answer(StatusCode::from_u16(problem.status).unwrap(), "application/problem+json", problem.json()))
}

fn answer(status: StatusCode, kind: &str, body: impl Into<Body>) -> Response<Body> {
    let answer = Response::builder().status(status).header("content-type", kind).header("cache-control", "no-store");
    let answer = if status.is_client_error() { answer.header("connection", "close") } else { answer };
    answer.body(body.into()).unwrap()
}

/// Sends `octets` in pieces of that length and returns all that comes back until the server closes; when it is meant to
/// stay open, until it has been silent for a while.
pub(crate) async fn exchange(address: SocketAddr, octets: &[u8], pieces: usize, closes: bool) -> String {
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    reader.as_ref().set_nodelay(true).unwrap();
    let octets = octets.to_vec();
    let writing = tokio::spawn(async move {
        for piece in octets.chunks(pieces.max(1)) {
            if writer.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        writer
    });
    let mut received = Vec::new();
    let silence = Duration::from_millis(if closes { 30_000 } else { 300 });
    loop {
        match timeout(silence, reader.read_buf(&mut received)).await {
            Ok(Ok(0)) | Ok(Err(_)) if closes => break,
            Ok(Ok(1..)) => {}
            Err(_) if !closes => break,
            other => panic!("closes: {closes}, but: {other:?} after {}", String::from_utf8_lossy(&received)),
        }
    }
    drop(writing.await);
    String::from_utf8_lossy(&received).into_owned()
}

/// The statuses of the answers in `received`, in order.
pub(crate) fn statuses(received: &str) -> Vec<u16> {
    let heads = received.split("HTTP/1.").skip(1);
    heads.filter_map(|head| head.get(2..5)?.parse().ok()).collect()
}
