//! Authorities: the host and port that a request is meant for.

use core::fmt;
use core::str::FromStr;

/// A host and port in their one spelling: lower case, without a default port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Authority(Box<str>);

impl Authority {
    /// As it stands in `@authority`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a host with an optional port: {0}")]
pub struct BadAuthority(pub &'static str);

impl FromStr for Authority {
    type Err = BadAuthority;

    fn from_str(_text: &str) -> Result<Self, BadAuthority> {
        Err(BadAuthority("not written yet"))
    }
}
