//! The API behind the guard: it knows nothing of signatures, and keeps a ledger of what it carried out.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// The user who enrols and calls.
pub(crate) const USER: &str = "alice";

/// What reaches an API besides the fields of an order: the framing, what the guard adds, `accept`, on which nothing
/// depends, and the key that the client draws and signs for each order.
const BESIDES: [&str; 7] =
    ["accept", "content-digest", "content-length", "host", "idempotency-key", "remote-key", "remote-user"];

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) method: &'static str,
    /// Path and query.
    pub(crate) target: &'static str,
    pub(crate) fields: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
}

/// What the API carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Entry {
    /// Whether this is that order, the whole of it and nothing more, and said to be its user's.
    pub(crate) fn is(&self, order: &Order) -> bool {
        let known = |name: &str| BESIDES.contains(&name);
        let said: Vec<_> = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.method == order.method
            && self.target == order.target
            && self.body == order.body
            && order.fields.iter().all(|field| said.contains(field))
            && said.iter().filter(|(name, _)| !known(name)).count() == order.fields.len()
            && said.contains(&("remote-user", USER))
    }
}

/// An API at work; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    ledger: Ledger,
    working: JoinHandle<()>,
}

type Ledger = Arc<Mutex<Vec<Entry>>>;

impl Api {
    /// Listens on a free port of loopback.
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let ledger = Ledger::default();
        let working = tokio::spawn(accept(listener, ledger.clone()));
        Ok(Self { address, ledger, working })
    }

    /// What was carried out since this was last asked.
    pub(crate) fn carried_out(&self) -> Vec<Entry> {
        core::mem::take(&mut *self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.working.abort();
    }
}

async fn accept(listener: TcpListener, ledger: Ledger) {
    let mut connections = JoinSet::new();
    while let Ok((peer, _)) = listener.accept().await {
        let ledger = ledger.clone();
        let service = service_fn(move |request| carry_out(request, ledger.clone()));
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(peer), service));
    }
}

async fn carry_out(request: Request<Incoming>, ledger: Ledger) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Ok(answer(StatusCode::BAD_REQUEST, "")) };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let fields = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    let (method, target) = (parts.method.to_string(), parts.uri.to_string());
    let entry = Entry { method, target, fields, body: body.to_bytes() };
    ledger.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    Ok(answer(StatusCode::CREATED, r#"{"state":"done"}"#))
}

fn answer(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: Order = Order { method: "POST", target: "/v1?x=1", fields: &[("x-account", "1")], body: "{}" };

    /// The order as the guard hands it on.
    fn handed_on() -> Entry {
        let fields = [("x-account", "1"), ("host", "h"), ("remote-user", USER), ("remote-key", "k")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Entry { method: "POST".to_owned(), target: "/v1?x=1".to_owned(), fields, body: Bytes::from("{}") }
    }

    #[test]
    fn an_entry_is_an_order_only_in_every_part_and_with_nothing_added() {
        assert!(handed_on().is(&ORDER));
        let changes: [fn(&mut Entry); 8] = [
            |entry| entry.method = "PUT".to_owned(),
            |entry| entry.target = "/v1?x=2".to_owned(),
            |entry| entry.body = Bytes::from("[]"),
            |entry| entry.fields[0].1 = "2".to_owned(),
            |entry| entry.fields[2].1 = "eve".to_owned(),
            |entry| drop(entry.fields.remove(0)),
            |entry| entry.fields.push(("x-added".to_owned(), "1".to_owned())),
            |entry| entry.fields.push(("x-account".to_owned(), "1".to_owned())),
        ];
        for (place, change) in changes.into_iter().enumerate() {
            let mut entry = handed_on();
            change(&mut entry);
            assert!(!entry.is(&ORDER), "change {place}");
        }
    }
}
