//! An API that takes and gives bodies of any length, and writes down how each of those that it took has ended.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{any, get};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::support::in_time;

/// A body that the API was given.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) headers: HeaderMap,
    pub(super) length: usize,
    /// The first octets of it.
    pub(super) start: Vec<u8>,
    /// Whether it came to a clean end.
    pub(super) whole: bool,
}

/// The API.
pub(super) struct Api {
    pub(super) address: SocketAddr,
    shared: Shared,
    serving: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Shared {
    got: Arc<Mutex<Vec<Got>>>,
    arrived: Arc<Mutex<usize>>,
    events: Arc<Mutex<Vec<mpsc::UnboundedSender<std::io::Result<Bytes>>>>>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Api {
    pub(super) async fn start() -> Self {
        let shared = Shared::default();
        let router = Router::new()
            .route("/s/up", any(take))
            .route("/up", any(take))
            .route("/s/stuck", any(leave))
            .route("/s/down/{length}", get(give))
            .route("/down/{length}", get(give))
            .route("/s/events", get(events))
            .route("/s/nothing", any(|| async { http::StatusCode::NO_CONTENT }))
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, serving }
    }

    /// The body that was given next, once it has ended one way or the other.
    pub(super) async fn next(&self) -> Got {
        in_time(async {
            loop {
                if let Some(got) = self.shared.got.lock().unwrap().pop() {
                    return got;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    /// All bodies that have ended so far, one way or the other.
    pub(super) fn all(&self) -> Vec<Got> {
        std::mem::take(&mut *self.shared.got.lock().unwrap())
    }

    /// Waits until so many octets of bodies have come.
    pub(super) async fn has_got(&self, octets: usize) {
        in_time(async {
            while *self.shared.arrived.lock().unwrap() < octets {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Says something to everybody who waits for events.
    pub(super) async fn say(&self, text: &'static str) {
        in_time(async {
            while self.shared.events.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        for listener in self.shared.events.lock().unwrap().iter() {
            let _ = listener.send(Ok(Bytes::from_static(text.as_bytes())));
        }
    }

    /// Waits until no more than so many wait for events.
    pub(super) async fn is_heard_by(&self, count: usize) {
        in_time(async {
            while self.shared.events.lock().unwrap().iter().filter(|listener| !listener.is_closed()).count() != count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Says nothing more to anybody.
    pub(super) fn come_to_an_end(&self) {
        self.shared.events.lock().unwrap().clear();
    }

    /// Cuts the connections of all who wait for events.
    pub(super) fn break_off(&self) {
        for listener in self.shared.events.lock().unwrap().drain(..) {
            let _ = listener.send(Err(std::io::Error::other("cut")));
        }
    }
}

async fn take(State(shared): State<Shared>, headers: HeaderMap, body: Body) -> String {
    let mut got = Got { headers, length: 0, start: Vec::new(), whole: false };
    let mut body = body.into_data_stream();
    loop {
        match body.next().await {
            Some(Ok(data)) => {
                got.length += data.len();
                *shared.arrived.lock().unwrap() += data.len();
                got.start.extend(data.iter().take(1_000_usize.saturating_sub(got.start.len())));
            }
            Some(Err(_)) => break,
            None => {
                got.whole = true;
                break;
            }
        }
    }
    let said = format!("{} octets", got.length);
    shared.got.lock().unwrap().push(got);
    said
}

/// Begins to read a body and never goes on.
async fn leave(State(shared): State<Shared>, body: Body) -> String {
    let mut body = body.into_data_stream();
    if let Some(Ok(data)) = body.next().await {
        *shared.arrived.lock().unwrap() += data.len();
    }
    std::future::pending().await
}

const PIECE: usize = 100_000;

fn pieces(length: usize) -> impl stream::Stream<Item = Result<Bytes, std::io::Error>> {
    let zeros = Bytes::from(vec![0; PIECE]);
    stream::unfold(length, move |left| {
        let piece = zeros.slice(..left.min(PIECE));
        async move { (left > 0).then(|| (Ok(piece.clone()), left - piece.len())) }
    })
}

/// So many zeros, in pieces.
async fn give(Path(length): Path<usize>) -> Response {
    Response::builder().header("x-kind", "zeros").body(Body::from_stream(pieces(length))).unwrap()
}

async fn events(State(shared): State<Shared>) -> Response {
    let (listener, said) = mpsc::unbounded_channel();
    shared.events.lock().unwrap().push(listener);
    let said = stream::unfold(said, |mut said| async { said.recv().await.map(|data| (data, said)) });
    Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(said)).unwrap()
}
