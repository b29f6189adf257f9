//! Names of things, one type per kind, so that none can stand where another belongs.

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::encoding::{hex, unhex};

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

#[cfg(test)]
mod tests {
    use super::*;

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
