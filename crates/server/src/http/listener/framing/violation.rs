use std::error::Error;

use countersign_core::problem::Problem;

/// Why the head of a message is not handed on. Nothing after it on the connection is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http::listener) enum Violation {
    /// It breaks this rule of RFC 9110, RFC 9112 or of our profile. The text is for the log.
    Malformed(&'static str),
    /// Its method is none of those that anything behind us could take.
    MethodNotAllowed,
    /// Its target is longer than [`super::MAX_TARGET`].
    TargetTooLong,
    /// It is longer than [`super::MAX_HEAD`] or has more than [`super::MAX_FIELDS`] fields.
    HeadTooLarge,
    /// It did not end in time.
    HeadTooSlow,
}

impl Violation {
    /// What the client is told.
    pub(in crate::http::listener) const fn problem(self) -> Problem {
        match self {
            Self::Malformed(_) => Problem::MALFORMED_REQUEST,
            Self::MethodNotAllowed => Problem::METHOD_NOT_ALLOWED,
            Self::TargetTooLong => Problem::URI_TOO_LONG,
            Self::HeadTooLarge => Problem::HEADERS_TOO_LARGE,
            Self::HeadTooSlow => Problem::REQUEST_TIMEOUT,
        }
    }

    /// The rule that was broken, for the log.
    pub(in crate::http::listener) const fn rule(self) -> &'static str {
        match self {
            Self::Malformed(rule) => rule,
            Self::MethodNotAllowed => "a method of the standard set",
            Self::TargetTooLong => "a target of at most 8 KiB",
            Self::HeadTooLarge => "at most 64 fields and 16 KiB of head",
            Self::HeadTooSlow => "a head that ends in time",
        }
    }
}

/// Why a body that was begun has not come to a good end. The connection is closed after the answer.
///
/// It is the error of [`RequestBody`](super::super::RequestBody); behind wrappers of other crates
/// [`find`](Self::find) finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyViolation {
    /// Its chunked coding is malformed, or has chunk extensions or trailer fields.
    #[error("the body breaks the rule: {0}")]
    Malformed(&'static str),
    /// It came slower than [`Limits::body`](super::super::Limits) allows.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The peer went away before its end.
    #[error("the body was cut short")]
    CutShort,
}

impl BodyViolation {
    /// What the client is told.
    pub const fn problem(self) -> Problem {
        match self {
            Self::Malformed(_) | Self::CutShort => Problem::MALFORMED_REQUEST,
            Self::TooSlow => Problem::REQUEST_TIMEOUT,
        }
    }

    /// The violation in an error that a body gave, however deep other crates have wrapped it.
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut layer = Some(error);
        while let Some(error) = layer {
            if let Some(violation) = error.downcast_ref() {
                return Some(*violation);
            }
            layer = error.source();
        }
        None
    }
}
