use core::fmt;
use core::str::FromStr;

use zeroize::Zeroizing;

use crate::encoding::{Reader, b64u, unb64u};
use crate::id::{MalformedId, SessionRef};
use crate::secret::Secret32;
use crate::session::TokenHash;
use crate::time::Timestamp;

const PREFIX: &str = "csa_";

/// An access token that says nothing: `csa_<ref>.<rest>`, the public name of its session, and in the rest eight octets of its
/// expiry, in seconds, and 32 random ones.
///
/// The name finds the session. What is kept there of the token is the hash of all of it, so nothing in it is true before the
/// hash has matched, its expiry included.
#[derive(Clone)]
pub struct OpaqueToken {
    session: SessionRef,
    expires: Timestamp,
    secret: Secret32,
}

impl OpaqueToken {
    /// A token of this session that is good until then, in whole seconds, by 32 random octets.
    pub const fn new(session: SessionRef, expires: Timestamp, secret: Secret32) -> Self {
        Self { session, expires, secret }
    }

    /// Whether a text is meant to be one; a JWT never begins like this.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The session that it claims to be of.
    pub const fn session(&self) -> SessionRef {
        self.session
    }

    /// The first moment at which it is good no more; nothing to believe before the hash has matched.
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Whether this is the token of which that hash is kept, and good at `now`: until the last millisecond before its end.
    pub fn is_good(&self, kept: &TokenHash, now: Timestamp) -> bool {
        self.hash().matches(kept) && now < self.expires
    }

    /// As it is sent.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut rest = Zeroizing::new([0; 40]);
        let octets = self.expires.as_secs().to_be_bytes();
        for (place, octet) in rest.iter_mut().zip(octets.iter().chain(self.secret.expose())) {
            *place = *octet;
        }
        Zeroizing::new(format!("{PREFIX}{}.{}", self.session, *Zeroizing::new(b64u(&*rest))))
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
        let (session, rest) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.')).ok_or(MALFORMED)?;
        let rest = Zeroizing::new(unb64u(rest).ok_or(MALFORMED)?);
        let mut reader = Reader::new(&rest);
        let expires = reader.u64().map(Timestamp::from_secs).ok_or(MALFORMED)?;
        let secret = reader.array().map(Secret32::new).filter(|_| reader.is_done()).ok_or(MALFORMED)?;
        Ok(Self { session: session.parse().map_err(|_| MALFORMED)?, expires, secret })
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

    const EXPIRES: Timestamp = Timestamp::from_secs(1_763_780_900);

    fn token() -> OpaqueToken {
        OpaqueToken::new(SessionRef([1; 16]), EXPIRES, Secret32::new([2; 32]))
    }

    #[test]
    fn a_token_reads_back_as_it_is_sent() {
        let text = token().to_text();
        assert_eq!(*text, "csa_AQEBAQEBAQEBAQEBAQEBAQ.AAAAAGkhKSQCAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg");
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
                let taken = changed
                    .parse::<OpaqueToken>()
                    .is_ok_and(|read| read.is_good(&token().hash(), Timestamp::default()));
                assert!(!taken, "{changed}");
            }
        }
    }

    #[test]
    fn a_token_is_good_until_its_end_and_for_the_hash_that_is_kept() {
        let read: OpaqueToken = token().to_text().parse().unwrap();
        let last = Timestamp::from_millis(EXPIRES.as_millis() - 1);
        assert!(read.is_good(&token().hash(), last));
        assert!(!read.is_good(&token().hash(), EXPIRES));
        let prolonged = OpaqueToken::new(SessionRef([1; 16]), Timestamp::MAX, Secret32::new([2; 32]));
        assert!(!prolonged.is_good(&token().hash(), last), "its end is part of what is hashed");
    }

    #[test]
    fn what_is_not_spelt_like_one_is_refused() {
        let (name, secret) = ("AQEBAQEBAQEBAQEBAQEBAQ", "AAAAAGkhKSQCAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg");
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
            format!("csa_{name}.{}h", &secret[..53]),
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
