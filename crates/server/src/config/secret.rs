//! Where secrets are to be read from. None of them is ever listed, logged or put into a message.

use core::fmt;
use std::path::PathBuf;

use countersign_core::secret::{KeyEncryptionKeys, Secret32};
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
    Environment(KeyEncryptionKeys),
}

/// Where the shared key of the seed mode comes from.
#[derive(Clone, Debug)]
pub enum SeedKeySource {
    /// A file of its own.
    File(PathBuf),
    /// `seed_shared_key`, in the file or the environment.
    Given(Secret32),
}
