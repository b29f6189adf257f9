//! The text of a refresh token.

use core::fmt;
use core::str::FromStr;

use zeroize::Zeroizing;

use crate::encoding::{b64u, put_lp, unb64u};
use crate::id::FamilyId;
use crate::secret::{MacKey, Secret32};

const PREFIX: &str = "csr_";

/// A refresh token: `csr_`, the family, the number and a MAC over both, with dots between them.
///
/// The MAC lets a forged token be told from a used one without asking the store, so that nobody can end a family by
/// guessing.
#[derive(Clone)]
pub struct RefreshToken {
    family: FamilyId,
    sequence: u32,
    tag: Secret32,
}

impl RefreshToken {
    /// Whether a text is meant to be one; no access token begins like this.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The family that it says it is of.
    pub const fn family(&self) -> FamilyId {
        self.family
    }

    /// The number that it says it has.
    pub const fn sequence(&self) -> u32 {
        self.sequence
    }

    /// The token as its holder keeps it.
    pub fn to_text(&self) -> Zeroizing<String> {
        let tag = Zeroizing::new(b64u(self.tag.expose()));
        // Whole at once: a growing text would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity(96));
        for part in [PREFIX, &self.family.to_string(), ".", &self.sequence.to_string(), ".", &tag] {
            text.push_str(part);
        }
        text
    }
}

impl FromStr for RefreshToken {
    type Err = MalformedToken;

    fn from_str(text: &str) -> Result<Self, MalformedToken> {
        let mut parts = text.strip_prefix(PREFIX).ok_or(MalformedToken)?.split('.');
        let [Some(family), Some(sequence), Some(tag), None] = [(); 4].map(|()| parts.next()) else {
            return Err(MalformedToken);
        };
        let number: u32 = sequence.parse().map_err(|_| MalformedToken)?;
        let tag = Zeroizing::new(unb64u(tag).ok_or(MalformedToken)?);
        let tag = tag.as_slice().try_into().map(Secret32::new).map_err(|_| MalformedToken)?;
        // One spelling: neither `+1` nor `01`.
        if number.to_string() != sequence {
            return Err(MalformedToken);
        }
        Ok(Self { family: family.parse().map_err(|_| MalformedToken)?, sequence: number, tag })
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({} {}, redacted)", self.family, self.sequence)
    }
}

/// Text that is no refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a refresh token")]
pub struct MalformedToken;

/// The secret of one family, from which all of its tokens are made.
#[derive(Clone, Debug)]
pub struct FamilySecret(MacKey);

impl FamilySecret {
    /// Keys the MACs of a family.
    pub fn new(secret: &Secret32) -> Self {
        Self(MacKey::new(secret))
    }

    /// The token of this number.
    pub fn token(&self, family: FamilyId, sequence: u32) -> RefreshToken {
        RefreshToken { family, sequence, tag: Secret32::new(self.0.mac(&[&message(family, sequence)])) }
    }

    /// Whether this secret made the token; takes equally long whichever octet is wrong.
    pub fn made(&self, token: &RefreshToken) -> bool {
        self.0.verifies(&[&message(token.family, token.sequence)], token.tag.expose())
    }
}

fn message(family: FamilyId, sequence: u32) -> Vec<u8> {
    let mut message = b"countersign/1 refresh\0".to_vec();
    put_lp(&mut message, &family.0);
    message.extend_from_slice(&sequence.to_be_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: FamilyId = FamilyId([7; 16]);

    fn secret(octet: u8) -> FamilySecret {
        FamilySecret::new(&Secret32::new([octet; 32]))
    }

    #[test]
    fn a_token_reads_back_as_printed_and_only_its_own_family_made_it() {
        let text = secret(1).token(FAMILY, 4_294_967_295).to_text();
        assert!(text.starts_with("csr_BwcHBwcHBwcHBwcHBwcHBw.4294967295."), "{}", *text);
        let token: RefreshToken = text.parse().unwrap();
        assert_eq!((token.family(), token.sequence()), (FAMILY, u32::MAX));
        assert!(secret(1).made(&token));
        assert!(!secret(2).made(&token));
    }

    #[test]
    fn another_number_family_or_octet_is_a_forgery() {
        let text = secret(1).token(FAMILY, 3).to_text();
        let forged = |from: &str, to: &str| text.replacen(from, to, 1).parse::<RefreshToken>().unwrap();
        assert!(!secret(1).made(&forged(".3.", ".4.")));
        assert!(!secret(1).made(&forged("_BwcH", "_CwcH")));
        let RefreshToken { tag, .. } = secret(1).token(FAMILY, 3);
        for place in 0..32 {
            let mut octets = *tag.expose();
            octets[place] ^= 1;
            let forged = RefreshToken { family: FAMILY, sequence: 3, tag: Secret32::new(octets) };
            assert!(!secret(1).made(&forged), "octet {place}");
        }
    }

    #[test]
    fn a_token_has_one_spelling() {
        let text = secret(1).token(FAMILY, 3).to_text();
        for (from, to) in [
            ("csr_", "CSR_"),
            ("csr_", ""),
            (".3.", ".03."),
            (".3.", ".+3."),
            (".3.", ".-3."),
            (".3.", "."),
            (".3.", ".3.."),
            (".3.", ".4294967296."),
            (".3.", ". 3."),
            ("Bw.", "Bx."),
            ("Bw.", "."),
        ] {
            assert_eq!(text.replacen(from, to, 1).parse::<RefreshToken>().unwrap_err(), MalformedToken, "{from} {to}");
        }
        for text in [format!("{}.", *text), format!("{} ", *text), format!("{}=", *text), format!("{}A", *text)] {
            assert!(text.parse::<RefreshToken>().is_err(), "{text}");
        }
        let short = text.get(..text.len() - 1).unwrap();
        assert!(short.parse::<RefreshToken>().is_err(), "a MAC is not cut short");
    }

    #[test]
    fn a_token_does_not_show_its_mac() {
        let token = secret(1).token(FAMILY, 3);
        let tag = b64u(token.tag.expose());
        assert!(!format!("{token:?}{token:#?}{:?}", secret(1)).contains(tag.get(..8).unwrap()));
        assert!(format!("{token:?}").contains("redacted"));
    }
}
