//! Covered components: what a signature names (RFC 9421 §2).

use super::cursor::Cursor;
use super::malformed::{Malformed, TOO_MANY_COMPONENTS};

/// The identifier of a covered component, as received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component<'a> {
    /// The identifier with its quotes and parameter, as it stands in the base.
    pub(super) identifier: &'a [u8],
    /// The name between the quotes.
    pub(super) name: &'a [u8],
    /// Its parameter.
    pub(super) flag: Flag,
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
        let name = cursor.string()?;
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

/// Reads the list of components, in its one spelling: one space between two, none elsewhere.
pub(super) fn read_list<'a>(cursor: &mut Cursor<'a>, most: usize) -> Result<Vec<Component<'a>>, Malformed> {
    cursor.expect(b"(", "a signature does not cover a list")?;
    let mut components = Vec::with_capacity(16);
    if cursor.eat(b")") {
        return Ok(components);
    }
    loop {
        let component = Component::read(cursor)?;
        if components.iter().any(|other: &Component<'_>| other.identifier == component.identifier) {
            return Err(Malformed("a component is covered twice"));
        }
        if components.len() == most {
            return Err(TOO_MANY_COMPONENTS);
        }
        components.push(component);
        if cursor.eat(b")") {
            return Ok(components);
        }
        cursor.expect(b" ", "the list of components is not in canonical form")?;
    }
}
