//! Secrets at rest: AES-256-GCM under the key-encryption key.

use core::fmt;

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use zeroize::Zeroizing;

use super::Secret32;
use crate::encoding::put_lp;

/// The key under which every secret at rest is sealed. Versions coexist while a rotation is under way.
#[derive(Clone)]
pub struct KeyEncryptionKey {
    version: u32,
    secret: Secret32,
}

impl KeyEncryptionKey {
    /// The key-encryption key of this version.
    pub const fn new(version: u32, secret: Secret32) -> Self {
        Self { version, secret }
    }

    /// Seals `plain` for this name and owner. `nonce` is 96 random bits, new for each call.
    pub fn seal(&self, name: &str, owner: &str, plain: &[u8], nonce: [u8; 12]) -> Result<Sealed, Unsealable> {
        let aad = aad(name, owner, self.version);
        let boxed =
            self.cipher().encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: &aad }).map_err(|_| Unsealable)?;
        Ok(Sealed { version: self.version, octets: [nonce.as_slice(), &boxed].concat() })
    }

    /// Opens what [`seal`](Self::seal) made, for the same name and owner only.
    pub fn open(&self, name: &str, owner: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let aad = aad(name, owner, sealed.version);
        let (nonce, boxed) = sealed.octets.split_first_chunk::<12>().ok_or(Unsealable)?;
        if sealed.version != self.version {
            return Err(Unsealable);
        }
        let plain = self.cipher().decrypt(&Nonce::from(*nonce), Payload { msg: boxed, aad: &aad });
        plain.map(Zeroizing::new).map_err(|_| Unsealable)
    }

    /// Opens a sealed secret of 32 octets.
    pub fn open32(&self, name: &str, owner: &str, sealed: &Sealed) -> Result<Secret32, Unsealable> {
        let plain = self.open(name, owner, sealed)?;
        plain.as_slice().try_into().map(Secret32::new).map_err(|_| Unsealable)
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

/// A sealed secret: which key-encryption key sealed it, and nonce ‖ ciphertext ‖ tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The version of the key-encryption key.
    pub version: u32,
    /// Nonce, ciphertext and tag.
    pub octets: Vec<u8>,
}

/// A sealed secret that does not open: another key-encryption key, another owner, or a changed octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed secret does not open under this key-encryption key")]
pub struct Unsealable;

/// `"countersign/1 record\0" ‖ lp(keyid) ‖ lp(username) ‖ u32 version` (PROTOCOL §2).
fn aad(name: &str, owner: &str, version: u32) -> Vec<u8> {
    let mut aad = b"countersign/1 record\0".to_vec();
    put_lp(&mut aad, name.as_bytes());
    put_lp(&mut aad, owner.as_bytes());
    aad.extend_from_slice(&version.to_be_bytes());
    aad
}
