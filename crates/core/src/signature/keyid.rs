//! The name of the key that signed.

use core::ops::Range;

use super::cursor::{Cursor, position};
use super::malformed::Malformed;

/// The longest name that is read, in octets.
const LONGEST: usize = 256;

/// The parameter `keyid` as received.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyidText<'a> {
    /// What stands between the quotes, escapes and all.
    pub(super) escaped: &'a [u8],
    /// How many octets of the member stand before it.
    at: usize,
}

impl<'a> KeyidText<'a> {
    /// Reads any string of up to 256 octets: a name that no key of ours can have is an unknown key, not a malformed request.
    /// `member` is where the list of components began.
    pub(super) fn read(cursor: &mut Cursor<'a>, member: Cursor<'a>) -> Result<Self, Malformed> {
        let before_quote = member.until(*cursor).len();
        let escaped = cursor.string()?;
        if escaped.len() > LONGEST {
            return Err(Malformed("keyid is longer than 256 octets"));
        }
        Ok(Self { escaped, at: before_quote + 1 })
    }

    /// Where it stands in a base in which the member begins at `member`.
    pub(super) fn within(self, member: usize) -> Keyid {
        let start = member + self.at;
        Keyid { place: start..start + self.escaped.len(), unescaped: unescape(self.escaped) }
    }
}

/// A keyid as a place in the base that closes with it, so that none needs a copy but those with escapes.
#[derive(Clone, Debug)]
pub(super) struct Keyid {
    /// Where the escaped text stands in the base.
    pub(super) place: Range<usize>,
    /// The name itself, when that is another text.
    pub(super) unescaped: Option<Box<str>>,
}

/// Takes the escapes out; `None` when there are none.
fn unescape(escaped: &[u8]) -> Option<Box<str>> {
    if position(escaped, b'\\') == escaped.len() {
        return None;
    }
    let mut octets = escaped.iter().copied();
    let mut unescaped = String::with_capacity(escaped.len());
    while let Some(octet) = octets.next() {
        unescaped.extend(if octet == b'\\' { octets.next() } else { Some(octet) }.map(char::from));
    }
    Some(unescaped.into())
}
