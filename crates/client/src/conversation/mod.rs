//! One key's conversation with one server, without any I/O: what to add to a request, and what an answer is worth.
//!
//! Time and randomness come in as arguments. A conversation may be shared between threads; requests and answers of many
//! calls may interleave in any order.

mod clock;
mod outcome;
mod pending;
mod streams;

pub use clock::{ClockChange, Reading};
pub use outcome::{Outcome, Unverified, Verified};
pub use streams::{StreamedHead, VerifiedStream};

use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use countersign_core::enrolment::Answers;
use countersign_core::envelope;
use countersign_core::problem::Problem;
use countersign_core::signature::{
    Field, Interference, PathForm, ReceivedAnswer, RequestHead, SignatureParams, SignedRequest, Unsignable,
    VerifiedAnswer, sha256_digest_field, sign_request,
};
use countersign_core::time::{Freshness, Timestamp};
use http::header::UPGRADE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::Credentials;
pub(crate) use clock::ServerClock;
pub(crate) use outcome::problem_in;
pub(crate) use pending::{Pending, Taken};

/// How long an answer may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The statuses that may come unsigned: what is said before a key is known (protocol §9, "anyone"), and what a gateway
/// says that could not reach the guard at all.
const SAID_WITHOUT_A_KEY: [u16; 9] = [400, 405, 408, 414, 421, 431, 502, 503, 504];

/// Fields that belong to the connection or to the signature; a caller cannot set them.
const RESERVED: [&str; 15] = [
    "connection",
    "content-digest",
    "content-length",
    "countersign-accept-stream",
    "countersign-stream",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "signature",
    "signature-input",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request before it is signed.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, octet for octet as it will be sent.
    pub path: &'a str,
    /// What follows the `?`; `None` when there is none.
    pub query: Option<&'a str>,
    /// Every end-to-end field that will be sent, but those that [`Signed`] adds.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// A request that was signed: what to add to it, and the receipt that its answer is presented with.
#[derive(Clone, Debug)]
pub struct Signed {
    /// `content-digest`, `signature-input` and `signature`.
    pub headers: HeaderMap,
    /// Stands for the request until its answer comes.
    pub receipt: Receipt,
}

/// Stands for one request that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt(pending::Nonce);

/// What came back on the connection of one request.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The status.
    pub status: StatusCode,
    /// Every field.
    pub headers: &'a HeaderMap,
    /// The body, or `None` when it ended before its end.
    pub body: Option<&'a Bytes>,
}

/// Why a request was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannotSign {
    /// The caller set a field that isn't the caller's to set.
    #[error("the header {0} is set by signing or by the connection; leave it away")]
    Reserved(HeaderName),
    /// The server would refuse it.
    #[error(transparent)]
    Unsignable(#[from] Unsignable),
    /// The server would not read the envelope.
    #[error(transparent)]
    Envelope(#[from] envelope::Unsignable),
    /// Too many requests are waiting for their answers.
    #[error("too many requests wait for their answers; wait for some of them")]
    TooManyPending,
}

/// One key's conversation with one server.
#[derive(Debug)]
pub struct Conversation {
    credentials: Credentials,
    freshness: Freshness,
    patience: Duration,
    clock: Mutex<ServerClock>,
    pending: Mutex<Pending<Waiting>>,
}

/// What is kept of a request until its answer comes.
#[derive(Debug)]
struct Waiting {
    signed: SignedRequest,
    created: Timestamp,
    head: bool,
}

impl Conversation {
    /// A conversation with a server whose clock is `offset_ms` ahead of ours as far as we know; zero when we don't.
    pub fn new(credentials: Credentials, offset_ms: i64) -> Self {
        let freshness = Freshness::DEFAULT;
        let clock = Mutex::new(ServerClock::new(freshness, offset_ms));
        Self { credentials, freshness, patience: PATIENCE, clock, pending: Mutex::new(Pending::new()) }
    }

    /// The same with another limit to how long an answer may take.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Whose conversation it is.
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Server time minus the time of this machine, in milliseconds, as far as it is known.
    pub fn offset_ms(&self) -> i64 {
        lock(&self.clock).offset_ms()
    }

    /// Signs a request and lets it wait for its answer. `nonce` is 32 random octets, new for every call.
    pub fn sign(&self, request: &Outgoing<'_>, nonce: [u8; 32], now: Reading) -> Result<Signed, CannotSign> {
        unreserved(request.headers.keys())?;
        self.sign_unless_reserved(request, nonce, now)
    }

    /// The same for a handshake that asks to make its connection a WebSocket: `upgrade` is among its fields, and is
    /// covered like them.
    pub fn sign_handshake(&self, request: &Outgoing<'_>, nonce: [u8; 32], now: Reading) -> Result<Signed, CannotSign> {
        unreserved(request.headers.keys().filter(|name| **name != UPGRADE))?;
        self.sign_unless_reserved(request, nonce, now)
    }

    fn sign_unless_reserved(
        &self,
        request: &Outgoing<'_>,
        nonce: [u8; 32],
        now: Reading,
    ) -> Result<Signed, CannotSign> {
        let mut added = HeaderMap::new();
        added.insert("content-digest", value(&sha256_digest_field(request.body))?);
        self.sign_adding(request, added, nonce, (now, self.patience)).map(|(signed, _)| signed)
    }

    /// Signs a request with the fields that say what its body is. It waits for its answer for so long from now on. Gives
    /// the octets of the signature, too.
    fn sign_adding(
        &self,
        request: &Outgoing<'_>,
        mut added: HeaderMap,
        nonce: [u8; 32],
        (now, patience): (Reading, Duration),
    ) -> Result<(Signed, [u8; 32]), CannotSign> {
        let created = Timestamp::from_secs(lock(&self.clock).time(now).as_secs());
        let signed = self.sign_with(request, &added, nonce, created)?;
        added.insert("signature-input", value(signed.signature_input())?);
        added.insert("signature", value(&signed.signature())?);
        let mac = signed.mac();
        let waiting = Waiting { signed, created, head: request.method == Method::HEAD };
        let deadline = now.monotonic.saturating_add(patience);
        lock(&self.pending).insert(nonce, waiting, now, deadline).map_err(|_| CannotSign::TooManyPending)?;
        Ok((Signed { headers: added, receipt: Receipt(nonce) }, mac))
    }

    fn sign_with(
        &self,
        request: &Outgoing<'_>,
        added: &HeaderMap,
        nonce: [u8; 32],
        created: Timestamp,
    ) -> Result<SignedRequest, Unsignable> {
        PathForm::Canonical.admits(request.path).map_err(Unsignable)?;
        let fields: Vec<_> = fields(request.headers).chain(fields(added)).collect();
        let head = RequestHead {
            method: request.method.as_str(),
            authority: self.credentials.authority.as_str(),
            path: request.path,
            query: request.query,
            fields: &fields,
        };
        let keyid = self.credentials.keyid.as_str();
        let params = SignatureParams { keyid, nonce, created_secs: created.as_secs(), expires_secs: None };
        sign_request(&self.credentials.keys.c2s, &params, &head)
    }

    /// Judges what came back for a request. It spends the receipt whatever it finds: HTTP gives one answer to one
    /// request, and where a forged one stood the genuine one never comes.
    pub fn receive(&self, receipt: &Receipt, answer: &Incoming<'_>, now: Reading) -> Outcome {
        let taken = lock(&self.pending).take(&receipt.0, now);
        match taken {
            Taken::Waiting(sent, waiting) => match self.judge(&waiting, sent, answer, now) {
                Ok(outcome) => outcome,
                Err(class) => Outcome::Interference(class),
            },
            Taken::Answered => Outcome::Interference(Interference::Replayed),
            Taken::Gone => Outcome::Interference(Interference::Stale),
        }
    }

    fn judge(
        &self,
        waiting: &Waiting,
        sent: Reading,
        answer: &Incoming<'_>,
        now: Reading,
    ) -> Result<Outcome, Interference> {
        let body = answer.body.ok_or(Interference::Truncated)?;
        let proof = match self.verify(waiting, answer, body) {
            Err(Interference::MissingSignature) if self.may_be_unsigned(answer.status) => {
                return Ok(Outcome::Unverified(Unverified { status: answer.status, body: body.clone() }));
            }
            judged => judged?,
        };
        let (is_timely, clock_change) = self.look_at_the_clock(waiting, sent, &proof, now);
        let headers = covered(answer.headers, &proof);
        let problem = problem_of(answer.status, &headers, body);
        let rejected_for_its_time = match problem {
            // We never repeat a nonce, so somebody else sent this request, and the answer to it went elsewhere.
            Some(&Problem::REPLAYED) => return Err(Interference::Replayed),
            // The first is said before the guard has compared the clocks, the second when it doubts its own.
            Some(&(Problem::UNAUTHORIZED | Problem::UNAVAILABLE)) => false,
            Some(&Problem::CLOCK_SKEW) => !is_timely,
            _ if !is_timely => return Err(Interference::Stale),
            _ => false,
        };
        Ok(Outcome::Verified(Verified {
            status: answer.status,
            headers,
            body: body.clone(),
            server_time: proof.server_time(),
            problem,
            clock_change,
            rejected_for_its_time,
        }))
    }

    /// Whether an answer was signed between sending and receiving, and what it says of the server's clock.
    fn look_at_the_clock(
        &self,
        waiting: &Waiting,
        sent: Reading,
        proof: &VerifiedAnswer,
        now: Reading,
    ) -> (bool, Option<ClockChange>) {
        let mut clock = lock(&self.clock);
        let round_trip = now.monotonic.saturating_sub(sent.monotonic);
        let received = clock.time(sent).saturating_add(round_trip);
        let is_timely = proof.is_timely(waiting.created, received, self.freshness);
        (is_timely, clock.measure(sent, now, proof.server_time()))
    }

    fn verify(&self, waiting: &Waiting, answer: &Incoming<'_>, body: &[u8]) -> Result<VerifiedAnswer, Interference> {
        if !answer.headers.contains_key("signature") {
            return Err(Interference::MissingSignature);
        }
        let fields: Vec<_> = fields(answer.headers).collect();
        let status = answer.status.as_u16();
        let bodyless = waiting.head || matches!(status, 101 | 204 | 304);
        let received = ReceivedAnswer { status, fields: &fields, body, bodyless };
        waiting.signed.verify_answer(&self.credentials.keys.s2c, &received)
    }

    fn may_be_unsigned(&self, status: StatusCode) -> bool {
        match self.credentials.answers {
            Answers::AllSigned => SAID_WITHOUT_A_KEY.contains(&status.as_u16()),
            Answers::RefusalsOnly => true,
        }
    }
}

/// Fields that signing adds are nobody else's to set.
fn unreserved<'a>(mut names: impl Iterator<Item = &'a HeaderName>) -> Result<(), CannotSign> {
    match names.find(|name| RESERVED.contains(&name.as_str())) {
        Some(name) => Err(CannotSign::Reserved(name.clone())),
        None => Ok(()),
    }
}

/// A lock whose holder panicked holds values that are whole at any moment, so it is used on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn value(text: &str) -> Result<HeaderValue, Unsignable> {
    HeaderValue::from_str(text).map_err(|_| Unsignable("a value is not visible ASCII"))
}

fn fields(headers: &HeaderMap) -> impl Iterator<Item = Field<'_>> {
    headers.iter().map(|(name, value)| Field { name: name.as_str(), value: value.as_bytes().trim_ascii() })
}

fn covered(headers: &HeaderMap, proof: &VerifiedAnswer) -> HeaderMap {
    let kept = headers.iter().filter(|(name, _)| proof.covers(name.as_str()));
    let mut covered = HeaderMap::new();
    for (name, value) in kept {
        covered.append(name, value.clone());
    }
    covered
}

/// The problem that an answer of the guard itself carries.
fn problem_of(status: StatusCode, covered: &HeaderMap, body: &[u8]) -> Option<&'static Problem> {
    let media_type = covered.get(http::header::CONTENT_TYPE)?;
    if media_type.as_bytes() == b"application/problem+json" { problem_in(status, body) } else { None }
}
