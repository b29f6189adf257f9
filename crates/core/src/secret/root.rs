//! The root of a key and what is derived from it.

use core::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{MacKey, Secret32, label};
use crate::encoding::put_lp;
use crate::id::SessionRef;

const SALT: &[u8] = b"countersign/1";

/// The secret that an enrolment yields, one per key. It is never used for a MAC itself.
#[derive(Clone)]
pub struct Root(Secret32);

impl Root {
    /// A root that was agreed upon or unsealed.
    pub const fn new(secret: Secret32) -> Self {
        Self(secret)
    }

    /// The root that an enrolment agrees upon: HKDF with the handshake hash as salt and both sides' random octets as
    /// key material, for this key id (protocol §3).
    pub fn agreed(handshake_hash: &[u8; 32], c_rand: &Secret32, s_rand: &Secret32, keyid: &str) -> Self {
        let material = Zeroizing::new([*c_rand.expose(), *s_rand.expose()]);
        Self(expand(handshake_hash, material.as_flattened(), &label("user root", keyid.as_bytes())))
    }

    /// The root of a key that does not exist: its answers look like anybody's (protocol §2, decoy root).
    pub fn decoy(decoy_key: &MacKey, keyid: &str) -> Self {
        let mut message = b"countersign/1 decoy\0".to_vec();
        put_lp(&mut message, keyid.as_bytes());
        Self(Secret32::new(decoy_key.mac(&[&message])))
    }

    /// The key called `name` in the table of protocol §2, for this context.
    pub fn derive(&self, name: &str, context: &[u8]) -> Secret32 {
        expand(SALT, self.0.expose(), &label(name, context))
    }

    /// The two keys that sign requests and responses of `keyid`.
    pub fn key_pair(&self, keyid: &str) -> KeyPair {
        self.pair("c2s mac", "s2c mac", keyid)
    }

    /// The two keys that sign envelopes (protocol §8).
    pub fn envelope_pair(&self, keyid: &str) -> KeyPair {
        self.pair("c2s env", "s2c env", keyid)
    }

    /// The two keys that sign the frames of streams (protocol §9).
    pub fn stream_pair(&self, keyid: &str) -> KeyPair {
        self.pair("c2s stream", "s2c stream", keyid)
    }

    /// The root of a session that this key has opened. The session's keys are derived from it as a key's own are, for
    /// its [`keyid`](SessionRef::keyid) (protocol §2).
    pub fn session_root(&self, session: SessionRef) -> Self {
        Self(self.derive("session root", session.to_string().as_bytes()))
    }

    /// K_s, which answers the challenges put to a session. `self` is the root of the key that opened it, or, for a session
    /// that a password opened, the session's own (protocol §2).
    pub fn challenge_key(&self, session: SessionRef) -> MacKey {
        MacKey::new(&self.derive("challenge", session.keyid().as_bytes()))
    }

    fn pair(&self, c2s: &str, s2c: &str, keyid: &str) -> KeyPair {
        KeyPair {
            c2s: MacKey::new(&self.derive(c2s, keyid.as_bytes())),
            s2c: MacKey::new(&self.derive(s2c, keyid.as_bytes())),
        }
    }

    /// The 32 octets, to be sealed or shown to their owner.
    pub const fn secret(&self) -> &Secret32 {
        &self.0
    }
}

/// 32 octets of HKDF-SHA-256 (RFC 5869).
pub(crate) fn expand(salt: &[u8], material: &[u8], info: &[u8]) -> Secret32 {
    let mut okm = Zeroizing::new([0; 32]);
    let expanded = Hkdf::<Sha256>::new(Some(salt), material).expand(info, okm.as_mut());
    debug_assert!(expanded.is_ok(), "32 octets are within HKDF's limit");
    Secret32::new(*okm)
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Root(redacted)")
    }
}

/// One key per direction, so that a request can never come back as a response.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// Signs requests.
    pub c2s: MacKey,
    /// Signs responses.
    pub s2c: MacKey,
}
