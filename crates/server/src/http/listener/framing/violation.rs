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
