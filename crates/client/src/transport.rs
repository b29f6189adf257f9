//! The conversation over real sockets, by `reqwest`. In this crate, clocks and randomness are read here alone.
//!
//! What leaves is what was signed: no redirect is followed, no request is repeated behind our back, no header is added
//! (but `host`, `content-length` and `accept: */*`, none of which a signature covers), and nothing is decompressed.
//! Proxies from the environment are not used: the protocol would tolerate one, as it tolerates any man in the middle,
//! but a call to a loopback address has no business with it.

use core::fmt;
use core::time::Duration;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use countersign_core::signature::Interference;
use countersign_core::time::Timestamp;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Version};

use crate::conversation::{
    CannotSign, ClockChange, Conversation, Incoming, Outcome, Outgoing, PATIENCE, Reading, Receipt,
};
use crate::persistence::{Attempted, Attempts, name, persist};
use crate::{BadUrl, Server, Target, Unverified, Verified};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read. A guard signs up to 8 MiB by default; its operator may raise that.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// A client of one server with one key. Cheap to clone; clones share the connections and the clock.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) server: Server,
    pub(crate) conversation: Arc<Conversation>,
    pub(crate) clock: Clock,
    fresh_keys: bool,
}

/// A verified answer, and what it took to get it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The answer.
    pub verified: Verified,
    /// The version of HTTP in which it came. Nobody signs that.
    pub version: Version,
    /// Whether the first attempt was rejected for its time, so that this is the answer to the second.
    pub retried: bool,
    /// Whether the answer to an earlier attempt got lost, so that this is the answer to a later one under the same
    /// idempotency key. The server has carried out at most one of them.
    pub answer_was_lost: bool,
    /// How our idea of the server's clock was corrected on the way, if it was.
    pub clock_change: Option<ClockChange>,
}

impl Client {
    /// A client that sends to `server` and signs as `conversation` says.
    pub fn new(server: Server, conversation: Conversation) -> Result<Self, Network> {
        let same_name = *server.authority() == conversation.credentials().authority;
        let http = http_client(&server, same_name)?;
        Ok(Self { http, server, conversation: Arc::new(conversation), clock: Clock::start(), fresh_keys: true })
    }

    /// The same without idempotency keys of its own: each request is sent once, unless its caller sets a key.
    #[must_use]
    pub fn without_idempotency_keys(self) -> Self {
        Self { fresh_keys: false, ..self }
    }

    /// Signs, sends, and verifies the answer.
    ///
    /// `target` is a path with an optional query, or an absolute URL at this client's server. An answer that comes back
    /// is the server's own answer to this very request: its own refusals too, and redirects, which are for the caller
    /// to judge. When the server says, verifiably, that the request was rejected for its time, it is signed anew and
    /// sent once more.
    ///
    /// A request that changes something gets an `Idempotency-Key` unless it has one, so that the server carries it out
    /// once however often it comes. If its answer [gets lost](CallError::lost_the_answer), it is sent once more; should the
    /// first attempt still be under way then, its outcome is asked for until it is there.
    pub async fn call(
        &self,
        method: &Method,
        target: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, CallError> {
        let mut call = Call { method, target: self.target(target)?, headers, body };
        let acts_once = name(method, &mut call.headers, self.fresh_keys, &self.conversation)?;
        persist(Calling { client: self, call }, self.clock, acts_once).await
    }

    /// Asks the server who we are. The first call with a new key has to be this one: it confirms the key.
    pub async fn whoami(&self) -> Result<Answer, CallError> {
        self.call(&Method::GET, "/api/auth/whoami", HeaderMap::new(), Bytes::new()).await
    }

    /// The server's time, as far as it is known.
    pub(crate) fn server_time(&self) -> Timestamp {
        let here = self.clock.read().wall.as_millis();
        Timestamp::from_millis(here.saturating_add_signed(self.conversation.offset_ms()))
    }

    /// The conversation behind this client.
    pub fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Attempted, CallError> {
        let signed = self.conversation.sign(&call.outgoing(), random()?, self.clock.read())?;
        let answer = self.http.execute(self.request(call, signed.headers)).await.map_err(Network::of)?;
        self.verify_whole(&signed.receipt, answer).await
    }

    pub(crate) fn target(&self, text: &str) -> Result<Target, BadUrl> {
        Target::parse(text, &self.server, &self.conversation.credentials().authority)
    }

    /// The request as it is sent, with the fields that signing adds.
    pub(crate) fn request(&self, call: &Call<'_>, added: HeaderMap) -> reqwest::Request {
        let Call { method, target, headers, body } = call;
        let mut request = reqwest::Request::new((*method).clone(), target.url().clone());
        *request.headers_mut() = headers.clone();
        request.headers_mut().extend(added);
        self.name_the_server(target, request.headers_mut());
        if !body.is_empty() {
            *request.body_mut() = Some(body.clone().into());
        } else if matches!(**method, Method::POST | Method::PUT | Method::PATCH) {
            // No content is content, too, where a method expects some (RFC 9110 §8.6); hyper doesn't say so itself.
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        request
    }

    /// Reads an answer to its end and verifies it.
    pub(crate) async fn verify_whole(
        &self,
        receipt: &Receipt,
        answer: reqwest::Response,
    ) -> Result<Attempted, CallError> {
        let version = answer.version();
        let arrived = Arrived::read(answer).await?;
        Ok(Attempted { verified: self.judge(receipt, &arrived)?, version })
    }

    /// What came back for a request, if it is the server's own.
    pub(crate) fn judge(&self, receipt: &Receipt, arrived: &Arrived) -> Result<Verified, CallError> {
        match self.conversation.receive(receipt, &arrived.incoming(), self.clock.read()) {
            Outcome::Verified(verified) => Ok(verified),
            Outcome::Interference(class) => Err(CallError::Interference(class)),
            Outcome::Unverified(answer) => Err(CallError::Unverified(answer)),
        }
    }

    /// Names the server as the signature does, when it is reached under another name.
    pub(crate) fn name_the_server(&self, target: &Target, headers: &mut HeaderMap) {
        let authority = &self.conversation.credentials().authority;
        if target.authority() != authority
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            headers.insert(HOST, host);
        }
    }
}

pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call<'_> {
    pub(crate) fn outgoing(&self) -> Outgoing<'_> {
        let Self { method, target, headers, body } = self;
        Outgoing { method, path: target.path(), query: target.query(), headers, body }
    }
}

/// A call that can be attempted again.
struct Calling<'a> {
    client: &'a Client,
    call: Call<'a>,
}

impl Attempts for Calling<'_> {
    type Error = CallError;

    async fn attempt(&mut self) -> Result<Attempted, CallError> {
        self.client.attempt(&self.call).await
    }

    fn lost_the_answer(error: &CallError) -> bool {
        error.lost_the_answer()
    }
}

/// What came back, before anything of it is believed.
pub(crate) struct Arrived {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `None` when the connection was cut before the end.
    pub(crate) body: Option<Bytes>,
}

impl Arrived {
    pub(crate) async fn read(mut answer: reqwest::Response) -> Result<Self, Network> {
        let status = answer.status();
        let headers = core::mem::take(answer.headers_mut());
        let mut body = BytesMut::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER => return Err(Network::TooLong),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(Self { status, headers, body: Some(body.freeze()) }),
                Err(cut) if cut.is_timeout() => return Err(Network::of(cut)),
                Err(_) => return Ok(Self { status, headers, body: None }),
            }
        }
    }

    pub(crate) fn incoming(&self) -> Incoming<'_> {
        Incoming { status: self.status, headers: &self.headers, body: self.body.as_ref() }
    }
}

/// Why a call has no verified answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Nothing was sent: the target cannot be called.
    #[error(transparent)]
    BadUrl(#[from] BadUrl),
    /// Nothing was sent: the request cannot be signed.
    #[error(transparent)]
    CannotSign(#[from] CannotSign),
    /// Nothing was sent: there is no key to sign with.
    #[error("this takes a key to sign with, and there is none: log in with a key, or enrol")]
    NoKey,
    /// Somebody stands between. What became of the request is unknown.
    #[error("interference ({}): {}", .0.as_str(), explain(*.0))]
    Interference(Interference),
    /// An error that nobody signed. What became of the request is unknown.
    #[error("{0}")]
    Unverified(Unverified),
    /// The server agreed to a WebSocket in words that do not fit the handshake.
    #[error("the server's answer does not fit the handshake of a WebSocket (RFC 6455)")]
    NotAWebSocket,
    /// The data of an upload could not be read any further, so it was broken off: the server knows that its end is missing.
    #[error("the data could not be read to its end, so the upload was broken off")]
    Upload(#[source] std::io::Error),
    /// There was no answer.
    #[error(transparent)]
    Network(#[from] Network),
}

/// What a class of interference means to the person who is told of it.
pub const fn explain(class: Interference) -> &'static str {
    match class {
        Interference::MissingSignature => "the answer carries no signature, so it is not from the server",
        Interference::BadMac => "the answer's signature does not hold: it, or the request before it, was changed",
        Interference::WrongRequest => "this is the answer to another request",
        Interference::Digest => "the body of the answer was changed",
        Interference::Truncated => "the answer was cut off before its end",
        Interference::Stale => "the answer is not from the time at which it was asked for",
        Interference::Replayed => "the request or its answer was seen before: somebody sent it a second time",
    }
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Network {
    /// Nothing was sent: no connection.
    #[error("no connection to the server")]
    NoConnection(#[source] reqwest::Error),
    /// Nothing was sent: the certificate that the server shows is not trusted.
    #[error("the server's certificate is not trusted here")]
    NotTrusted(#[source] reqwest::Error),
    /// Nothing came back, or not in time. The request may have been carried out.
    #[error("no answer from the server; whether the request was carried out is unknown")]
    NoAnswer(#[source] reqwest::Error),
    /// Nothing moved any more. The request may have been carried out.
    #[error("the server takes no more of the data, or does not answer; whether the request was carried out is unknown")]
    Stalled,
    /// The answer is longer than this client reads. The request was probably carried out.
    #[error("the answer is longer than 64 MiB; whether the request was carried out is unknown")]
    TooLong,
    /// The connection ended before the answer to an envelope came.
    #[error("the connection ended without an answer; whether the request was carried out is unknown")]
    Closed,
    /// The answer to an envelope did not come in time.
    #[error("no answer in time; whether the request was carried out is unknown")]
    TooLate,
    /// Nothing was sent: what answered does not take envelopes.
    #[error("the server takes no envelopes: it answered the handshake of the WebSocket with {}", .0.as_u16())]
    NotAWebSocket(StatusCode),
    /// Nothing was sent: this machine cannot make the connection it was asked for.
    #[error("this machine cannot set up TLS or the connection")]
    Setup(#[source] reqwest::Error),
    /// Nothing was sent: this machine has no randomness.
    #[error("the operating system gives no random numbers")]
    NoRandomness(#[source] getrandom::Error),
}

impl Network {
    /// Whether something may have reached the server.
    pub const fn outcome_is_unknown(&self) -> bool {
        match self {
            Self::NoAnswer(_) | Self::Stalled | Self::TooLong | Self::Closed | Self::TooLate => true,
            Self::NoConnection(_)
            | Self::NotTrusted(_)
            | Self::NotAWebSocket(_)
            | Self::Setup(_)
            | Self::NoRandomness(_) => false,
        }
    }

    /// The URL is dropped: a query may hold what should not stand in a log.
    pub(crate) fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if is_distrust(&error) {
            Self::NotTrusted(error)
        } else if error.is_connect() {
            Self::NoConnection(error)
        } else if error.is_builder() {
            Self::Setup(error)
        } else {
            Self::NoAnswer(error)
        }
    }
}

/// Whether the cause of an error is the certificate of the other side.
fn is_distrust(error: &(dyn Error + 'static)) -> bool {
    // What an `io::Error` wraps is not its source.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match error.downcast_ref() {
        Some(rustls::Error::InvalidCertificate(_)) => true,
        Some(_) => false,
        None => wrapped.is_some_and(|error| is_distrust(error)) || error.source().is_some_and(is_distrust),
    }
}

/// A `reqwest` client that sends what it is given and nothing else.
///
/// `same_name` says whether the server is reached under the name by which requests to it are signed. If not, the name
/// goes into `host`, which only HTTP/1.1 can say beside the address. Else it is HTTP/2 where the server offers it in TLS.
pub(crate) fn http_client(server: &Server, same_name: bool) -> Result<reqwest::Client, Network> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been quicker, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(PATIENCE);
    if server.is_plain() {
        // Without TLS nobody's certificates are needed, and a machine that has none can still call.
        builder = builder.tls_certs_only([]);
    } else if let Some(authorities) = server.trusted() {
        builder = builder.tls_certs_only(authorities.certificates());
    }
    if !same_name {
        builder = builder.http1_only();
    }
    builder.build().map_err(|error| Network::Setup(error.without_url()))
}

/// The clocks of this machine.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the edge at which time is read")]
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the edge at which time is read")]
    pub(crate) fn read(self) -> Reading {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let wall = Timestamp::from_millis(0).saturating_add(since_epoch);
        Reading { wall, monotonic: Instant::now().saturating_duration_since(self.started) }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// `N` random octets from the operating system.
#[expect(clippy::disallowed_methods, reason = "this is the edge at which randomness is read")]
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Network> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(Network::NoRandomness)?;
    Ok(octets)
}
