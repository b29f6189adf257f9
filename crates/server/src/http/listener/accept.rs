use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{ErrorKind, Write};
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower_service::Service;
use tracing::{debug, error, warn};

use super::answer;
use super::body::RequestBody;
use super::caller::Caller;
use super::connection::Connection;
use super::gate::{Gate, Permit};
use super::greeting::{Greeted, Greeting};
use super::ledger::Ledger;
use super::limits::Limits;
use super::preamble::{Preamble, read_preamble};
use crate::http::peer::{ClientAddress, ClientIpSource, canonical};
use crate::tls::Terminal;

/// What a failing `accept` rests before it is tried again: long enough not to spin, short enough not to be noticed.
const REST: Duration = Duration::from_millis(50);

/// Accepts and serves connections until `stop`, then finishes what is in flight within [`Limits::stop`].
///
/// Where the sockets speak TLS, what a client has agreed upon with ALPN is spoken: HTTP/2 or HTTP/1.1. Without TLS it is
/// HTTP/1.1 alone. The service gets whole, well-formed requests only, each with its [`Peer`](crate::http::peer::Peer) in the
/// extensions. It cannot fail, because a failure could not be answered: an error is an answer, too.
pub async fn serve<S, B>(
    sockets: impl Into<Sockets>,
    limits: Limits,
    clients: ClientAddress,
    service: S,
    stop: CancellationToken,
) where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible, Future: Send>,
    S: Clone + Send + 'static,
    B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Send + Unpin + 'static,
{
    let Sockets { listener, tls } = sockets.into();
    let limits = limits.within_descriptors(rustix::process::getrlimit(rustix::process::Resource::Nofile).current);
    let reception = Reception { limits, clients: Arc::new(clients), gate: Arc::new(Gate::new(&limits)), tls };
    let mut connections = JoinSet::new();
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => {
                note_end(&ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, socket)) => {
                failing = false;
                if let Some(newcomer) = reception.receive(stream, canonical(socket)) {
                    connections.spawn(newcomer.serve(service.clone()));
                }
            }
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    warn!(%error, "connections cannot be accepted at present; trying on");
                }
                reception.gate.shed_one();
                let _ = timeout(REST, stop.cancelled()).await;
            }
        }
    }
    drop(listener);
    reception.gate.stop();
    finish(connections, limits.stop).await;
}

/// Errors of one connection, not of the listener: the peer gave up before it was accepted.
fn is_the_peers(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}

/// A panic ends its connection and nothing else, but never unseen.
fn note_end(ended: &Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "a connection ended by a panic");
    }
}

async fn finish(mut connections: JoinSet<()>, bound: Duration) {
    let all = async {
        while let Some(ended) = connections.join_next().await {
            note_end(&ended);
        }
    };
    if timeout(bound, all).await.is_err() {
        warn!(cut_off = connections.len(), "requests in flight took longer than the stop may take");
        connections.shutdown().await;
    }
}

/// Where connections come in, and what is spoken there before HTTP.
#[derive(Debug)]
pub struct Sockets {
    listener: TcpListener,
    tls: Option<Arc<Terminal>>,
}

impl Sockets {
    /// A listener on which TLS is spoken, if there is anything to offer.
    pub const fn new(listener: TcpListener, tls: Option<Arc<Terminal>>) -> Self {
        Self { listener, tls }
    }
}

impl From<TcpListener> for Sockets {
    /// A listener on which plain HTTP is spoken.
    fn from(listener: TcpListener) -> Self {
        Self::new(listener, None)
    }
}

/// What every connection of a listener has in common.
#[derive(Clone)]
struct Reception {
    limits: Limits,
    clients: Arc<ClientAddress>,
    gate: Arc<Gate>,
    tls: Option<Arc<Terminal>>,
}

struct Newcomer {
    reception: Reception,
    stream: TcpStream,
    socket: SocketAddr,
    trusted: bool,
    ledger: Arc<Ledger>,
    permit: Permit,
}

impl Reception {
    /// Takes a connection in, or tells it that there is no room.
    fn receive(&self, stream: TcpStream, socket: SocketAddr) -> Option<Newcomer> {
        let trusted = self.clients.trusted.contains(socket.ip());
        let ledger = Arc::default();
        let network = (!trusted).then(|| socket.ip().into());
        let Some(permit) = self.gate.admit(network, &ledger) else {
            debug!(peer = %socket, "no room for another connection");
            if self.tls.is_none() {
                turn_away(stream);
            }
            return None;
        };
        Some(Newcomer { reception: self.clone(), stream, socket, trusted, ledger, permit })
    }
}

/// Says 503 as far as that goes without waiting for a peer for whom there is no room.
fn turn_away(stream: TcpStream) {
    let Ok(mut stream) = stream.into_std() else { return };
    let _ = stream.write(answer::overloaded().as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
}

impl Newcomer {
    async fn serve<S, B>(self, service: S)
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible, Future: Send> + Clone,
        S: Send + 'static,
        B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Send + Unpin + 'static,
    {
        let Self { reception, mut stream, socket, trusted, ledger, permit } = self;
        let Reception { limits, clients, tls, .. } = reception;
        let _ = stream.set_nodelay(true);
        let mut preamble = Preamble { client: None, rest: Vec::new() };
        if trusted && clients.source == ClientIpSource::ProxyProtocol {
            let reading = timeout(limits.first_byte, read_preamble(&mut stream));
            let Some(Ok(Some(read))) = while_wanted(&ledger, reading).await else { return };
            preamble = read;
        }
        let caller = Caller::new(socket, preamble.client, clients);
        let Some(tls) = tls else {
            let (io, received, permit) = (stream, preamble.rest, Some(permit));
            return Connection { io, received, caller, ledger, permit }.serve(service, limits).await;
        };
        let greeting = Greeting { stream, received: preamble.rest };
        let greeted = while_wanted(&ledger, greeting.shake_hands(&tls.offer(), &limits)).await;
        match greeted {
            Some(Ok(Greeted { io, speaks_http_2 })) => {
                let connection = Connection { io, received: Vec::new(), caller, ledger, permit: Some(permit) };
                if speaks_http_2 {
                    connection.serve_streams(service, limits).await;
                } else {
                    connection.serve(service, limits).await;
                }
            }
            Some(Err(error)) => debug!(peer = %socket, %error, "no TLS with this client"),
            None => {}
        }
    }
}

/// Does something that comes before HTTP, for as long as the connection has not been given up and the server goes on.
async fn while_wanted<T>(ledger: &Ledger, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        let standing = ledger.standing(cx.waker());
        if standing.evicted || standing.stopping { Poll::Ready(None) } else { work.as_mut().poll(cx).map(Some) }
    })
    .await
}
