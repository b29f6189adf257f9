//! Where a request comes from: the socket's peer or, when that is a trusted proxy, the client it vouches for.
//!
//! Anybody may write `X-Forwarded-For`. A proxy appends to the list, so only its right end is honest: it is walked
//! from there, past the addresses that are trusted, and the first other one is the client.

mod forwarded;
mod node;
mod source;
mod trusted;

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap};

pub use self::source::ClientIpSource;
pub use self::trusted::{TrustedProxies, TrustsEveryone};

/// Who sent a request; put into the extensions of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the TCP connection, IPv4-mapped addresses unmapped.
    pub socket: SocketAddr,
    /// The client's address as far as trusted proxies vouch for it, else the address of `socket`.
    pub client: IpAddr,
}

impl Peer {
    /// The peer of a request that came in over a listener of ours or of somebody else's: what stands among the extensions
    /// as [`Peer`], as axum's `ConnectInfo<SocketAddr>`, or as plain [`SocketAddr`], in this order.
    ///
    /// Without any of them nobody knows, and all clients count as one, `0.0.0.0`: they share what a single address is
    /// granted, which can only be less than each would have had.
    pub(super) fn of(extensions: &Extensions, headers: &HeaderMap, clients: &ClientAddress) -> Self {
        if let Some(peer) = extensions.get() {
            return *peer;
        }
        let connected = extensions.get().map(|ConnectInfo(socket)| *socket);
        let socket = connected.or_else(|| extensions.get().copied()).unwrap_or_else(|| {
            UNKNOWN.call_once(|| tracing::warn!("requests come without an address; all clients count as one"));
            SocketAddr::from(([0, 0, 0, 0], 0))
        });
        Self { socket: canonical(socket), client: clients.client(socket.ip(), headers) }
    }
}

/// The log is told once that it will not learn where requests come from.
static UNKNOWN: Once = Once::new();

/// How the client's address is derived: which peers are believed, and the one place where they put it.
#[derive(Clone, Debug, Default)]
pub struct ClientAddress {
    /// The proxies that are believed.
    pub trusted: TrustedProxies,
    /// Where they say who the client is.
    pub source: ClientIpSource,
}

impl ClientAddress {
    /// The client of a request that came from `peer` with these fields.
    ///
    /// The answer is always an address that a trusted proxy has seen with its own eyes, or a trusted proxy's own: an
    /// entry that is no address ends the walk at the last good one.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut last_good = peer.to_canonical();
        for entry in self.source.entries_from_the_right(headers) {
            if !self.trusted.contains(last_good) {
                return last_good;
            }
            let Some(address) = entry else { return last_good };
            last_good = address;
        }
        last_good
    }
}

/// The other end of a connection, with an IPv4 address that a dual-stack socket wrapped in IPv6 unwrapped.
pub(crate) fn canonical(socket: SocketAddr) -> SocketAddr {
    SocketAddr::new(socket.ip().to_canonical(), socket.port())
}

#[cfg(test)]
mod tests;
