//! RFC 9421 HTTP Message Signatures, in the profile of PROTOCOL §4 and §5.

use crate::time::Timestamp;

/// A request as it was received, after the strict parse.
#[derive(Debug)]
pub struct Received {
    keyid: String,
    nonce: Vec<u8>,
    created: Timestamp,
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
