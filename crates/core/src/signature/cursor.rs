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
    pub(super) fn until(self, end: Self) -> &'a [u8] {
        let length = self.rest.len().saturating_sub(end.rest.len());
        self.rest.get(..length).unwrap_or_default()
    }

    /// Reads this text if it is what comes next.
    pub(super) fn eat(&mut self, text: &[u8]) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Reads this text, which must come next.
    pub(super) fn expect(&mut self, text: &[u8], rule: &'static str) -> Result<(), Malformed> {
        if self.eat(text) { Ok(()) } else { Err(Malformed(rule)) }
    }

    /// Reads octets while they satisfy `belongs`.
    pub(super) fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().position(|octet| !belongs(*octet)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
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
    pub(super) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        const RULE: &str = "a string is malformed";
        self.expect(b"\"", RULE)?;
        let start = *self;
        loop {
            self.take_while(|octet| matches!(octet, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
            let end = *self;
            if self.eat(b"\"") {
                return Ok(start.until(end));
            }
            if !self.eat(b"\\\\") && !self.eat(b"\\\"") {
                return Err(Malformed(RULE));
            }
        }
    }

    /// Reads a byte sequence (RFC 9651 §3.3.5); gives the base64 between the colons, not yet decoded.
    pub(super) fn byte_sequence(&mut self) -> Result<&'a [u8], Malformed> {
        const RULE: &str = "a byte sequence is malformed";
        self.expect(b":", RULE)?;
        let base64 =
            self.take_while(|octet| matches!(octet, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'='));
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
}
