//! Where secrets are to be read from. None of them is ever listed, logged or put into a message.

use core::fmt;
use std::path::PathBuf;

use countersign_core::encoding::{unb64, unb64u, unhex};
use countersign_core::secret::{KeyEncryptionKey, Secret32};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Text that may be a secret: wiped when dropped, redacted when printed.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(super) struct SecretText(Zeroizing<String>);

impl SecretText {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(redacted)")
    }
}

/// Where the key-encryption key comes from.
#[derive(Clone, Debug)]
pub enum KekSource {
    /// The file `kek` in the data directory, made at first start.
    DataDirectory,
    /// A file of the operator's or the service manager's.
    File(PathBuf),
    /// `COUNTERSIGN_KEK`.
    Environment(KeyEncryptionKey),
}

/// Where the shared key of the seed mode comes from.
#[derive(Clone, Debug)]
pub enum SeedKeySource {
    /// A file of its own.
    File(PathBuf),
    /// `seed_shared_key`, in the file or the environment.
    Given(Secret32),
}

/// 32 octets as 64 hex digits in either case, or as base64 in either alphabet, padded or not.
pub(crate) fn octets32(text: &str) -> Option<Secret32> {
    let hex = || unhex(&Zeroizing::new(text.to_ascii_lowercase()));
    let base64 = || unb64(text).or_else(|| unb64u(text.trim_end_matches('=')));
    let unpadded = || unb64(&Zeroizing::new(format!("{text}=")));
    let octets = Zeroizing::new(hex().or_else(base64).or_else(unpadded)?);
    octets.as_slice().try_into().map(Secret32::new).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_each_spelling_and_at_no_other_length() {
        let is_ff = |text: &str| octets32(text).is_some_and(|key| key.expose() == &[0xff; 32]);
        assert!(is_ff(&"ff".repeat(32)) && is_ff(&"FF".repeat(32)));
        assert!(is_ff(&format!("{}8=", "/".repeat(42))) && is_ff(&format!("{}8", "/".repeat(42))));
        assert!(is_ff(&format!("{}8=", "_".repeat(42))) && is_ff(&format!("{}8", "_".repeat(42))));
        for text in ["", "ff", &"ff".repeat(31), &"ff".repeat(33), &format!("{}9", "/".repeat(42)), &"g".repeat(64)] {
            assert!(octets32(text).is_none(), "{text}");
        }
    }
}
