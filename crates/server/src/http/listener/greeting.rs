use std::io::{self, Cursor};
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, Chain, Join, join};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::limits::Limits;
use crate::tls::{HTTP_2, Offer};

/// A connection before its TLS handshake, with what was read from it already.
pub(super) struct Greeting {
    pub(super) stream: TcpStream,
    pub(super) received: Vec<u8>,
}

/// What was read already, and what is to come.
type Whole = Chain<Cursor<Vec<u8>>, OwnedReadHalf>;

/// A connection after it.
pub(super) struct Greeted {
    pub(super) io: TlsStream<Join<Whole, OwnedWriteHalf>>,
    pub(super) speaks_http_2: bool,
}

impl Greeting {
    /// Does the handshake within the time that a head may take. Until then the connection has brought none, so it is among
    /// the first to make room for others.
    pub(super) async fn shake_hands(self, offer: &Offer, limits: &Limits) -> io::Result<Greeted> {
        let (read, write) = self.stream.into_split();
        let io = join(Cursor::new(self.received).chain(read), write);
        let io = timeout(limits.head, TlsAcceptor::from(Arc::clone(&offer.config)).accept(io)).await??;
        let (_, agreed) = io.get_ref();
        let speaks_http_2 = agreed.alpn_protocol() == Some(HTTP_2);
        Ok(Greeted { io, speaks_http_2 })
    }
}
