//! Names of things, one type per kind, so that none can stand where another belongs.

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::encoding::{b64u, hex, unb64u, unhex};

/// Text that is not a well-formed id of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed {0}")]
pub struct MalformedId(pub &'static str);

/// The public name of a signing key: `k` and 16 to 63 of `[a-z0-9]`, random, never derived from the username.
///
/// Copies share the text: a request makes some, and none of them asks for memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// A new id from 16 random octets: `k` and 26 characters of base 32.
    pub fn from_random(octets: [u8; 16]) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let bits = u128::from_be_bytes(octets);
        let letters = (0..26).rev().map(|place| {
            let index = (bits >> (place * 5)) as usize & 31;
            ALPHABET.get(index).copied().map_or('a', char::from)
        });
        Self(core::iter::once('k').chain(letters).collect::<String>().into())
    }

    /// The id as it stands in `keyid`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let well_formed = text.strip_prefix('k').is_some_and(|rest| {
            (16..=63).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        if well_formed { Ok(Self(text.into())) } else { Err(MalformedId("keyid")) }
    }
}

impl core::borrow::Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user's id: a UUID of version 4 that outlives every change of name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Uuid);

impl UserId {
    /// A new id from 16 random octets.
    pub fn from_random(octets: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(octets).into_uuid())
    }

    /// The 16 octets of the UUID.
    pub const fn octets(self) -> [u8; 16] {
        self.0.into_bytes()
    }
}

impl FromStr for UserId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        Uuid::try_parse(text).map(Self).map_err(|_| MalformedId("user id"))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The public part of a ticket: eight random octets, shown as hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TicketId(pub [u8; 8]);

impl FromStr for TicketId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        unhex(text).and_then(|octets| octets.try_into().ok()).map(Self).ok_or(MalformedId("ticket id"))
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// The id of a session: 128 random bits that never leave the store. Elsewhere a session is known by its [`SessionRef`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub [u8; 16]);

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(redacted)")
    }
}

/// The public name of a session: 16 random octets, shown as 22 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionRef(pub [u8; 16]);

impl SessionRef {
    /// What stands before the reference in the `keyid` of a session.
    const KEYID: &'static str = "s.";

    /// The name under which the session's own key signs: `s.` and the reference (protocol §2).
    pub fn keyid(self) -> String {
        format!("{}{self}", Self::KEYID)
    }

    /// The session whose key has this name; `None` when it is no session's.
    pub fn from_keyid(keyid: &str) -> Option<Self> {
        keyid.strip_prefix(Self::KEYID)?.parse().ok()
    }
}

impl FromStr for SessionRef {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        sixteen(text).map(Self).ok_or(MalformedId("session reference"))
    }
}

impl fmt::Display for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&b64u(&self.0))
    }
}

impl fmt::Debug for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionRef({self})")
    }
}

/// The name of a family of refresh tokens, each the successor of the one before: 16 random octets, shown as 22 characters
/// of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FamilyId(pub [u8; 16]);

impl FromStr for FamilyId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        sixteen(text).map(Self).ok_or(MalformedId("token family"))
    }
}

impl fmt::Display for FamilyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&b64u(&self.0))
    }
}

/// The 16 octets that 22 characters of base64url stand for, in their one spelling.
fn sixteen(text: &str) -> Option<[u8; 16]> {
    unb64u(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_as_printed_and_in_no_other_spelling() {
        let reference = SessionRef([0xff; 16]);
        assert_eq!(reference.to_string(), "_____________________w");
        assert_eq!(reference.to_string().parse(), Ok(reference));
        for text in [
            "",
            "_____________________x",
            "_____________________w==",
            "____________________",
            "///////////////////////w",
            "_____________________w\n",
            "__________________________w",
        ] {
            assert!(text.parse::<SessionRef>().is_err(), "{text:?}");
            assert!(text.parse::<FamilyId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_key_of_a_session_is_named_after_it_and_no_other_key_is() {
        let reference = SessionRef([7; 16]);
        assert_eq!(SessionRef::from_keyid(&reference.keyid()), Some(reference));
        let key = KeyId::from_random([7; 16]);
        for keyid in [key.as_str(), "s.", "s.k7f3a9c2d4e5b6a1c", &reference.to_string(), &format!("S.{reference}")] {
            assert_eq!(SessionRef::from_keyid(keyid), None, "{keyid}");
        }
        assert!(reference.keyid().parse::<KeyId>().is_err());
    }

    #[test]
    fn the_id_of_a_session_does_not_show_itself() {
        assert_eq!(format!("{:?}", SessionId([7; 16])), "SessionId(redacted)");
    }

    #[test]
    fn a_random_key_id_is_well_formed_and_keeps_every_bit() {
        let id = KeyId::from_random([0xff; 16]);
        assert_eq!(id.as_str(), "kh7777777777777777777777777");
        assert_eq!(id.as_str().parse::<KeyId>(), Ok(id.clone()));
        assert_ne!(
            KeyId::from_random([0; 16]),
            KeyId::from_random([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        );
    }

    #[test]
    fn what_is_not_a_key_id_is_refused() {
        for text in [
            "",
            "k",
            "kshort",
            "K7f3a9c2d4e5b6a1c",
            "k7f3a9c2d4e5b6a1C",
            "../../etc/passwd",
            &format!("k{}", "a".repeat(64)),
        ] {
            assert!(text.parse::<KeyId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_ticket_id_reads_back_as_printed() {
        let id = TicketId([0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17]);
        assert_eq!(id.to_string(), "1011121314151617");
        assert_eq!("1011121314151617".parse(), Ok(id));
        assert!("10111213141516".parse::<TicketId>().is_err());
        assert!("101112131415161Z".parse::<TicketId>().is_err());
    }
}
