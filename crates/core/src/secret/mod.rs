//! Keys: how one is derived from another, how they are sealed at rest, and how they never show themselves.
//!
//! Protocol §2. `HM(k, m)` is HMAC-SHA-256, HKDF is over SHA-256 with the salt `countersign/1`.

mod keks;
mod label;
mod mac;
mod root;
mod row;
mod seal;

pub use keks::{BadKeyText, KeyEncryptionKeys, NoNextKek};
pub use label::label;
pub use mac::MacKey;
pub use root::{KeyPair, Root};
pub use row::{RowKey, RowMac};
pub use seal::{KeyEncryptionKey, Sealed, Unsealable, WeakKek};

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::encoding::{unb64, unb64u, unhex};

/// 32 secret octets. They wipe themselves, have no equality, and print as `redacted`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret32([u8; 32]);

impl Secret32 {
    /// Takes over 32 octets; the caller wipes its own copy.
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// 32 octets as 64 hex digits in either case, or as base64 in either alphabet, padded or not: as people hand keys over.
    pub fn from_text(text: &str) -> Option<Self> {
        let hex = || unhex(&Zeroizing::new(text.to_ascii_lowercase()));
        let base64 = || unb64(text).or_else(|| unb64u(text.trim_end_matches('=')));
        let unpadded = || unb64(&Zeroizing::new(format!("{text}=")));
        let octets = Zeroizing::new(hex().or_else(base64).or_else(unpadded)?);
        octets.as_slice().try_into().map(Self::new).ok()
    }

    /// The octets, for the one place that needs them. Every call is worth a look in review.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret32(redacted)")
    }
}

#[cfg(test)]
mod tests;
