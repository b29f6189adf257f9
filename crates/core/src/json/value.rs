//! Any JSON that we take: objects without a member twice, and numbers that every reader reads alike.

use std::borrow::Cow;

use super::{Fault, Scanner};

/// How deeply lists and objects may lie in one another. Tokens and key sets need three levels.
const DEEPEST: usize = 8;

/// A value. Fractions, exponents and negative numbers are none: nothing that we read has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Whole(u64),
    Bool(bool),
    Null,
    List(Vec<Self>),
    Object(Object<'a>),
}

/// The members of an object, each with another name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// The object that these octets are, with nothing before it and nothing behind.
    pub(crate) fn read(octets: &'a [u8]) -> Result<Self, Fault> {
        let mut scanner = Scanner::new(octets)?;
        let object = Self::members(&mut scanner, DEEPEST)?;
        if scanner.next().is_none() { Ok(object) } else { Err(Fault::Shape) }
    }

    /// The member of this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Value<'a>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// How many members there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn members(scanner: &mut Scanner<'a>, depth: usize) -> Result<Self, Fault> {
        let depth = depth.checked_sub(1).ok_or(Fault::Deep)?;
        let mut object = Self::default();
        scanner.token('{')?;
        if scanner.peek() == Some('}') {
            return scanner.token('}').map(|()| object);
        }
        loop {
            let name = scanner.string()?;
            scanner.token(':')?;
            let value = Value::read(scanner, depth)?;
            if object.member(&name).is_some() {
                return Err(Fault::Twice);
            }
            object.0.push((name, value));
            match scanner.next() {
                Some(',') => {}
                Some('}') => return Ok(object),
                Some(_) | None => return Err(Fault::Shape),
            }
        }
    }
}

impl<'a> Value<'a> {
    fn read(scanner: &mut Scanner<'a>, depth: usize) -> Result<Self, Fault> {
        Ok(match scanner.peek() {
            Some('"') => Self::Text(scanner.string()?),
            Some('{') => Self::Object(Object::members(scanner, depth)?),
            Some('[') => Self::List(Self::list(scanner, depth)?),
            Some('t') => scanner.word("true").map(|()| Self::Bool(true))?,
            Some('f') => scanner.word("false").map(|()| Self::Bool(false))?,
            Some('n') => scanner.word("null").map(|()| Self::Null)?,
            Some(_) | None => Self::Whole(scanner.whole()?),
        })
    }

    fn list(scanner: &mut Scanner<'a>, depth: usize) -> Result<Vec<Self>, Fault> {
        let depth = depth.checked_sub(1).ok_or(Fault::Deep)?;
        let mut list = Vec::new();
        scanner.token('[')?;
        if scanner.peek() == Some(']') {
            return scanner.token(']').map(|()| list);
        }
        loop {
            list.push(Self::read(scanner, depth)?);
            match scanner.next() {
                Some(',') => {}
                Some(']') => return Ok(list),
                Some(_) | None => return Err(Fault::Shape),
            }
        }
    }

    /// The string that this is.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The number that this is.
    pub(crate) fn whole(&self) -> Option<u64> {
        if let Self::Whole(number) = self { Some(*number) } else { None }
    }

    /// The list that this is.
    pub(crate) fn items(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The object that this is.
    pub(crate) fn object(&self) -> Option<&Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as General, json};

    use super::*;

    fn general(value: &Value<'_>) -> General {
        match value {
            Value::Text(text) => json!(text),
            Value::Whole(number) => json!(number),
            Value::Bool(truth) => json!(truth),
            Value::Null => General::Null,
            Value::List(items) => items.iter().map(general).collect(),
            Value::Object(object) => {
                General::Object(object.0.iter().map(|(name, value)| (name.to_string(), general(value))).collect())
            }
        }
    }

    #[test]
    fn what_we_take_is_read_as_serde_reads_it() {
        for text in
            ["{}", r#" { "a" : [ ] , "b" : { } } "#, r#"{"a":[1,"x",true,false,null,{"b":[[]]}],"b":9007199254740991}"#]
        {
            let object = Object::read(text.as_bytes()).unwrap();
            assert_eq!(general(&Value::Object(object)), serde_json::from_str::<General>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn what_readers_take_differently_is_refused_at_every_depth() {
        for (text, fault) in [
            (r#"{"a":1,"a":1}"#, Fault::Twice),
            (r#"{"a":1,"\u0061":2}"#, Fault::Twice),
            (r#"{"a":[{"b":1,"b":1}]}"#, Fault::Twice),
            (r#"{"a":1}{}"#, Fault::Shape),
            (r#"{"a":1,}"#, Fault::Shape),
            (r#"{"a":[1,]}"#, Fault::Shape),
            (r#"{"a":[1"#, Fault::Shape),
            (r#"{"a":1.0}"#, Fault::Shape),
            (r#"{"a":1e3}"#, Fault::Shape),
            (r#"{"a":-1}"#, Fault::Shape),
            (r#"{"a":01}"#, Fault::Shape),
            (r#"{"a":9007199254740992}"#, Fault::Shape),
            (r#"{"a":truE}"#, Fault::Shape),
            (r#"{"a":nul}"#, Fault::Shape),
            (r#"{"a":truely}"#, Fault::Shape),
            (r#"["a"]"#, Fault::Shape),
            ("", Fault::Shape),
            (r#"{"a":"\ud800"}"#, Fault::Text),
            ("{\"a\":\"\n\"}", Fault::Text),
            ("\u{feff}{}", Fault::Shape),
        ] {
            assert_eq!(Object::read(text.as_bytes()), Err(fault), "{text}");
        }
        assert_eq!(Object::read(b"{\"\xff\":1}"), Err(Fault::NotUtf8));
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Object::read(nested(DEEPEST - 1).as_bytes()).is_ok());
        assert_eq!(Object::read(nested(DEEPEST).as_bytes()), Err(Fault::Deep));
        assert_eq!(Object::read(nested(1_000_000).as_bytes()), Err(Fault::Deep));
    }

    proptest! {
        #[test]
        fn whatever_is_read_at_all_serde_reads_alike(text in r#"\{("[ab]":([0-9]{1,3}|"x"|\[[0-9,]{0,4}\]|true|null|-1|\{\}),?){0,3}\}"#) {
            if let Ok(object) = Object::read(text.as_bytes()) {
                prop_assert_eq!(general(&Value::Object(object)), serde_json::from_str::<General>(&text).unwrap());
            }
        }
    }
}
