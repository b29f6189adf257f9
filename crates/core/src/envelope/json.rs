//! JSON (RFC 8259) as envelopes use it: one object of strings and whole numbers, each member once and none besides. What
//! reads it does not recurse.

use std::borrow::Cow;

use super::Unreadable;
use crate::json::{Fault, Scanner};

/// The value of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Whole(u64),
}

/// The values of an object that has exactly these members, in whatever order it has them.
pub(super) fn members<'a, const N: usize>(octets: &'a [u8], names: [&str; N]) -> Result<[Value<'a>; N], Unreadable> {
    let mut scanner = Scanner::new(octets)?;
    let mut values: [Option<Value<'a>>; N] = [const { None }; N];
    scanner.token('{')?;
    loop {
        let name = scanner.string()?;
        let place = names.iter().position(|known| *known == name).and_then(|index| values.get_mut(index));
        let place = place.ok_or(Unreadable("an envelope has a member that is not one of its own"))?;
        scanner.token(':')?;
        if place.replace(value(&mut scanner)?).is_some() {
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

fn value<'a>(scanner: &mut Scanner<'a>) -> Result<Value<'a>, Unreadable> {
    Ok(match scanner.peek() {
        Some('"') => Value::Text(scanner.string()?),
        Some(_) | None => Value::Whole(scanner.whole()?),
    })
}

const NOT_FLAT: Unreadable = Unreadable("an envelope is one JSON object of strings and whole numbers");

impl From<Fault> for Unreadable {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NotUtf8 => Self("an envelope is UTF-8"),
            Fault::Text => Self("an envelope has a string that is not JSON"),
            Fault::Shape | Fault::Twice | Fault::Deep => NOT_FLAT,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as General, json};

    use super::*;
    use crate::json::{LARGEST, put_string};

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
