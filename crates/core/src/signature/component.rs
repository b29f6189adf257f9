//! Covered components: what a signature names (RFC 9421 §2).

use super::cursor::Cursor;
use super::malformed::{Malformed, TOO_MANY_COMPONENTS};

/// The identifier of a covered component.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component<'a> {
    /// The identifier as received, with its quotes and parameter, as it stands in the base.
    pub(super) identifier: &'a [u8],
    /// What it names.
    pub(super) name: Name<'a>,
    /// Its parameter.
    pub(super) flag: Flag,
}

/// What a component names: a field, or one of the derived components that the profile knows (RFC 9421 §2.2). The others
/// are not for us: terminators of TLS change `@target-uri` and `@scheme`, and the rest can be said by `@path` and `@query`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// `@method`
    Method,
    /// `@authority`
    Authority,
    /// `@path`
    Path,
    /// `@query`
    Query,
    /// `@status`
    Status,
    /// A header field, by its lower-case name.
    Field(&'a [u8]),
}

/// The parameter of an identifier. The profile knows two, never both at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    /// None.
    Bare,
    /// `;req`: of the request that is answered (RFC 9421 §2.4).
    Request,
    /// `;bs`: each line as a byte sequence (RFC 9421 §2.1.3).
    ByteSequence,
}

impl<'a> Component<'a> {
    /// Reads one item of the list.
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, Malformed> {
        let start = *cursor;
        let name = Name::read(cursor)?;
        let flag = if cursor.eat(b";req") {
            Flag::Request
        } else if cursor.eat(b";bs") {
            Flag::ByteSequence
        } else {
            Flag::Bare
        };
        match cursor.rest().first() {
            Some(b' ' | b')') => Ok(Self { identifier: start.until(*cursor), name, flag }),
            _ => Err(Malformed("a component has a parameter that the profile does not know")),
        }
    }
}

impl<'a> Name<'a> {
    #[inline]
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Malformed> {
        if cursor.eat(b"\"@method\"") {
            return Ok(Self::Method);
        } else if cursor.eat(b"\"@authority\"") {
            return Ok(Self::Authority);
        } else if cursor.eat(b"\"@path\"") {
            return Ok(Self::Path);
        } else if cursor.eat(b"\"@query\"") {
            return Ok(Self::Query);
        } else if cursor.eat(b"\"@status\"") {
            return Ok(Self::Status);
        }
        match cursor.string()? {
            [b'@', ..] => Err(Malformed("a derived component that the profile does not know is covered")),
            b"signature" | b"signature-input" => Err(Malformed("a signature covers a signature")),
            name => Ok(Self::Field(name)),
        }
    }

    /// The name without quotes.
    pub(super) const fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Method => b"@method",
            Self::Authority => b"@authority",
            Self::Path => b"@path",
            Self::Query => b"@query",
            Self::Status => b"@status",
            Self::Field(name) => name,
        }
    }
}

/// Reads the list of components, in its one spelling: one space between two, none elsewhere.
pub(super) fn read_list<'a>(cursor: &mut Cursor<'a>, most: usize) -> Result<Vec<Component<'a>>, Malformed> {
    cursor.expect(b"(", "a signature does not cover a list")?;
    let mut components = Vec::with_capacity(16);
    if cursor.eat(b")") {
        return Ok(components);
    }
    loop {
        if components.len() == most {
            return Err(TOO_MANY_COMPONENTS);
        }
        components.push(Component::read(cursor)?);
        if cursor.eat(b")") {
            return Ok(components);
        }
        cursor.expect(b" ", "the list of components is not in canonical form")?;
    }
}
