//! Permissions: what a user may do at the API behind the guard, in words of the API's own.

use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

/// The most permissions of one user: all of them stand in every access token.
pub const MAX_PERMISSIONS: usize = 32;

/// A word such as `orders:read`: 1 to 64 of `a-z 0-9 : . _ -`, a letter or digit first. So it is a scope-token (RFC 6749
/// §3.3), and stands in a header field without quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(Box<str>);

impl Permission {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Permission {
    type Err = BadPermission;

    fn from_str(text: &str) -> Result<Self, BadPermission> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let well_formed = (1..=64).contains(&text.len())
            && text.bytes().all(|b| letter(b) || b":._-".contains(&b))
            && text.bytes().next().is_some_and(letter);
        if well_formed { Ok(Self(text.into())) } else { Err(BadPermission::Form) }
    }
}

/// The permissions of one user, each once, in the order of their octets. They are read as a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Permissions(Vec<Permission>);

impl Permissions {
    /// These permissions; the order does not count, nor how often each is named.
    pub fn new(permissions: impl IntoIterator<Item = Permission>) -> Result<Self, BadPermission> {
        let mut permissions: Vec<_> = permissions.into_iter().collect();
        permissions.sort();
        permissions.dedup();
        if permissions.len() <= MAX_PERMISSIONS { Ok(Self(permissions)) } else { Err(BadPermission::TooMany) }
    }
}

impl Deref for Permissions {
    type Target = [Permission];

    fn deref(&self) -> &[Permission] {
        &self.0
    }
}

/// Separated by single blanks, as in `scope` (RFC 6749 §3.3); nothing at all when there are none.
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, permission) in self.iter().enumerate() {
            let blank = if index == 0 { "" } else { " " };
            write!(f, "{blank}{permission}")?;
        }
        Ok(())
    }
}

impl FromStr for Permissions {
    type Err = BadPermission;

    fn from_str(text: &str) -> Result<Self, BadPermission> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        Self::new(text.split(' ').map(str::parse).collect::<Result<Vec<_>, _>>()?)
    }
}

/// Why something is not a permission, or not a set of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPermission {
    /// It is written otherwise.
    #[error("a permission has 1 to 64 of a-z 0-9 : . _ - and begins with a letter or digit, as in orders:read")]
    Form,
    /// There are more than [`MAX_PERMISSIONS`].
    #[error("a user has at most 32 permissions: let one of them stand for several")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_a_short_word() {
        for text in ["a", "9", "orders:read", "v1.orders_all-x", &"a".repeat(64)] {
            assert_eq!(text.parse::<Permission>().map(|p| p.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "",
            ":a",
            "-a",
            ".a",
            "_a",
            "Orders",
            "orders read",
            "a,b",
            "a\"",
            "a\\",
            "é",
            "a\n",
            "a\0",
            &"a".repeat(65),
        ] {
            assert_eq!(text.parse::<Permission>(), Err(BadPermission::Form), "{text:?}");
        }
    }

    #[test]
    fn permissions_are_a_set_with_one_spelling() {
        let set: Permissions = "b a b c".parse().unwrap();
        assert_eq!(set.to_string(), "a b c");
        assert_eq!(set.to_string().parse(), Ok(set));
        assert_eq!("".parse(), Ok(Permissions::default()));
        for text in [" ", "a ", " a", "a  b", "a\tb"] {
            assert_eq!(text.parse::<Permissions>(), Err(BadPermission::Form), "{text:?}");
        }
    }

    #[test]
    fn a_user_has_at_most_32_permissions_counted_once_each() {
        let many = |count: usize| Permissions::new((0..count).map(|n| format!("p{}", n % 33).parse().unwrap()));
        assert_eq!(many(32).map(|set| set.len()), Ok(32));
        assert_eq!(many(33), Err(BadPermission::TooMany));
        let twice = (0..64).map(|n| format!("p{}", n % 32).parse().unwrap());
        assert_eq!(Permissions::new(twice).map(|set| set.len()), Ok(32));
    }
}
