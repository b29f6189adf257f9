//! Usernames: PRECIS UsernameCaseMapped (RFC 8265 §3.3), and rules of our own against names that only look right.

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

use precis_core::profile::PrecisFastInvocation as _;
use precis_profiles::UsernameCaseMapped;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _, skeleton};

/// Names that would speak for the guard itself.
const RESERVED: [&str; 3] = ["admin", "countersign", "root"];

/// A username in its canonical form: 1 to 64 octets of UTF-8, lower case, composed, of one writing system.
///
/// Reading one maps capitals to small letters, because keyboards of phones write a capital where none was meant:
/// `Alice` and `alice` are the same username. Whatever else PRECIS would map (full-width letters, decomposed accents,
/// half-width kana) is refused instead: the name that an administrator reads in a list is then, up to case, the name
/// that was typed, and nobody ends up with a name that they did not write. So there is one spelling and its capitals,
/// for the person, for the store's unique index and for the API behind.
///
/// Beyond RFC 8265: no `,` `;` `:` `"` (they end values in headers and cards of other systems), no dot at either end,
/// no combining mark at the start (it would join what stands before the name), no joiners (they are invisible), one
/// script or one of the combinations that Unicode calls highly restrictive (UTS #39 §5.2), no name of another script
/// that looks like plain Latin letters throughout, and no `admin`, `root`, `countersign` or what looks like them. Two
/// names may still resemble each other (`al1ce`, `allce`): a name is a name, the key is the proof.
///
/// Copies share the text, as those of a [`KeyId`](crate::id::KeyId) do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(Arc<str>);

impl Username {
    /// The longest username, in octets.
    pub const MAX_OCTETS: usize = 64;
    /// The longest text that is looked at, in octets. Some capitals have more octets than their small letters, so a text
    /// may be longer than the name.
    pub const MAX_TYPED: usize = 255;

    /// The canonical name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = BadUsername;

    fn from_str(typed: &str) -> Result<Self, BadUsername> {
        if typed.is_empty() || typed.len() > Self::MAX_TYPED {
            return Err(BadUsername::Length);
        }
        let canonical = UsernameCaseMapped::enforce(typed).map_err(|_| BadUsername::Character)?;
        if !canonical.chars().eq(typed.chars().flat_map(char::to_lowercase)) {
            return Err(BadUsername::Spelling);
        }
        if canonical.len() > Self::MAX_OCTETS {
            return Err(BadUsername::Length);
        }
        if canonical.chars().any(is_barred) || canonical.starts_with(is_combining_mark) {
            return Err(BadUsername::Character);
        }
        if canonical.starts_with('.') || canonical.ends_with('.') {
            return Err(BadUsername::Dot);
        }
        if RESERVED.iter().any(|reserved| skeleton(reserved).eq(skeleton(&canonical))) {
            return Err(BadUsername::Reserved);
        }
        if mixes_scripts(&canonical) || poses_as_latin(&canonical) {
            return Err(BadUsername::Lookalike);
        }
        Ok(Self(canonical.into()))
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no username, and what to do about it. The text itself is not repeated: it may hold anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUsername {
    /// Empty, or longer than [`Username::MAX_OCTETS`].
    #[error("a username has 1 to 64 octets: choose a name of that length")]
    Length,
    /// A blank, a control, an invisible character, a symbol, or one of `, ; : "`.
    #[error("a username is made of letters, digits and plain signs: leave out blanks, symbols and all of , ; : \"")]
    Character,
    /// Written in another form than the canonical one, and not by case alone.
    #[error("this username is spelt with full-width or decomposed characters: type it in ordinary ones")]
    Spelling,
    /// A dot at either end.
    #[error("a username neither begins nor ends with a dot: leave it out")]
    Dot,
    /// Of several scripts, or of one that passes for another.
    #[error("this username mixes scripts or passes for one in Latin letters: write all of it in one script")]
    Lookalike,
    /// One of the names that would speak for the guard.
    #[error("admin, root and countersign, and what looks like them, are reserved: choose another name")]
    Reserved,
}

/// RFC 8264 §9.11 lets all of visible ASCII and, in the right context, joiners into identifiers (controls never).
const fn is_barred(character: char) -> bool {
    matches!(character, ',' | ';' | ':' | '"' | '\u{200c}' | '\u{200d}')
}

fn mixes_scripts(name: &str) -> bool {
    let letters: String = name.chars().filter(|c| !c.is_ascii_punctuation()).collect();
    !letters.as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

/// A name without a Latin letter of its own whose every character passes for one (UTS #39 §4): all-Cyrillic `раура`.
fn poses_as_latin(name: &str) -> bool {
    let plain = |name: &str| name.bytes().any(|octet| octet.is_ascii_alphabetic());
    !name.is_ascii() && !plain(name) && skeleton(name).all(|c| c.is_ascii())
}

#[cfg(test)]
mod tests;
