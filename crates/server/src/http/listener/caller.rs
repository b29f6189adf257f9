use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;

use crate::http::peer::{ClientAddress, Peer};

/// Who is at the other end of a connection, and how its requests say on whose behalf.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    socket: SocketAddr,
    /// The client that the PROXY protocol named for the whole connection.
    proxied: Option<IpAddr>,
    clients: Arc<ClientAddress>,
}

impl Caller {
    pub(super) const fn new(socket: SocketAddr, proxied: Option<IpAddr>, clients: Arc<ClientAddress>) -> Self {
        Self { socket, proxied, clients }
    }

    pub(super) const fn socket(&self) -> SocketAddr {
        self.socket
    }

    /// The peer of a request with these fields.
    pub(super) fn peer(&self, headers: &HeaderMap) -> Peer {
        let client = self.proxied.unwrap_or_else(|| self.clients.client(self.socket.ip(), headers));
        Peer { socket: self.socket, client }
    }
}
