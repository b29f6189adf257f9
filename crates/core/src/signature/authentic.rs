//! The proof that a request was signed by the holder of a key. It stands alone, so that nothing else can make one.

use super::received::Received;
use crate::secret::MacKey;
use crate::time::{Age, Freshness, Timestamp};

/// The proof that a request's parameters, MAC and time have been checked. Only [`Received::authenticate`] makes one, and
/// the replay guard takes nothing less, so that forged nonces cannot fill it.
#[derive(Clone, Copy, Debug)]
pub struct Authentic<'r> {
    received: &'r Received,
}

impl<'r> Authentic<'r> {
    /// Who signed.
    pub fn keyid(&self) -> &'r str {
        self.received.keyid()
    }

    /// The decoded octets of the nonce, 16 to 64 of them.
    pub fn nonce(&self) -> &'r [u8] {
        self.received.nonce.as_slice()
    }

    /// When it was signed, by the signer's clock, in whole seconds.
    pub fn created(&self) -> Timestamp {
        self.received.created
    }
}

/// What [`Received::authenticate`] found.
#[derive(Clone, Copy, Debug)]
pub enum Authentication<'r> {
    /// The MAC is right and the time is within the window.
    Authentic(Authentic<'r>),
    /// The MAC is right, but the request is from our future: it would become valid later, so its nonce must be burnt.
    FutureDated(Authentic<'r>),
    /// The MAC is right, but the request is too old; it can never become valid.
    Stale,
    /// The MAC is wrong, or the tag, or a required component is not covered, or `expires` is too late.
    BadSignature,
}

impl Received {
    /// Checks the MAC in constant time, and only then the time.
    ///
    /// What makes the signature bad whatever its MAC is looked at after the MAC has been computed: all bad signatures cost
    /// the same.
    pub fn authenticate(&self, c2s: &MacKey, freshness: Freshness, now: Timestamp) -> Authentication<'_> {
        let holds = c2s.verifies(&[self.base.as_str().as_bytes()], self.octets.as_slice());
        let latest = self.created.saturating_add(freshness.window());
        let outlives_the_window = self.expires.is_some_and(|expires| expires > latest);
        if !holds || self.flaw.is_some() || outlives_the_window {
            return Authentication::BadSignature;
        }
        match freshness.judge(self.created, now) {
            Age::Future => Authentication::FutureDated(Authentic { received: self }),
            Age::Stale => Authentication::Stale,
            Age::Fresh if self.expires.is_some_and(|expires| now > expires) => Authentication::Stale,
            Age::Fresh => Authentication::Authentic(Authentic { received: self }),
        }
    }
}
