//! What JSON is made of (RFC 8259), read so that no two readers could differ about it.
//!
//! A general reader would have to be told what to refuse: it takes the last of two equal names, rounds numbers, and
//! replaces halves of surrogate pairs. This one knows nothing that it would have to refuse.

use std::borrow::Cow;

use super::Fault;

/// The largest number that every reader of JSON reads alike (RFC 7493 §2.2).
pub(crate) const LARGEST: u64 = (1 << 53) - 1;

const WHITE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Reads values off the front of a text, one after the other.
pub(crate) struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of `octets`.
    pub(crate) fn new(octets: &'a [u8]) -> Result<Self, Fault> {
        str::from_utf8(octets).map(|rest| Self { rest }).map_err(|_| Fault::NotUtf8)
    }

    /// The next character that is not white space.
    pub(crate) fn next(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start_matches(WHITE);
        self.character()
    }

    fn character(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        self.rest = characters.as_str();
        Some(character)
    }

    /// Takes this character, after white space.
    pub(crate) fn token(&mut self, expected: char) -> Result<(), Fault> {
        if self.next() == Some(expected) { Ok(()) } else { Err(Fault::Shape) }
    }

    /// The next character that is not white space, which stays where it is.
    pub(crate) fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start_matches(WHITE);
        self.rest.chars().next()
    }

    /// Takes this word, if it comes next.
    pub(crate) fn word(&mut self, expected: &str) -> Result<(), Fault> {
        self.rest = self.rest.strip_prefix(expected).ok_or(Fault::Shape)?;
        Ok(())
    }

    /// Digits without sign, fraction, exponent or leading zeros. What may not follow them is no comma and no brace.
    pub(crate) fn whole(&mut self) -> Result<u64, Fault> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(length).ok_or(Fault::Shape)?;
        let canonical = !digits.is_empty() && (digits == "0" || !digits.starts_with('0'));
        let number = digits.parse().ok().filter(|number| canonical && *number <= LARGEST).ok_or(Fault::Shape)?;
        self.rest = rest;
        Ok(number)
    }

    /// A string, without a copy when nothing in it is escaped.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.token('"')?;
        let mut text = Cow::Borrowed(self.plain()?);
        loop {
            match self.character() {
                Some('"') => return Ok(text),
                Some('\\') => text.to_mut().push(self.escaped()?),
                Some(_) | None => return Err(Fault::Text),
            }
            match self.plain()? {
                "" => {}
                plain => text.to_mut().push_str(plain),
            }
        }
    }

    /// What stands for itself, up to a quote, a backslash or a control.
    fn plain(&mut self) -> Result<&'a str, Fault> {
        let special = |octet: u8| octet < b' ' || matches!(octet, b'"' | b'\\');
        let length = self.rest.bytes().position(special).ok_or(Fault::Text)?;
        let (plain, rest) = self.rest.split_at_checked(length).ok_or(Fault::Text)?;
        self.rest = rest;
        Ok(plain)
    }

    fn escaped(&mut self) -> Result<char, Fault> {
        Ok(match self.character() {
            Some(itself @ ('"' | '\\' | '/')) => itself,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => self.code_point()?,
            Some(_) | None => return Err(Fault::Text),
        })
    }

    /// The four digits after `\u`; the halves of a surrogate pair come together or not at all.
    fn code_point(&mut self) -> Result<char, Fault> {
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or(Fault::Text);
        }
        self.rest = self.rest.strip_prefix("\\u").ok_or(Fault::Text)?;
        let second = self.unit()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(Fault::Text);
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(Fault::Text)
    }

    fn unit(&mut self) -> Result<u32, Fault> {
        let (digits, rest) = self.rest.split_at_checked(4).ok_or(Fault::Text)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Fault::Text);
        }
        self.rest = rest;
        u32::from_str_radix(digits, 16).map_err(|_| Fault::Text)
    }
}

/// Appends a string as JSON: quotes, backslashes and controls are escaped, everything else stands for itself.
pub(crate) fn put_string(into: &mut String, text: &str) {
    into.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => into.extend(['\\', character]),
            control if control < ' ' => into.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => into.push(other),
        }
    }
    into.push('"');
}
