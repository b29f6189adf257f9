//! Usernames: PRECIS UsernameCaseMapped (RFC 8265 §3.3) and this protocol's own rules.

use core::fmt;
use core::str::FromStr;

use precis_core::profile::PrecisFastInvocation as _;
use precis_profiles::UsernameCaseMapped;

/// A username in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(Box<str>);

impl Username {
    /// The longest username, in octets.
    pub const MAX_OCTETS: usize = 64;

    /// The canonical name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = BadUsername;

    fn from_str(typed: &str) -> Result<Self, BadUsername> {
        let canonical = UsernameCaseMapped::enforce(typed).map_err(|_| BadUsername::Character)?;
        Ok(Self(canonical.into()))
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no username.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUsername {
    /// A character that names cannot have.
    #[error("a username is made of letters and digits: leave out blanks and invisible characters")]
    Character,
}
