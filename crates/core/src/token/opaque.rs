use core::fmt;
use core::str::FromStr;

use zeroize::Zeroizing;

use crate::encoding::{b64u, unb64u};
use crate::id::{MalformedId, SessionRef};
use crate::secret::Secret32;
use crate::session::TokenHash;

const PREFIX: &str = "csa_";

/// An access token that says nothing: `csa_<ref>.<secret>`, the public name of its session and 32 random octets.
///
/// The name finds the session; what is kept of the token is its hash.
#[derive(Clone)]
pub struct OpaqueToken {
    session: SessionRef,
    secret: Secret32,
}

impl OpaqueToken {
    /// A token of this session, by 32 random octets.
    pub const fn new(session: SessionRef, secret: Secret32) -> Self {
        Self { session, secret }
    }

    /// Whether a text is meant to be one; a JWT never begins like this.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The session that it claims to be of.
    pub const fn session(&self) -> SessionRef {
        self.session
    }

    /// As it is sent.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}.{}", self.session, *Zeroizing::new(b64u(self.secret.expose()))))
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.to_text())
    }
}

impl FromStr for OpaqueToken {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        const MALFORMED: MalformedId = MalformedId("opaque access token");
        let (session, secret) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.')).ok_or(MALFORMED)?;
        let secret = Zeroizing::new(unb64u(secret).ok_or(MALFORMED)?);
        let secret = secret.as_slice().try_into().map(Secret32::new).map_err(|_| MALFORMED)?;
        Ok(Self { session: session.parse().map_err(|_| MALFORMED)?, secret })
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpaqueToken({}, redacted)", self.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> OpaqueToken {
        OpaqueToken::new(SessionRef([1; 16]), Secret32::new([2; 32]))
    }

    #[test]
    fn a_token_reads_back_as_it_is_sent() {
        let text = token().to_text();
        assert_eq!(*text, "csa_AQEBAQEBAQEBAQEBAQEBAQ.AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI");
        let read: OpaqueToken = text.parse().unwrap();
        assert_eq!(read.session(), SessionRef([1; 16]));
        assert!(read.hash().matches(&token().hash()));
        assert!(OpaqueToken::is_meant(&text) && !OpaqueToken::is_meant("eyJhbGciOiJFZERTQSJ9.e30."));
    }

    #[test]
    fn any_other_octet_is_another_token_or_none() {
        let text = token().to_text();
        for place in 0..text.len() {
            for octet in (b' '..=b'~').filter(|octet| *octet != text.as_bytes()[place]) {
                let mut changed = text.as_bytes().to_vec();
                changed[place] = octet;
                let changed = String::from_utf8(changed).unwrap();
                let taken = changed.parse::<OpaqueToken>().is_ok_and(|read| read.hash().matches(&token().hash()));
                assert!(!taken, "{changed}");
            }
        }
    }

    #[test]
    fn what_is_not_spelt_like_one_is_refused() {
        let (name, secret) = ("AQEBAQEBAQEBAQEBAQEBAQ", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI");
        assert!(format!("csa_{name}.{secret}").parse::<OpaqueToken>().is_ok());
        for text in [
            String::new(),
            "csa_".to_owned(),
            format!("csa_{name}"),
            format!("csr_{name}.{secret}"),
            format!("CSA_{name}.{secret}"),
            format!(" csa_{name}.{secret}"),
            format!("csa_{name}.{secret} "),
            format!("csa_{name}.{secret}."),
            format!("csa_{name}.{secret}.{secret}"),
            format!("csa_{name}.{secret}="),
            format!("csa_{name}..{secret}"),
            format!("csa_{name}.{}", &secret[1..]),
            format!("csa_{name}.{}J", &secret[..42]),
            format!("csa_{}.{secret}", &name[1..]),
            format!("csa_{}R.{secret}", &name[..21]),
        ] {
            assert!(text.parse::<OpaqueToken>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_does_not_show_its_secret() {
        assert_eq!(format!("{:?}", token()), "OpaqueToken(AQEBAQEBAQEBAQEBAQEBAQ, redacted)");
    }
}
