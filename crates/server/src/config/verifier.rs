//! Programs that verify tokens somewhere else: by which name and with which secret each asks about them.

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

/// The name of a verifier, its `client_id` (RFC 6749 §2.2). It is made of the characters that no encoding changes, so that
/// it is spelt alike by clients that encode it in Basic and by those that do not (RFC 6749 §2.3.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierId(Box<str>);

impl VerifierId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VerifierId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for VerifierId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let unreserved = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
        match text.len() {
            0 => Err("it is empty"),
            1..=64 if text.bytes().all(unreserved) => Ok(Self(text.into())),
            1..=64 => Err("it has other characters"),
            _ => Err("it is longer"),
        }
    }
}

/// A verifier, and where its secret is read from at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierSource {
    /// Its name.
    pub id: VerifierId,
    /// A file that only its owner can read.
    pub secret: PathBuf,
}
