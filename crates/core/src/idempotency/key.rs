//! The value of `Idempotency-Key`: a string of RFC 9651, as draft-ietf-httpapi-idempotency-key-header says.

use core::fmt;
use core::str::FromStr;

use crate::encoding::b64u;

/// The longest key, in characters without quotes and escapes.
const LONGEST: usize = 255;

/// What a client calls one thing that it wants to be done once: 1 to 255 characters of visible ASCII and space.
///
/// [`FromStr`] reads the field as it is sent, quotes and escapes included, in its one spelling; `Display` writes it so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Box<str>);

/// Text that is no idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to 255 characters of visible ASCII; in the field it stands between double quotes")]
pub struct MalformedKey;

impl IdempotencyKey {
    /// A new key from 16 random octets.
    pub fn from_random(octets: [u8; 16]) -> Self {
        Self(b64u(&octets).into())
    }

    /// The key of this name, without quotes and escapes.
    pub fn named(name: &str) -> Result<Self, MalformedKey> {
        let well_formed = (1..=LONGEST).contains(&name.len()) && name.bytes().all(|octet| matches!(octet, b' '..=b'~'));
        if well_formed { Ok(Self(name.into())) } else { Err(MalformedKey) }
    }

    /// Its name, without quotes and escapes.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = MalformedKey;

    fn from_str(field: &str) -> Result<Self, MalformedKey> {
        let quoted = field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(MalformedKey)?;
        let mut name = String::with_capacity(quoted.len());
        let mut characters = quoted.chars();
        while let Some(character) = characters.next() {
            name.push(match character {
                '\\' => characters.next().filter(|escaped| matches!(escaped, '"' | '\\')).ok_or(MalformedKey)?,
                '"' => return Err(MalformedKey),
                plain => plain,
            });
        }
        Self::named(&name)
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_stands_between_quotes_and_has_one_spelling() {
        for (field, name) in [(r#""0f3c9a52""#, "0f3c9a52"), (r#"" ~""#, " ~"), (r#""a\"b\\c""#, r#"a"b\c"#)] {
            let key: IdempotencyKey = field.parse().unwrap();
            assert_eq!((key.name(), key.to_string().as_str()), (name, field));
        }
    }

    #[test]
    fn what_is_not_one_string_is_no_key() {
        let bare = "8e03978e-40d5-43dd-bc93-6894a57f9324";
        for field in [
            "",
            "\"",
            "\"\"",
            bare,
            "\"a",
            "a\"",
            "\"a\";b=1",
            "\"a\", \"b\"",
            "\"a\" ",
            "\"a\"b\"",
            r#""a\b""#,
            r#""a\""#,
            "\"a\tb\"",
            "\"\u{e9}\"",
            ":YQ==:",
            "1",
        ] {
            assert_eq!(field.parse::<IdempotencyKey>(), Err(MalformedKey), "{field:?}");
        }
    }

    #[test]
    fn a_key_has_at_most_255_characters_however_many_of_them_are_escaped() {
        let longest = IdempotencyKey::named(&"\"".repeat(255)).unwrap();
        assert_eq!(longest.to_string().parse(), Ok(longest));
        assert_eq!(IdempotencyKey::named(&"a".repeat(256)), Err(MalformedKey));
        assert_eq!(format!("\"{}\"", "a".repeat(256)).parse::<IdempotencyKey>(), Err(MalformedKey));
    }

    proptest! {
        #[test]
        fn every_key_reads_back_as_written(name in "[ -~]{1,255}") {
            let key = IdempotencyKey::named(&name).unwrap();
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn whatever_is_read_is_written_the_same(field in "\"[ -~]{0,12}\"") {
            if let Ok(key) = field.parse::<IdempotencyKey>() {
                prop_assert_eq!(key.to_string(), field);
            }
        }
    }
}
