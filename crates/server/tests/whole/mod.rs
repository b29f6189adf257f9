//! The whole guard in this process, on loopback, with clients that sign by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by them, and reads the clock as a client does"
)]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, Role, User, UserState};
use countersign_core::enrolment::pending::Pending;
use countersign_core::id::{KeyId, SessionRef, UserId};
use countersign_core::secret::{KeyPair, Root, Secret32};
use countersign_core::signature::{
    Field, PathForm, Received, ReceivedAnswer, RequestHead, SignatureParams, SignedRequest, sha256_digest_field,
    sign_request,
};
use countersign_core::time::Timestamp;
use countersign_server::app::SharedApp;
use countersign_server::config::{Overrides, Sources, load};
use countersign_server::serve::Server;
use countersign_server::service::control::{Asked, dispatch};
use countersign_store::port::Confirmation;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

/// A guard that runs until this is dropped.
pub(crate) struct Whole {
    pub(crate) app: SharedApp,
    pub(crate) address: SocketAddr,
    /// Whom its callers trust, if it speaks TLS.
    trust: Option<TlsConnector>,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
    directory: Arc<TempDir>,
}

/// A connection, encrypted or not.
pub(crate) trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

impl Whole {
    /// With this configuration file, in front of this API or of the echo.
    pub(crate) async fn start(api: Option<SocketAddr>, toml: &str) -> Self {
        Self::start_in(Arc::new(TempDir::new().unwrap()), None, api, toml).await
    }

    /// The same, speaking HTTP/1.1 in TLS.
    pub(crate) async fn start_in_tls(api: Option<SocketAddr>, toml: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let (cert_file, key_file) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
        std::fs::write(&cert_file, cert.pem()).unwrap();
        std::fs::write(&key_file, signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let trust = TlsConnector::from(Arc::new(builder.with_no_client_auth()));
        let toml = format!("tls_cert = {cert_file:?}\ntls_key = {key_file:?}\n{toml}");
        Self::start_in(Arc::new(directory), Some(trust), api, &toml).await
    }

    async fn start_in(
        directory: Arc<TempDir>,
        trust: Option<TlsConnector>,
        api: Option<SocketAddr>,
        toml: &str,
    ) -> Self {
        let file = directory.path().join("countersign.toml");
        std::fs::write(&file, toml).unwrap();
        let overrides = Overrides {
            data: Some(directory.path().join("data").to_str().unwrap().to_owned()),
            listen: Some("127.0.0.1:0".to_owned()),
            admin_listen: Some("127.0.0.1:0".to_owned()),
            upstream: api.map(|address| format!("http://{address}")),
            ..Overrides::default()
        };
        let sources = Sources { file: Some(file), environment: Vec::new(), overrides };
        let server = Server::start(load(sources).unwrap().config).await.unwrap();
        let (app, address, stop) = (server.app().clone(), server.address(), CancellationToken::new());
        let running = server.run(stop.clone());
        let running = Some(tokio::spawn(async move { running.await.unwrap() }));
        let whole = Self { app, address, trust, stop, running, directory };
        while whole.app.replay.now(reading()).is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        whole
    }

    /// A program that has enrolled and has not yet sent a request. What a person may do is not asked here: a program's key
    /// signs whatever it calls.
    pub(crate) fn enrolled(&self, username: &str) -> Person {
        self.enrolled_as(username, Role::Service)
    }

    /// The same in a role.
    pub(crate) fn enrolled_as(&self, username: &str, role: Role) -> Person {
        static NUMBER: AtomicU8 = AtomicU8::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let keyid = KeyId::from_random([number; _]);
        let root = Root::new(Secret32::new([number; 32]));
        let (keys, envelope_keys) = (root.key_pair(keyid.as_str()), root.envelope_pair(keyid.as_str()));
        let pending = Pending {
            keyid: keyid.clone(),
            username: username.parse().unwrap(),
            role,
            device: String::new(),
            root: root.clone(),
            keys: keys.clone(),
            origin: KeyOrigin::GroupCard,
            source: self.address.ip(),
            expires: now().saturating_add(Duration::from_secs(60)),
            message_hash: [number; 32],
            response: Vec::new(),
        };
        self.app.accounts.pending.lock().unwrap().insert(pending, now());
        Person { authority: self.address.to_string(), keyid, session: None, root, keys, envelope_keys }
    }

    /// The same, confirmed.
    pub(crate) async fn confirmed(&self, username: &str) -> Person {
        let person = self.enrolled(username);
        assert_eq!(self.call(&person.get("/api/auth/whoami")).await.status, 200);
        person
    }

    /// Somebody of this role whose key is confirmed, in a session that the key has opened; a program has none.
    pub(crate) async fn signed_in(&self, username: &str, role: Role) -> Person {
        let person = self.enrolled_as(username, role);
        assert_eq!(self.call(&person.get("/api/auth/whoami")).await.status, 200);
        if role == Role::Service {
            return person;
        }
        let login = person.request("POST", "/api/auth/login", &[("content-type", "application/json")], b"{}");
        let answer = self.call(&login).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let session: SessionRef = answer["session"]["ref"].as_str().unwrap().parse().unwrap();
        let root = person.root.session_root(session);
        let (keys, envelope_keys) = (root.key_pair(&session.keyid()), root.envelope_pair(&session.keyid()));
        Person { session: Some(session), root, keys, envelope_keys, ..person }
    }

    /// The account that the first request of somebody who has enrolled will make.
    pub(crate) fn confirmation_of(&self, person: &Person) -> Confirmation {
        let waiting = self.app.accounts.pending.lock().unwrap();
        let pending = waiting.by_keyid(person.keyid.as_str(), now()).unwrap();
        let user = User {
            id: UserId::from_random([9; _]),
            username: pending.username.clone(),
            role: pending.role,
            state: UserState::Enabled,
            permissions: countersign_core::permission::Permissions::default(),
            has_password: false,
            generation: 0,
            created: now(),
        };
        let (name, secret) = (user.username.as_str(), pending.root.secret().expose());
        let key = KeyRecord {
            id: pending.keyid.clone(),
            user: user.id,
            device: pending.device.clone(),
            root: self.app.accounts.secrets.kek.seal(pending.keyid.as_str(), name, secret, [1; _]).unwrap(),
            origin: pending.origin.clone(),
            state: KeyState::Active,
            created: now(),
        };
        Confirmation { user, key }
    }

    /// Does what an operator asks for.
    pub(crate) async fn operate(&self, operation: &str, arguments: Value) -> Value {
        let asked = Asked { actor: "test".to_owned(), session: None, at: now() };
        let question = json!({ "operation": operation, "arguments": arguments });
        dispatch(&self.app.accounts, &asked, question).await.unwrap()
    }

    pub(crate) async fn connect(&self) -> Box<dyn Line> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        match &self.trust {
            Some(trust) => Box::new(trust.connect(ServerName::from(self.address.ip()), stream).await.unwrap()),
            None => Box::new(stream),
        }
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn call(&self, request: &Signed) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(&request.octets).await.unwrap();
        Answer::read(&mut stream).await
    }
}

impl Whole {
    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.path().join("data").join("countersign.db")
    }

    /// Stops it, and starts another on the same data directory.
    pub(crate) async fn restarted(mut self) -> Self {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap();
        let toml = std::fs::read_to_string(self.directory.path().join("countersign.toml")).unwrap();
        let (directory, trust) = (self.directory.clone(), self.trust.clone());
        drop(self);
        Self::start_in(directory, trust, None, &toml).await
    }

    /// Begins to stop it.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Somebody with a key.
pub(crate) struct Person {
    pub(crate) authority: String,
    pub(crate) keyid: KeyId,
    /// The session in whose name they sign; without one they sign with their key.
    pub(crate) session: Option<SessionRef>,
    pub(crate) root: Root,
    pub(crate) keys: KeyPair,
    pub(crate) envelope_keys: KeyPair,
}

/// A signed request on the wire, and what its sender remembers.
pub(crate) struct Signed {
    pub(crate) octets: Vec<u8>,
    pub(crate) received: Received,
    sent: SignedRequest,
    keys: KeyPair,
}

impl Person {
    pub(crate) fn get(&self, target: &str) -> Signed {
        self.request("GET", target, &[], b"")
    }

    pub(crate) fn post(&self, target: &str, body: &[u8]) -> Signed {
        self.request("POST", target, &[], body)
    }

    /// A request with these fields besides, all of them covered.
    pub(crate) fn request(&self, method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Signed {
        let digest = sha256_digest_field(body);
        let mut lines: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        lines.push(("content-digest", digest));
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let head = |lines: &[(&str, String)], sign: &mut dyn FnMut(&RequestHead<'_>)| {
            let fields: Vec<_> = lines.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
            sign(&RequestHead { method, authority: &self.authority, path, query, fields: &fields });
        };
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).unwrap();
        let created_secs = now().as_secs();
        let keyid = self.session.map_or_else(|| self.keyid.to_string(), |session| session.keyid());
        let params = SignatureParams { keyid: &keyid, nonce, created_secs, expires_secs: None };
        let mut sent = None;
        head(&lines, &mut |head| sent = Some(sign_request(&self.keys.c2s, &params, head).unwrap()));
        let sent: SignedRequest = sent.unwrap();
        lines.push(("signature-input", sent.signature_input().to_owned()));
        lines.push(("signature", sent.signature()));
        let mut received = None;
        head(&lines, &mut |head| received = Some(Received::read(head, PathForm::Canonical).unwrap()));
        let mut octets = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\n", self.authority).into_bytes();
        for (name, value) in &lines {
            octets.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        octets.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        octets.extend_from_slice(body);
        Signed { octets, received: received.unwrap(), sent, keys: self.keys.clone() }
    }
}

impl Signed {
    /// Whether this is the guard's answer to this request.
    pub(crate) fn is_answered_by(&self, answer: &Answer) -> bool {
        let fields: Vec<_> =
            answer.fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        let received = ReceivedAnswer { status: answer.status, fields: &fields, body: &answer.body, bodyless: false };
        self.sent.verify_answer(&self.keys.s2c, &received).is_ok()
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Self {
        let mut octets = Vec::new();
        let head = loop {
            if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            assert_ne!(stream.read_buf(&mut octets).await.unwrap(), 0, "no answer");
        };
        let mut body = octets.split_off(head + 4);
        let text = String::from_utf8(octets).unwrap();
        let mut lines = text.trim_end().split("\r\n");
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let fields: Vec<_> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let length =
            fields.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
        while body.len() < length {
            assert_ne!(stream.read_buf(&mut body).await.unwrap(), 0, "cut off");
        }
        Self { status, fields, body }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// An API that answers each request with these octets, and remembers the heads that it was sent.
pub(crate) async fn api(answer: &'static [u8]) -> (SocketAddr, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heads = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let heard = heads.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut octets = Vec::new();
                while !octets.windows(4).any(|four| four == b"\r\n\r\n") {
                    if stream.read_buf(&mut octets).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                heard.lock().unwrap().push(String::from_utf8_lossy(&octets).into_owned());
                let _ = stream.write_all(answer).await;
                // The connection stays: an answer without its end has to be given up by the guard.
                let _ = stream.read_buf(&mut octets).await;
                std::future::pending::<()>().await;
            });
        }
    });
    (address, heads)
}

pub(crate) fn now() -> Timestamp {
    reading().wall
}

pub(crate) fn reading() -> countersign_core::replay::Reading {
    countersign_server::edge::now()
}
