//! Secrets at rest: AES-256-GCM under the key-encryption key.

use core::fmt;

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use zeroize::Zeroizing;

use super::Secret32;
use crate::encoding::{hex, put_lp};

/// A key under which secrets at rest are sealed. Versions coexist while one is exchanged for the next:
/// [`KeyEncryptionKeys`](super::KeyEncryptionKeys).
#[derive(Clone)]
pub struct KeyEncryptionKey {
    version: u32,
    secret: Secret32,
}

impl KeyEncryptionKey {
    /// The key-encryption key of this version, from octets that we drew ourselves just now. What comes from a file, the
    /// environment or a person goes through [`from_octets`](Self::from_octets).
    pub const fn new(version: u32, secret: Secret32) -> Self {
        Self { version, secret }
    }

    /// A key-encryption key that somebody supplied: exactly 32 octets, and not one that stands in a book.
    pub fn from_octets(version: u32, octets: &[u8]) -> Result<Self, WeakKek> {
        let octets = Zeroizing::new(<[u8; 32]>::try_from(octets).map_err(|_| WeakKek::Length)?);
        if is_progression(&octets) || is_published(&octets) {
            Err(WeakKek::Example)
        } else {
            Ok(Self::new(version, Secret32::new(*octets)))
        }
    }

    /// Seals `plain` for this name and owner. `nonce` is 96 random bits, new for each call.
    pub fn seal(&self, name: &str, owner: &str, plain: &[u8], nonce: [u8; 12]) -> Result<Sealed, Unsealable> {
        let aad = aad(name, owner, self.version);
        let boxed = self
            .cipher()
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| Unsealable::DoesNotOpen)?;
        Ok(Sealed { version: self.version, octets: [nonce.as_slice(), &boxed].concat() })
    }

    /// Opens what [`seal`](Self::seal) made, for the same name and owner only.
    pub fn open(&self, name: &str, owner: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let aad = aad(name, owner, sealed.version);
        let (nonce, boxed) = sealed.octets.split_first_chunk::<12>().ok_or(Unsealable::DoesNotOpen)?;
        if sealed.version != self.version {
            return Err(Unsealable::NoKey { version: sealed.version });
        }
        let plain = self.cipher().decrypt(&Nonce::from(*nonce), Payload { msg: boxed, aad: &aad });
        plain.map(Zeroizing::new).map_err(|_| Unsealable::DoesNotOpen)
    }

    /// Opens a sealed secret of 32 octets.
    pub fn open32(&self, name: &str, owner: &str, sealed: &Sealed) -> Result<Secret32, Unsealable> {
        thirty_two(&self.open(name, owner, sealed)?)
    }

    /// Its version.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The octets, for the one place that keeps them.
    pub(super) const fn secret(&self) -> &Secret32 {
        &self.secret
    }

    /// A key derived from this one for a purpose of its own.
    pub fn derive(&self, name: &str) -> Secret32 {
        super::Root::new(self.secret.clone()).derive(name, &self.version.to_be_bytes())
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*self.secret.expose()))
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyEncryptionKey(version {}, redacted)", self.version)
    }
}

/// Why a key-encryption key cannot be used: the server does not start with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakKek {
    /// Shorter or longer than 32 octets.
    #[error("a key-encryption key has exactly 32 octets: make one with `head -c 32 /dev/urandom`")]
    Length,
    /// A pattern, or a key that was published with the test vectors.
    #[error(
        "this key-encryption key is a documented example that everybody knows: make one with `head -c 32 /dev/urandom`"
    )]
    Example,
}

/// The published test vectors. Whatever key stands there is known to everybody.
const PUBLISHED: &str = include_str!("../../../../vectors/countersign.json");

/// Whether each octet is the one before plus a constant: all zeros, all alike, `00 01 02 …`. One random key in 2²⁴⁰ is.
fn is_progression(octets: &[u8; 32]) -> bool {
    let mut steps = octets.array_windows().map(|[one, next]| next.wrapping_sub(*one));
    let first = steps.next();
    steps.all(|step| Some(step) == first)
}

fn is_published(octets: &[u8; 32]) -> bool {
    PUBLISHED.contains(Zeroizing::new(hex(octets)).as_str())
}

/// A sealed secret: which key-encryption key sealed it, and nonce ‖ ciphertext ‖ tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The version of the key-encryption key.
    pub version: u32,
    /// Nonce, ciphertext and tag.
    pub octets: Vec<u8>,
}

/// Why a sealed secret does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsealable {
    /// The key-encryption key that sealed it is not there.
    #[error("it is sealed under version {version} of the key-encryption key, which is not there")]
    NoKey {
        /// The version that it names.
        version: u32,
    },
    /// Another key of the same version sealed it, or it was sealed for another owner, or an octet was changed.
    #[error("a sealed secret does not open under this key-encryption key")]
    DoesNotOpen,
}

/// What was opened, as a key.
pub(super) fn thirty_two(plain: &[u8]) -> Result<Secret32, Unsealable> {
    plain.try_into().map(Secret32::new).map_err(|_| Unsealable::DoesNotOpen)
}

/// `"countersign/1 record\0" ‖ lp(keyid) ‖ lp(username) ‖ u32 version` (protocol §2).
fn aad(name: &str, owner: &str, version: u32) -> Vec<u8> {
    let mut aad = b"countersign/1 record\0".to_vec();
    put_lp(&mut aad, name.as_bytes());
    put_lp(&mut aad, owner.as_bytes());
    aad.extend_from_slice(&version.to_be_bytes());
    aad
}

#[cfg(test)]
mod tests;
