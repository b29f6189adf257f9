//! Why an answer is not believed.

use core::fmt;

/// Why an answer was not believed. It is shown to the person and the answer's body is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interference {
    /// It carries no signature with our tag.
    MissingSignature,
    /// Its signature does not hold over this status, these fields and our own copy of the request.
    BadMac,
    /// It is an answer to another request: nonce, key or `Countersign-Request` are not ours.
    WrongRequest,
    /// Its body is not the one that was signed.
    Digest,
    /// Its body ends before `Content-Length` is reached.
    Truncated,
    /// It was signed too long ago, or in our future.
    Stale,
    /// The server says, verifiably, that it had seen this request before; clients never repeat a nonce.
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

impl fmt::Display for Interference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::error::Error for Interference {}
