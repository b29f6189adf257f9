//! What an envelope asks for.

use core::fmt;
use core::str::FromStr;

/// The longest action, in octets.
const LONGEST: usize = 128;

/// The name of what an envelope asks for: 1 to 128 visible ASCII characters, without quotes and backslashes, such as
/// `transfer.create`. Case matters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action(Box<str>);

impl Action {
    /// As it stands in `action`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text that is not the name of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an action has 1 to 128 visible ASCII characters, without quotes and backslashes")]
pub struct BadAction;

impl FromStr for Action {
    type Err = BadAction;

    fn from_str(text: &str) -> Result<Self, BadAction> {
        let well_formed = (1..=LONGEST).contains(&text.len()) && is_plain(text);
        if well_formed { Ok(Self(text.into())) } else { Err(BadAction) }
    }
}

impl core::borrow::Borrow<str> for Action {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether text stands in JSON as it is, whoever writes it.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_graphic() && !matches!(octet, b'"' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_a_short_plain_word() {
        for text in ["a", "transfer.create", "Orders/list:v2", &"x".repeat(128)] {
            assert_eq!(text.parse::<Action>().map(|action| action.as_str().to_owned()), Ok(text.to_owned()));
        }
        for text in ["", " ", "a b", "a\"", "a\\", "a\n", "\u{7f}", "caf\u{e9}", &"x".repeat(129)] {
            assert_eq!(text.parse::<Action>(), Err(BadAction), "{text:?}");
        }
    }
}
