//! Reading structured fields (RFC 9651) octet by octet.

use super::malformed::Malformed;

/// A position in the octets of a structured field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// A cursor at the start.
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// What has not been read yet.
    pub(super) const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    pub(super) const fn is_done(self) -> bool {
        self.rest.is_empty()
    }

    /// The octets between here and the later position `end`.
    #[inline]
    pub(super) fn until(self, end: Self) -> &'a [u8] {
        let length = self.rest.len().saturating_sub(end.rest.len());
        self.rest.get(..length).unwrap_or_default()
    }

    /// Reads this text if it is what comes next.
    #[inline]
    pub(super) fn eat<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        match self.rest.split_first_chunk::<N>() {
            Some((next, rest)) if next == text => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Reads this text, which must come next.
    #[inline]
    pub(super) fn expect<const N: usize>(&mut self, text: &[u8; N], rule: &'static str) -> Result<(), Malformed> {
        if self.eat(text) { Ok(()) } else { Err(Malformed(rule)) }
    }

    /// Reads octets while they satisfy `belongs`.
    #[inline]
    pub(super) fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().position(|octet| !belongs(*octet)).unwrap_or(self.rest.len());
        self.take(length)
    }

    /// Reads the key of a dictionary member or parameter (RFC 9651 §3.1.2, §3.2).
    pub(super) fn key(&mut self) -> Result<&'a [u8], Malformed> {
        let key = self.take_while(|octet| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'));
        match key.first() {
            Some(b'a'..=b'z' | b'*') => Ok(key),
            _ => Err(Malformed("a key is malformed")),
        }
    }

    /// Reads a string (RFC 9651 §3.3.3); gives what stands between the quotes, escapes and all.
    ///
    /// Only `"` and `\` can be escaped and both must be, so a string has one spelling.
    #[inline]
    pub(super) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        const RULE: &str = "a string is malformed";
        self.expect(b"\"", RULE)?;
        let start = *self;
        loop {
            self.take(plain_length(self.rest));
            let end = *self;
            if self.eat(b"\"") {
                return Ok(start.until(end));
            }
            if !self.eat(b"\\\\") && !self.eat(b"\\\"") {
                return Err(Malformed(RULE));
            }
        }
    }

    /// Reads a byte sequence (RFC 9651 §3.3.5); gives what stands between the colons. Whether that is base64 is for
    /// whoever decodes it to say.
    #[inline]
    pub(super) fn byte_sequence(&mut self) -> Result<&'a [u8], Malformed> {
        const RULE: &str = "a byte sequence is malformed";
        self.expect(b":", RULE)?;
        let base64 = self.take(position(self.rest, b':'));
        self.expect(b":", RULE)?;
        Ok(base64)
    }

    /// Reads what separates two members of a dictionary; `false` at its end.
    pub(super) fn next_member(&mut self) -> Result<bool, Malformed> {
        const RULE: &str = "a dictionary is malformed";
        if self.is_done() {
            return Ok(false);
        }
        self.optional_white_space();
        self.expect(b",", RULE)?;
        self.optional_white_space();
        if self.is_done() { Err(Malformed(RULE)) } else { Ok(true) }
    }

    fn optional_white_space(&mut self) {
        self.take_while(|octet| matches!(octet, b' ' | b'\t'));
    }

    #[inline]
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }
}

const ONES: u64 = u64::MAX / 255;
const TOPS: u64 = ONES << 7;

/// Marks the octets of a word that are zero, by the top bit of each. The subtraction can borrow from the octets above a
/// zero and mark them too, never from those below, so the lowest mark is true.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & TOPS
}

/// Counts octets up to the first that is marked, eight at a time, and the rest one at a time.
#[inline]
fn count_until(octets: &[u8], marks: impl Fn(u64) -> u64, is_marked: impl Fn(&u8) -> bool) -> usize {
    let (words, tail) = octets.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let marked = marks(u64::from_le_bytes(*word));
        if marked != 0 {
            return place * 8 + marked.trailing_zeros() as usize / 8;
        }
    }
    words.len() * 8 + tail.iter().position(is_marked).unwrap_or(tail.len())
}

/// How many octets stand before the first `needle`.
#[inline]
pub(super) fn position(octets: &[u8], needle: u8) -> usize {
    count_until(octets, |word| zeros(word ^ (ONES * u64::from(needle))), |octet| *octet == needle)
}

/// How many octets at the front stand for themselves in a string: visible or space, but for `"` and `\`.
#[inline]
fn plain_length(octets: &[u8]) -> usize {
    let marks = |word: u64| {
        let quotes = zeros(word ^ (ONES * 0x22));
        let backslashes = zeros(word ^ (ONES * 0x5c));
        let controls = word.wrapping_sub(ONES * 0x20) & !word & TOPS;
        // Adding one carries DEL into the top bit; what lies beyond ASCII has it set already.
        let beyond = (word.wrapping_add(ONES) | word) & TOPS;
        quotes | backslashes | controls | beyond
    };
    count_until(octets, marks, |octet| !matches!(octet, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_string_ends_at_its_quote_and_escapes_only_quotes_and_backslashes() {
        for (text, expected) in [
            (r#""""#, Some("")),
            (r#""a b""#, Some("a b")),
            (r#""a\"b\\c"x"#, Some(r#"a\"b\\c"#)),
            (r#""0123456789abcdef" "#, Some("0123456789abcdef")),
            (r#"""#, None),
            (r#""abc"#, None),
            ("abc\"", None),
            (r#""a\bc""#, None),
            (r#""a\""#, None),
            ("\"a\tb\"", None),
            ("\"a\nb\"", None),
            ("\"a\x7fb\"", None),
            ("\"\0\"", None),
            ("\"caf\u{e9}\"", None),
        ] {
            let read = Cursor::new(text.as_bytes()).string();
            assert_eq!(read.ok(), expected.map(str::as_bytes), "{text:?}");
        }
    }

    #[test]
    fn dictionaries_end_with_a_member() {
        for (text, expected) in [("", Ok(false)), (", a", Ok(true)), (",a", Ok(true)), (" \t,\t a", Ok(true))] {
            assert_eq!(Cursor::new(text.as_bytes()).next_member(), expected, "{text:?}");
        }
        for text in [",", " ", ", ", " a", ";a", ",\t"] {
            assert!(Cursor::new(text.as_bytes()).next_member().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn eight_octets_at_a_time_find_what_one_at_a_time_finds(
            octets in prop::collection::vec(prop_oneof![Just(b'a'), 0x1f_u8..0x24, 0x5b_u8..0x5e, 0x7e_u8..0x82, any::<u8>()], 0..40)
        ) {
            let plain = |octet: &u8| matches!(octet, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            let expected = octets.iter().position(|octet| !plain(octet)).unwrap_or(octets.len());
            prop_assert_eq!(plain_length(&octets), expected);
            let expected = octets.iter().position(|octet| *octet == 0x22).unwrap_or(octets.len());
            prop_assert_eq!(position(&octets, 0x22), expected);
        }
    }
}
