//! Strict JSON (RFC 8259): one reading for each text, whoever reads it.

mod scanner;
mod value;

pub(crate) use scanner::{LARGEST, Scanner, put_string};
pub(crate) use value::{Object, Value};

/// Text that is not JSON as we read it, and in what respect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not UTF-8.
    NotUtf8,
    /// Something stands where something else belongs, or is of a kind that we do not take.
    Shape,
    /// A string has a control character, a bad escape or half a surrogate pair.
    Text,
    /// An object has a member twice.
    Twice,
    /// Lists and objects are nested too deeply.
    Deep,
}
