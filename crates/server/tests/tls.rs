//! TLS on a live listener: who is let in, who is kept waiting, and what is agreed upon.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by them"
)]

mod live;

use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_server::config::TlsFiles;
use countersign_server::http::listener::Limits;
use countersign_server::http::peer::{ClientAddress, TrustedProxies};
use countersign_server::tls::{Look, Terminal};
use live::{Live, brief, patient, statuses};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const GET: &[u8] = b"GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A listener that speaks TLS, and the files of its certificate.
struct Secured {
    live: Live,
    terminal: Arc<Terminal>,
    files: TlsFiles,
    cert: CertificateDer<'static>,
    _home: TempDir,
}

/// Writes a new certificate for 127.0.0.1.
fn renew(files: &TlsFiles) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&files.cert, cert.pem()).unwrap();
    private(&files.key, &signing_key.serialize_pem());
    cert.der().clone()
}

fn private(path: &Path, content: &str) {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, content.as_bytes()).unwrap();
}

impl Secured {
    async fn start(limits: Limits) -> Self {
        let home = tempfile::tempdir().unwrap();
        let files = TlsFiles { cert: home.path().join("cert.pem"), key: home.path().join("key.pem") };
        let cert = renew(&files);
        let terminal = Arc::new(Terminal::open(files.clone()).unwrap());
        let live = Live::speaking_tls(limits, terminal.clone()).await;
        Self { live, terminal, files, cert, _home: home }
    }

    /// A client that trusts this listener and wants these protocols.
    fn client(&self, protocols: &[&[u8]]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.cert.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let mut client = builder.with_no_client_auth();
        client.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        client
    }

    async fn connect(&self, client: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.live.address).await?;
        TlsConnector::from(client.clone()).connect(ServerName::from(self.live.address.ip()), stream).await
    }
}

/// The answer to a request.
async fn answer(mut stream: TlsStream<TcpStream>) -> String {
    stream.write_all(GET).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

/// All that comes back for these octets before the connection ends.
async fn sent(address: SocketAddr, octets: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(octets).await.unwrap();
    let mut received = Vec::new();
    let _ = timeout(Duration::from_secs(30), stream.read_to_end(&mut received)).await.expect("it is closed");
    received
}

#[tokio::test]
async fn what_is_agreed_upon_is_spoken_and_without_an_agreement_http_1_1() {
    let secured = Secured::start(patient()).await;
    for (wanted, agreed) in [
        (&[][..], None),
        (&[&b"http/1.1"[..]], Some(&b"http/1.1"[..])),
        (&[b"h2", b"http/1.1"], Some(b"h2")),
        (&[b"http/1.1", b"h2"], Some(b"h2")),
    ] {
        let stream = secured.connect(&Arc::new(secured.client(wanted))).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
        if agreed != Some(b"h2") {
            assert_eq!(statuses(&answer(stream).await), [200]);
        }
    }
    assert!(secured.connect(&Arc::new(secured.client(&[b"h3"]))).await.is_err(), "nothing in common");
}

#[tokio::test]
async fn octets_of_another_protocol_than_the_one_agreed_upon_are_served_by_none() {
    let secured = Secured::start(brief()).await;
    let of_http_2 = secured.connect(&Arc::new(secured.client(&[b"h2"]))).await.unwrap();
    assert_eq!(statuses(&answer(of_http_2).await), [] as [u16; 0]);
    let mut of_http_1 = secured.connect(&Arc::new(secured.client(&[b"http/1.1"]))).await.unwrap();
    of_http_1.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = of_http_1.read_to_string(&mut answer).await;
    assert_eq!(statuses(&answer), [400]);
    assert!(secured.live.seen().is_empty());
}

#[tokio::test]
async fn without_tls_nobody_is_answered() {
    let secured = Secured::start(brief()).await;
    for octets in [GET, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"", b"\x16", &[0xff; 1_000]] {
        let received = sent(secured.live.address, octets).await;
        assert!(!received.starts_with(b"HTTP"), "{:?}", String::from_utf8_lossy(&received));
    }
    assert!(secured.live.seen().is_empty());
}

#[tokio::test]
async fn tls_1_3_and_1_2_are_spoken_and_nothing_older() {
    let secured = Secured::start(patient()).await;
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut roots = RootCertStore::empty();
        roots.add(secured.cert.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(&[version]).unwrap().with_root_certificates(roots);
        let stream = secured.connect(&Arc::new(builder.with_no_client_auth())).await.unwrap();
        assert_eq!(statuses(&answer(stream).await), [200]);
    }
    // A ClientHello of TLS 1.1 and of 1.0 (RFC 4346 §7.4.1.2), with suites of their time.
    for minor in [2, 1] {
        let body = [&[3, minor][..], &[7; 32], &[0, 0, 4, 0xc0, 0x13, 0, 0x2f, 1, 0]].concat();
        let handshake = [&[1, 0, 0, body.len() as u8][..], &body].concat();
        let record = [&[0x16, 3, 1, 0, handshake.len() as u8][..], &handshake].concat();
        let received = sent(secured.live.address, &record).await;
        // Alert, fatal, and what it is about: the version, or the suites, which are looked at first.
        assert!(matches!(received[..], [0x15, 3, _, 0, 2, 2, 70 | 40]), "{received:?}");
    }
}

#[tokio::test]
async fn a_session_is_resumed_without_early_data_and_not_beyond_a_new_certificate() {
    let mut secured = Secured::start(patient()).await;
    let mut client = secured.client(&[]);
    client.enable_early_data = true;
    let client = Arc::new(client);
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let stream = secured.connect(&client).await.unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert!(!session.is_early_data_accepted());
        kinds.push(session.handshake_kind());
        assert_eq!(statuses(&answer(stream).await), [200]);
    }
    assert_eq!(kinds, [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)]);
    // The ticket says that none will be taken (RFC 8446 §4.6.1), so the client has none to offer.
    let name = ServerName::from(secured.live.address.ip());
    let mut next = rustls::ClientConnection::new(client.clone(), name).unwrap();
    assert!(next.early_data().is_none());

    secured.cert = renew(&secured.files);
    assert!(matches!(secured.terminal.look(), Look::Unchanged));
    assert!(matches!(secured.terminal.look(), Look::Renewed));
    assert!(secured.connect(&client).await.is_err(), "the client is shown a certificate that it does not trust");
    let stream = secured.connect(&Arc::new(secured.client(&[]))).await.unwrap();
    assert_eq!(statuses(&answer(stream).await), [200]);
}

#[tokio::test]
async fn a_client_that_shows_a_certificate_is_neither_asked_for_it_nor_refused() {
    let secured = Secured::start(patient()).await;
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["mallory".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(secured.cert.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let key = signing_key.serialize_der().try_into().unwrap();
    let client = builder.with_client_auth_cert(vec![cert.der().clone()], key).unwrap();
    let stream = secured.connect(&Arc::new(client)).await.unwrap();
    assert_eq!(statuses(&answer(stream).await), [200]);
}

/// A connection from another address of loopback that begins a handshake and no more.
async fn half_open(last: u8, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    // Those that were given up meanwhile cannot be written to.
    let _ = stream.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]).await;
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_half_open_handshakes_keep_nobody_out() {
    let secured = Secured::start(Limits { connections: 200, per_network: 100, ..patient() }).await;
    let client = Arc::new(secured.client(&[]));
    let mut waiting = Vec::new();
    for number in 0..2_000_u32 {
        waiting.push(half_open(2 + (number % 50) as u8, secured.live.address).await);
        if number % 100 == 99 {
            let stream = secured.connect(&client).await.unwrap();
            assert_eq!(statuses(&answer(stream).await), [200], "after {number}");
        }
        if waiting.len() > 400 {
            waiting.drain(..100);
        }
    }
    let closed = timeout(Duration::from_secs(30), waiting[0].read(&mut [0; 64])).await;
    assert_eq!(closed.expect("who was given up is let go").unwrap_or(0), 0);
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_not_waited_for() {
    let secured = Secured::start(brief()).await;
    let mut silent = TcpStream::connect(secured.live.address).await.unwrap();
    let mut slow = half_open(2, secured.live.address).await;
    for stream in [&mut silent, &mut slow] {
        let closed = timeout(Duration::from_secs(30), stream.read(&mut [0; 64])).await.expect("it is closed");
        assert_eq!(closed.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn a_proxy_may_name_its_client_before_tls() {
    let mut secured = Secured::start(patient()).await;
    let source = serde_json::from_value("proxy-protocol".into()).unwrap();
    let trusted = TrustedProxies::check(&["127.0.0.0/8".parse().unwrap()], false).unwrap();
    let clients = ClientAddress { trusted, source };
    secured.live = Live::start_by(Some(secured.terminal.clone()), patient(), clients).await;
    for at_once in [true, false] {
        let mut stream = BufWriter::new(TcpStream::connect(secured.live.address).await.unwrap());
        stream.write_all(b"PROXY TCP4 192.0.2.1 127.0.0.1 5 6\r\n").await.unwrap();
        if !at_once {
            stream.flush().await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let connector = TlsConnector::from(Arc::new(secured.client(&[])));
        let mut stream = connector.connect(ServerName::from(secured.live.address.ip()), stream).await.unwrap();
        stream.write_all(GET).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        assert_eq!(statuses(&answer), [200]);
    }
    assert!(secured.live.seen().iter().all(|seen| seen.peer.client.to_string() == "192.0.2.1"));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_handshakes() {
    let secured = Secured::start(Limits { stop: Duration::from_secs(60), ..patient() }).await;
    let _waiting = half_open(2, secured.live.address).await;
    secured.live.stop.cancel();
    timeout(Duration::from_secs(30), secured.live.server).await.unwrap().unwrap();
}
