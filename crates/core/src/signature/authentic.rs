//! The proof that a message was signed by the holder of a key. It stands alone, so that nothing else can make one.

use super::received::Received;
use crate::secret::MacKey;
use crate::time::{Age, Freshness, Timestamp};

/// The proof that a message's parameters, MAC and time have been checked. Only `judge` makes one, for a
/// request and for an envelope alike, and the replay guard takes nothing less, so that forged nonces cannot fill it.
#[derive(Clone, Copy, Debug)]
pub struct Authentic<'m> {
    keyid: &'m str,
    nonce: &'m [u8],
    created: Timestamp,
}

impl<'m> Authentic<'m> {
    /// Who signed.
    pub fn keyid(&self) -> &'m str {
        self.keyid
    }

    /// The decoded octets of the nonce, 16 to 64 of them.
    pub fn nonce(&self) -> &'m [u8] {
        self.nonce
    }

    /// When it was signed, by the signer's clock: in whole seconds for a request, in milliseconds for an envelope.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Checks the MAC in constant time, and only then the time.
    ///
    /// What makes the signature bad whatever its MAC is looked at after the MAC has been computed: all bad signatures cost
    /// the same.
    pub(crate) fn judge(
        signed: &Signed<'m, '_>,
        c2s: &MacKey,
        freshness: Freshness,
        now: Timestamp,
    ) -> Authentication<'m> {
        let Signed { keyid, nonce, created, expires, flawed, covered, mac } = *signed;
        let holds = c2s.verifies(covered, mac);
        let latest = created.saturating_add(freshness.window());
        let outlives_the_window = expires.is_some_and(|expires| expires > latest);
        if !holds || flawed || outlives_the_window {
            return Authentication::BadSignature;
        }
        let authentic = Self { keyid, nonce, created };
        match freshness.judge(created, now) {
            Age::Future => Authentication::FutureDated(authentic),
            Age::Stale => Authentication::Stale,
            Age::Fresh if expires.is_some_and(|expires| now > expires) => Authentication::Stale,
            Age::Fresh => Authentication::Authentic(authentic),
        }
    }
}

/// What a message of either kind says of itself, before any of it is believed.
pub(crate) struct Signed<'m, 'c> {
    pub(crate) keyid: &'m str,
    pub(crate) nonce: &'m [u8],
    pub(crate) created: Timestamp,
    /// When it says that it ends before the window does.
    pub(crate) expires: Option<Timestamp>,
    /// Whether it is bad whatever its MAC.
    pub(crate) flawed: bool,
    /// What the MAC must cover, in pieces.
    pub(crate) covered: &'c [&'c [u8]],
    pub(crate) mac: &'c [u8],
}

/// What `authenticate` found.
#[derive(Clone, Copy, Debug)]
pub enum Authentication<'m> {
    /// The MAC is right and the time is within the window.
    Authentic(Authentic<'m>),
    /// The MAC is right, but the message is from our future: it would become valid later, so its nonce must be burnt.
    FutureDated(Authentic<'m>),
    /// The MAC is right, but the message is too old; it can never become valid.
    Stale,
    /// The MAC is wrong, or the tag, or a required component is not covered, or `expires` is too late; or an envelope is
    /// for somebody else.
    BadSignature,
}

impl Received {
    /// Checks the MAC in constant time, and only then the time.
    pub fn authenticate(&self, c2s: &MacKey, freshness: Freshness, now: Timestamp) -> Authentication<'_> {
        let signed = Signed {
            keyid: self.keyid(),
            nonce: self.nonce.as_slice(),
            created: self.created,
            expires: self.expires,
            flawed: self.flaw.is_some(),
            covered: &[self.base.as_str().as_bytes()],
            mac: self.octets.as_slice(),
        };
        Authentic::judge(&signed, c2s, freshness, now)
    }
}
