use std::convert::Infallible;
use std::io::{ErrorKind, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
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
use super::ledger::Ledger;
use super::limits::Limits;
use super::preamble::{Preamble, read_preamble};
use crate::http::peer::{ClientAddress, ClientIpSource, canonical};

/// What a failing `accept` rests before it is tried again: long enough not to spin, short enough not to be noticed.
const REST: Duration = Duration::from_millis(50);

/// Accepts and serves connections until `stop`, then finishes what is in flight within [`Limits::stop`].
///
/// The service gets whole, well-formed requests only, each with its [`Peer`](crate::http::peer::Peer) in the
/// extensions. It cannot fail, because a failure could not be answered: an error is an answer, too.
pub async fn serve<S, B>(
    listener: TcpListener,
    limits: Limits,
    clients: ClientAddress,
    service: S,
    stop: CancellationToken,
) where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible, Future: Send>,
    S: Clone + Send + 'static,
    B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Send + Unpin + 'static,
{
    let limits = limits.within_descriptors(rustix::process::getrlimit(rustix::process::Resource::Nofile).current);
    let reception = Reception { limits, clients: Arc::new(clients), gate: Arc::new(Gate::new(&limits)) };
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

/// What every connection of a listener has in common.
#[derive(Clone)]
struct Reception {
    limits: Limits,
    clients: Arc<ClientAddress>,
    gate: Arc<Gate>,
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
            turn_away(stream);
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
    async fn serve<S, B>(mut self, service: S)
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone,
        B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Unpin + 'static,
    {
        let _ = self.stream.set_nodelay(true);
        let Reception { limits, clients, .. } = self.reception;
        let mut preamble = Preamble { client: None, rest: Vec::new() };
        if self.trusted && clients.source == ClientIpSource::ProxyProtocol {
            let Ok(Some(read)) = timeout(limits.first_byte, read_preamble(&mut self.stream)).await else { return };
            preamble = read;
        }
        let caller = Caller::new(self.socket, preamble.client, clients);
        let permit = Some(self.permit);
        let connection = Connection { io: self.stream, received: preamble.rest, caller, ledger: self.ledger, permit };
        connection.serve(service, limits).await;
    }
}
