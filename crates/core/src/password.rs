//! Passwords: which text may be one, and what is kept of it.

use core::fmt;

use zeroize::Zeroizing;

/// The fewest characters of a password.
pub const MIN_CHARACTERS: usize = 8;

/// The most characters of a password.
pub const MAX_CHARACTERS: usize = 128;

/// What is longer is not even looked at.
pub const MAX_OCTETS: usize = 4 << 10;

/// The longest text that is taken for a hash, in octets. Ours have about a hundred.
const MAX_HASH: usize = 256;

/// How each hash begins.
const ARGON2ID: &str = "$argon2id$v=19$";

/// A password as its user typed it: verbatim, neither trimmed nor normalised, of any characters at all. It wipes itself,
/// has no equality, and prints as `redacted`.
///
/// Characters are Unicode scalar values, as NIST SP 800-63B counts them.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes over what may be a password. The length in octets is looked at first: nobody makes us count a megabyte.
    pub fn new(text: Zeroizing<String>) -> Result<Self, BadPassword> {
        if text.len() > MAX_OCTETS {
            return Err(BadPassword::TooManyOctets);
        }
        match text.chars().count() {
            ..MIN_CHARACTERS => Err(BadPassword::TooShort),
            MIN_CHARACTERS..=MAX_CHARACTERS => Ok(Self(text)),
            _ => Err(BadPassword::TooLong),
        }
    }

    /// The octets, for the one place that hashes them.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// Why a text is no password. The rule is known to everybody, so saying this gives nothing away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Fewer than [`MIN_CHARACTERS`].
    #[error("a password has at least 8 characters: choose a longer one")]
    TooShort,
    /// More than [`MAX_CHARACTERS`].
    #[error("a password has at most 128 characters: choose a shorter one")]
    TooLong,
    /// More than [`MAX_OCTETS`].
    #[error("a password has at most 128 characters, and this is more than 4 KiB: choose a shorter one")]
    TooManyOctets,
}

/// What is kept of a password: the PHC string of an argon2id hash. It wipes itself, has no equality, and prints as
/// `redacted`: whoever has it can try passwords on it without us.
#[derive(Clone)]
pub struct PasswordHash(Zeroizing<String>);

impl PasswordHash {
    /// Takes over a PHC string of argon2id, version 19. Whether the rest of it can be used, its hasher says.
    pub fn from_phc(text: String) -> Result<Self, NoPasswordHash> {
        let text = Zeroizing::new(text);
        let well_formed =
            text.len() <= MAX_HASH && text.starts_with(ARGON2ID) && text.bytes().all(|b| b.is_ascii_graphic());
        if well_formed { Ok(Self(text)) } else { Err(NoPasswordHash) }
    }

    /// The PHC string, for its hasher and for the store.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(redacted)")
    }
}

/// This is no hash of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no argon2id hash in PHC form")]
pub struct NoPasswordHash;

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> Result<Vec<u8>, BadPassword> {
        Password::new(Zeroizing::new(text.to_owned())).map(|password| password.expose().to_vec())
    }

    #[test]
    fn a_password_has_8_to_128_characters_however_many_octets_they_take() {
        for letter in ["a", "é", "田", "😀", "\u{10ffff}"] {
            assert_eq!(judge(&letter.repeat(7)), Err(BadPassword::TooShort), "{letter}");
            for length in [8, 128] {
                assert_eq!(judge(&letter.repeat(length)), Ok(letter.repeat(length).into_bytes()), "{letter}");
            }
            assert_eq!(judge(&letter.repeat(129)), Err(BadPassword::TooLong), "{letter}");
        }
    }

    /// Row J03 of the attack corpus.
    #[test]
    fn what_is_longer_than_4_kib_is_not_even_counted() {
        assert_eq!(judge(&"a".repeat(4_096)), Err(BadPassword::TooLong));
        assert_eq!(judge(&"a".repeat(4_097)), Err(BadPassword::TooManyOctets));
        assert_eq!(judge(&"a".repeat(1 << 20)), Err(BadPassword::TooManyOctets));
    }

    /// Whoever trims, normalises or cuts at a NUL makes two passwords one.
    #[test]
    fn passwords_are_taken_verbatim() {
        for text in [
            "  eight  ",
            "with\0nul\0",
            "\0\0\0\0\0\0\0\0",
            "tab\tand\nline",
            "jose\u{301}jose\u{301}",
            "joséjosé",
            "ＡＢＣＤＥＦＧＨ",
            "\u{200d}\u{200d}\u{200d}\u{200d}\u{200d}\u{200d}\u{200d}\u{200d}",
        ] {
            assert_eq!(judge(text), Ok(text.as_bytes().to_vec()), "{text:?}");
        }
    }

    #[test]
    fn only_hashes_by_argon2id_are_hashes() {
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(PasswordHash::from_phc(hash.to_owned()).map(|hash| hash.expose().len()), Ok(hash.len()));
        for other in [
            String::new(),
            hash.replace("argon2id", "argon2i"),
            hash.replace("v=19", "v=16"),
            hash.replace("$v=19", ""),
            format!(" {hash}"),
            format!("{hash}\n"),
            format!("{hash}{}", "A".repeat(MAX_HASH)),
            "$2b$12$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        ] {
            assert!(PasswordHash::from_phc(other.clone()).is_err(), "{other}");
        }
    }

    #[test]
    fn neither_shows_itself() {
        let password = Password::new(Zeroizing::new("correct horse".to_owned())).unwrap();
        assert_eq!(format!("{password:?}"), "Password(redacted)");
        let hash = PasswordHash::from_phc(format!("{ARGON2ID}m=8")).unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash(redacted)");
    }
}
