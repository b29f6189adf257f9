//! What is spoken with the guards of this program: every attack is run over each.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use countersign_client::{CertificateAuthorities, Server};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::streams::Said;

/// The file of a guard's certificate.
pub(crate) const CERTIFICATE: &str = "cert.pem";

/// How octets reach a guard.
#[allow(dead_code, reason = "each program of tests speaks one of them")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// HTTP/1.1 on a plain connection.
    Plain,
    /// HTTP/1.1 in TLS.
    Tls,
    /// HTTP/2 in TLS: what an octet of HTTP/1.1 means is said in frames.
    Http2,
}

/// A connection, encrypted or not.
pub(crate) trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// Whom the callers of a guard trust.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    tls: Arc<ClientConfig>,
    authorities: CertificateAuthorities,
}

/// How a guard is spoken to, and whom its callers trust.
type Speech = (Transport, Trust);

/// The guards that do not speak plain HTTP/1.1, by address.
static DOORS: LazyLock<Mutex<HashMap<SocketAddr, Speech>>> = LazyLock::new(Mutex::default);

/// The word of a guard on how it is spoken to; it holds for as long as this is kept.
#[derive(Debug)]
pub(crate) struct Door(SocketAddr);

impl Drop for Door {
    fn drop(&mut self) {
        DOORS.lock().unwrap().remove(&self.0);
    }
}

impl Transport {
    /// Whether octets stand for themselves here. Where they do not, there are rules of HTTP/1.1 that cannot be broken; those
    /// of HTTP/2 are broken, frame by frame, in the tests of the listener.
    pub(crate) fn has_octets(self) -> bool {
        self != Self::Http2
    }

    /// Whether this head can be sent at all.
    pub(crate) fn can_say(self, head: &str) -> bool {
        self.has_octets() || Said::of(head.as_bytes()).is_ok()
    }

    /// Makes a certificate in this directory where one is needed: what the configuration says of it, and whom to trust.
    pub(crate) fn prepare(self, directory: &Path) -> (String, Option<Trust>) {
        if self == Self::Plain {
            return (String::new(), None);
        }
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let (cert_file, key_file) = (directory.join(CERTIFICATE), directory.join("key.pem"));
        std::fs::write(&cert_file, cert.pem()).unwrap();
        private(&key_file, &signing_key);
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut tls = builder.with_root_certificates(roots).with_no_client_auth();
        tls.alpn_protocols = vec![if self == Self::Http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        let toml = format!("tls_cert = {cert_file:?}\ntls_key = {key_file:?}\n");
        let authorities = CertificateAuthorities::from_pem(&cert.pem()).unwrap();
        (toml, Some(Trust { tls: Arc::new(tls), authorities }))
    }

    /// Whoever connects to this address from now on speaks like this.
    pub(crate) fn open(self, address: SocketAddr, trust: Option<Trust>) -> Door {
        if let Some(trust) = trust {
            DOORS.lock().unwrap().insert(address, (self, trust));
        }
        Door(address)
    }
}

/// Whoever listens there, as a client of ours is told of it.
pub(crate) fn server(address: SocketAddr) -> Server {
    let door = DOORS.lock().unwrap().get(&address).cloned();
    let scheme = if door.is_some() { "https" } else { "http" };
    let server = Server::parse(&format!("{scheme}://{address}")).unwrap();
    server.trusting(door.map(|(_, trust)| trust.authorities))
}

fn private(path: &Path, key: &KeyPair) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, key.serialize_pem().as_bytes()).unwrap();
}

/// What is spoken with whoever listens there, after the handshake that belongs to it.
pub(crate) async fn greet(stream: TcpStream) -> (Transport, Box<dyn Line>) {
    let address = stream.peer_addr().ok();
    let door = address.and_then(|address| DOORS.lock().unwrap().get(&address).cloned());
    let (Some(address), Some((transport, trust))) = (address, door) else {
        return (Transport::Plain, Box::new(stream));
    };
    let name = ServerName::from(address.ip());
    match TlsConnector::from(trust.tls).connect(name, stream).await {
        Ok(stream) => (transport, Box::new(stream)),
        // It was given up before it began, which shows in the answer that does not come.
        Err(_) => (transport, Box::new(tokio::io::join(tokio::io::empty(), tokio::io::sink()))),
    }
}
