//! JSON (RFC 8259) as envelopes use it: one object of strings and whole numbers, each member once and none besides.
//!
//! A general reader would have to be told what to refuse: it takes the last of two equal names, rounds numbers, and
//! replaces halves of surrogate pairs. This one knows nothing that it would have to refuse, and does not recurse.

use std::borrow::Cow;

use super::Unreadable;

/// The value of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Whole(u64),
}

/// The largest number that every reader of JSON reads alike (RFC 7493 §2.2).
pub(super) const LARGEST: u64 = (1 << 53) - 1;

/// The values of an object that has exactly these members, in whatever order it has them.
pub(super) fn members<'a, const N: usize>(octets: &'a [u8], names: [&str; N]) -> Result<[Value<'a>; N], Unreadable> {
    let rest = str::from_utf8(octets).map_err(|_| Unreadable("an envelope is UTF-8"))?;
    let mut scanner = Scanner { rest };
    let mut values: [Option<Value<'a>>; N] = [const { None }; N];
    scanner.token('{')?;
    loop {
        let name = scanner.string()?;
        let place = names.iter().position(|known| *known == name).and_then(|index| values.get_mut(index));
        let place = place.ok_or(Unreadable("an envelope has a member that is not one of its own"))?;
        scanner.token(':')?;
        if place.replace(scanner.value()?).is_some() {
            return Err(Unreadable("an envelope has a member twice"));
        }
        match scanner.next() {
            Some(',') => {}
            Some('}') => break,
            Some(_) | None => return Err(NOT_FLAT),
        }
    }
    if scanner.next().is_some() {
        return Err(Unreadable("something follows the envelope"));
    }
    let missing = Unreadable("an envelope lacks a member");
    let whole: Vec<_> = values.into_iter().collect::<Option<_>>().ok_or(missing)?;
    whole.try_into().map_err(|_| missing)
}

const NOT_FLAT: Unreadable = Unreadable("an envelope is one JSON object of strings and whole numbers");
const BAD_TEXT: Unreadable = Unreadable("an envelope has a string that is not JSON");

struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    /// The next character that is not white space.
    fn next(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.character()
    }

    fn character(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        self.rest = characters.as_str();
        Some(character)
    }

    fn token(&mut self, expected: char) -> Result<(), Unreadable> {
        if self.next() == Some(expected) { Ok(()) } else { Err(NOT_FLAT) }
    }

    fn value(&mut self) -> Result<Value<'a>, Unreadable> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        if self.rest.starts_with('"') { self.string().map(Value::Text) } else { self.whole().map(Value::Whole) }
    }

    /// Digits without sign, fraction, exponent or leading zeros. What may not follow them is no comma and no brace.
    fn whole(&mut self) -> Result<u64, Unreadable> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(length).ok_or(NOT_FLAT)?;
        let canonical = !digits.is_empty() && (digits == "0" || !digits.starts_with('0'));
        let number = digits.parse().ok().filter(|number| canonical && *number <= LARGEST).ok_or(NOT_FLAT)?;
        self.rest = rest;
        Ok(number)
    }

    /// A string, without a copy when nothing in it is escaped.
    fn string(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        self.token('"')?;
        let mut text = Cow::Borrowed(self.plain()?);
        loop {
            match self.character() {
                Some('"') => return Ok(text),
                Some('\\') => text.to_mut().push(self.escaped()?),
                Some(_) | None => return Err(BAD_TEXT),
            }
            match self.plain()? {
                "" => {}
                plain => text.to_mut().push_str(plain),
            }
        }
    }

    /// What stands for itself, up to a quote, a backslash or a control.
    fn plain(&mut self) -> Result<&'a str, Unreadable> {
        let special = |octet: u8| octet < b' ' || matches!(octet, b'"' | b'\\');
        let length = self.rest.bytes().position(special).ok_or(BAD_TEXT)?;
        let (plain, rest) = self.rest.split_at_checked(length).ok_or(BAD_TEXT)?;
        self.rest = rest;
        Ok(plain)
    }

    fn escaped(&mut self) -> Result<char, Unreadable> {
        Ok(match self.character() {
            Some(itself @ ('"' | '\\' | '/')) => itself,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => self.code_point()?,
            Some(_) | None => return Err(BAD_TEXT),
        })
    }

    /// The four digits after `\u`; the halves of a surrogate pair come together or not at all.
    fn code_point(&mut self) -> Result<char, Unreadable> {
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or(BAD_TEXT);
        }
        self.rest = self.rest.strip_prefix("\\u").ok_or(BAD_TEXT)?;
        let second = self.unit()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(BAD_TEXT);
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(BAD_TEXT)
    }

    fn unit(&mut self) -> Result<u32, Unreadable> {
        let (digits, rest) = self.rest.split_at_checked(4).ok_or(BAD_TEXT)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(BAD_TEXT);
        }
        self.rest = rest;
        u32::from_str_radix(digits, 16).map_err(|_| BAD_TEXT)
    }
}

/// Appends a string as JSON: quotes, backslashes and controls are escaped, everything else stands for itself.
pub(super) fn put_string(into: &mut String, text: &str) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as General, json};

    use super::*;

    fn read(text: &str) -> Result<(String, u64), Unreadable> {
        let [a, b] = members(text.as_bytes(), ["a", "b"])?;
        match (a, b) {
            (Value::Text(a), Value::Whole(b)) => Ok((a.into_owned(), b)),
            _ => Err(Unreadable("of another type")),
        }
    }

    #[test]
    fn members_come_in_any_order_with_white_space_and_escapes_as_json_has_them() {
        for text in [
            r#"{"a":"x/é😀","b":7}"#,
            r#"{"b":7,"a":"x/é😀"}"#,
            " {\t\"a\" :\r\n\"x\\/\\u00e9\\ud83d\\uDE00\" , \"\\u0062\": 7 } \n",
        ] {
            assert_eq!(read(text), Ok(("x/é😀".to_owned(), 7)), "{text}");
        }
        assert_eq!(read(r#"{"a":"\"\\\b\f\n\r\t","b":0}"#), Ok(("\"\\\u{8}\u{c}\n\r\t".to_owned(), 0)));
        assert_eq!(read(r#"{"a":"","b":9007199254740991}"#), Ok((String::new(), LARGEST)));
    }

    #[test]
    fn whatever_readers_take_differently_is_refused() {
        for text in [
            r#"{"a":"x","b":7,"b":7}"#,
            r#"{"a":"x","b":7,"\u0062":7}"#,
            r#"{"a":"x","b":7,"c":1}"#,
            r#"{"a":"x","b":7,"__proto__":{}}"#,
            r#"{"A":"x","b":7}"#,
            r#"{"a":"x"}"#,
            "{}",
            "",
            r#"{"a":"x","b":7}{}"#,
            r#"{"a":"x","b":7}x"#,
            "{\"a\":\"x\",\"b\":7}\0",
            r#"{"a":"x","b":7,}"#,
            r#"{,"a":"x","b":7}"#,
            r#"{"a":"x" "b":7}"#,
            r#"{"a" "x","b":7}"#,
            r#"[{"a":"x","b":7}]"#,
            r#"{"a":"x","b":7"#,
            r#"{"a":"x","b":07}"#,
            r#"{"a":"x","b":00}"#,
            r#"{"a":"x","b":7.0}"#,
            r#"{"a":"x","b":7e0}"#,
            r#"{"a":"x","b":7E+1}"#,
            r#"{"a":"x","b":-7}"#,
            r#"{"a":"x","b":-0}"#,
            r#"{"a":"x","b":+7}"#,
            r#"{"a":"x","b":0x7}"#,
            r#"{"a":"x","b":9007199254740992}"#,
            r#"{"a":"x","b":18446744073709551616}"#,
            r#"{"a":"x","b":null}"#,
            r#"{"a":"x","b":true}"#,
            r#"{"a":"x","b":[7]}"#,
            r#"{"a":{},"b":7}"#,
            r#"{"a":"x","b":NaN}"#,
            r#"{"a":"x","b":}"#,
            r#"{"a":"\ud83d","b":7}"#,
            r#"{"a":"\ude00\ud83d","b":7}"#,
            r#"{"a":"\ud83dx","b":7}"#,
            r#"{"a":"\ud83d\ud83d","b":7}"#,
            r#"{"a":"\ud83d\u0041","b":7}"#,
            r#"{"a":"\u+041","b":7}"#,
            r#"{"a":"\u00e","b":7}"#,
            r#"{"a":"\U0041","b":7}"#,
            r#"{"a":"\x41","b":7}"#,
            r#"{"a":"\'","b":7}"#,
            "{\"a\":\"\n\",\"b\":7}",
            "{\"a\":\"\0\",\"b\":7}",
            r"{'a':'x','b':7}",
            r#"{a:"x","b":7}"#,
            r#"{"a":"x","b":7}//"#,
            r#"/**/{"a":"x","b":7}"#,
            "\u{feff}{\"a\":\"x\",\"b\":7}",
            "\u{a0}{\"a\":\"x\",\"b\":7}",
            "\u{b}{\"a\":\"x\",\"b\":7}",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert!(members(b"{\"a\":\"\xff\"}", ["a"]).is_err(), "not UTF-8");
        assert!(members(b"{\"a\":\"\xed\xa0\x80\"}", ["a"]).is_err(), "half a surrogate pair as UTF-8");
    }

    #[test]
    fn depth_costs_nothing() {
        let deep = format!(r#"{{"a":{}"#, "[".repeat(1_000_000));
        assert!(read(&deep).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_here_and_by_serde(text in any::<String>(), number in 0..=LARGEST) {
            let mut json = "{\"a\":".to_owned();
            put_string(&mut json, &text);
            json.push_str(&format!(",\"b\":{number}}}"));
            prop_assert_eq!(read(&json), Ok((text.clone(), number)));
            let general: General = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(general, json!({"a": text, "b": number}));
        }

        #[test]
        fn what_is_read_at_all_is_read_as_serde_reads_it(
            text in r#"\{ ?"[ab]":("(\\u[0-9dDeE]{4}|\\?["\\/bfnrtx]|[ -~é])*"|[-+0-9.eE]{1,20}) ?, ?"[ab]": ?("x"|[0-9]{1,3})\} ?"#
        ) {
            if let Ok((a, b)) = read(&text) {
                let general: General = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(general, json!({"a": a, "b": b}));
            }
        }
    }
}
