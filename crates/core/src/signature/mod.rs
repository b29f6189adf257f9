//! RFC 9421 HTTP Message Signatures, in the profile of protocol §4 and §5.

mod field;
mod unbound;

pub use field::{AnswerHead, Field, ReceivedAnswer, RequestHead};
pub use unbound::{RegistrationAnswer, answer_registration, verify_registration_answer};

use crate::secret::MacKey;
use crate::time::{Freshness, Timestamp};

/// Which forms of a path are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathForm {
    /// Only those with a single reading (protocol §4).
    Canonical,
    /// Any visible ASCII: the route has opted in.
    Raw,
}

/// Why a request could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It carries no signature at all.
    Unsigned,
    /// It breaks this rule.
    Malformed(&'static str),
    /// It has more of this than we read.
    TooLarge(&'static str),
}

/// How a field of a request stands to its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The signature vouches for it.
    Covered,
    /// It is not covered, and harmless (protocol §4, the inert list).
    Inert,
    /// It is not covered, and must be dropped and counted.
    Uncovered,
}

/// A request as it was received, after the strict parse.
#[derive(Debug)]
pub struct Received {
    keyid: String,
    nonce: Vec<u8>,
    created: Timestamp,
    digest: ContentDigest,
}

impl Received {
    /// Reads the signature of a request and builds its signature base.
    pub fn read(_head: &RequestHead<'_>, _paths: PathForm) -> Result<Self, Unreadable> {
        Err(Unreadable::Unsigned)
    }

    /// The `keyid` parameter, unescaped.
    pub fn keyid(&self) -> &str {
        &self.keyid
    }

    /// The covered content digest.
    pub fn content_digest(&self) -> &ContentDigest {
        &self.digest
    }

    /// How the field of this lower-case name stands to the signature.
    pub fn disposition(&self, _field_name: &str) -> Disposition {
        Disposition::Uncovered
    }

    /// Checks MAC, then time.
    pub fn authenticate(&self, _c2s: &MacKey, _freshness: Freshness, _now: Timestamp) -> Authentication<'_> {
        Authentication::BadSignature
    }

    /// Signs the answer to this request.
    pub fn sign_answer(&self, _s2c: &MacKey, _answer: &AnswerHead<'_>, _now: Timestamp) -> AnswerFields {
        AnswerFields {
            countersign_time: String::new(),
            countersign_request: String::new(),
            signature_input: String::new(),
            signature: String::new(),
        }
    }
}

/// What `authenticate` found.
#[derive(Debug)]
pub enum Authentication<'r> {
    /// The MAC is right and the time is within the window.
    Authentic(Authentic<'r>),
    /// The MAC is right, but the request is from our future: burn its nonce.
    FutureDated(Authentic<'r>),
    /// The MAC is right, but the request is too old.
    Stale,
    /// The MAC is wrong, or the tag, or a required component is not covered.
    BadSignature,
}

/// The fields to add to an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerFields {
    /// `Countersign-Time`.
    pub countersign_time: String,
    /// `Countersign-Request`.
    pub countersign_request: String,
    /// `Signature-Input`.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
}

/// A parsed `Content-Digest` (RFC 9530).
#[derive(Clone, Copy, Debug)]
pub struct ContentDigest;

impl ContentDigest {
    /// A check to be fed with the body.
    pub fn check(&self) -> BodyCheck {
        BodyCheck
    }
}

/// The digest of a body as it streams by.
#[derive(Clone, Debug)]
pub struct BodyCheck;

impl BodyCheck {
    /// The next octets of the body.
    pub fn update(&mut self, _octets: &[u8]) {}

    /// Whether the body was the one that was signed.
    pub fn matches(self) -> bool {
        false
    }
}

/// The `Content-Digest` of a body, sha-256.
pub fn sha256_digest_field(_body: &[u8]) -> String {
    String::new()
}

/// The parameters of a signature to be made.
#[derive(Clone, Copy, Debug)]
pub struct SignatureParams<'a> {
    /// The name of the key.
    pub keyid: &'a str,
    /// 32 random octets, never used before with this key.
    pub nonce: [u8; 32],
    /// Now, in seconds.
    pub created_secs: u64,
    /// The last second in which the request may be accepted; at most W after `created_secs`.
    pub expires_secs: Option<u64>,
}

/// A request that cannot be signed: which rule it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this request cannot be signed: {0}")]
pub struct Unsignable(pub &'static str);

/// Signs a request; its `content-digest` must be among its fields.
pub fn sign_request(
    _c2s: &MacKey,
    _params: &SignatureParams<'_>,
    _head: &RequestHead<'_>,
) -> Result<SignedRequest, Unsignable> {
    Err(Unsignable("not written yet"))
}

/// A request that was signed, as its sender remembers it.
#[derive(Debug)]
pub struct SignedRequest {
    signature_input: String,
    signature: String,
    nonce: [u8; 32],
    keyid: String,
}

impl SignedRequest {
    /// The value of `Signature-Input`.
    pub fn signature_input(&self) -> &str {
        &self.signature_input
    }

    /// The value of `Signature`.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// The nonce.
    pub fn nonce(&self) -> &[u8; 32] {
        &self.nonce
    }

    /// The name of the key.
    pub fn keyid(&self) -> &str {
        &self.keyid
    }

    /// Checks that an answer is the server's own answer to this very request.
    pub fn verify_answer(&self, _s2c: &MacKey, _answer: &ReceivedAnswer<'_>) -> Result<VerifiedAnswer, Interference> {
        Err(Interference::MissingSignature)
    }
}

/// An answer that the server gave to this very request.
#[derive(Clone, Debug)]
pub struct VerifiedAnswer {
    server_time: Timestamp,
    covered: Vec<String>,
}

impl VerifiedAnswer {
    /// The server's clock when it signed.
    pub fn server_time(&self) -> Timestamp {
        self.server_time
    }

    /// Whether the answer's field of this lower-case name is covered; no other may be shown to the caller.
    pub fn covers(&self, field_name: &str) -> bool {
        self.covered.iter().any(|name| name == field_name)
    }

    /// Whether the server answered between sending and receiving (both by our clock as corrected for this server), with
    /// W on either side.
    pub fn is_timely(&self, _sent: Timestamp, _received: Timestamp, _freshness: Freshness) -> bool {
        false
    }
}

/// Why an answer was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interference {
    /// It carries no signature of ours.
    MissingSignature,
    /// Its signature does not hold.
    BadMac,
    /// It answers another request.
    WrongRequest,
    /// Its body is not the one that was signed.
    Digest,
    /// Its body ends early.
    Truncated,
    /// It is too old or from the future.
    Stale,
    /// The server says, verifiably, that somebody had sent this request before us.
    Replayed,
}

impl Interference {
    /// The name on the command line and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingSignature => "missing-signature",
            Self::BadMac => "bad-mac",
            Self::WrongRequest => "wrong-request",
            Self::Digest => "digest",
            Self::Truncated => "truncated",
            Self::Stale => "stale",
            Self::Replayed => "replayed",
        }
    }
}

/// The proof that a request's MAC, parameters and time have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Authentic<'r> {
    received: &'r Received,
}

impl Authentic<'_> {
    /// Who signed.
    pub fn keyid(&self) -> &str {
        &self.received.keyid
    }

    /// The decoded octets of the nonce.
    pub fn nonce(&self) -> &[u8] {
        &self.received.nonce
    }

    /// When it was signed, by the signer's clock.
    pub fn created(&self) -> Timestamp {
        self.received.created
    }
}
