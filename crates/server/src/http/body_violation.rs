use std::error::Error;

use countersign_core::problem::Problem;

/// Why a body that was begun has not come to a good end. The connection is closed after the answer.
///
/// It is the error of the bodies that our listener gives; behind wrappers of other crates [`find`](Self::find) finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyViolation {
    /// Its chunked coding is malformed, or has chunk extensions or trailer fields.
    #[error("the body breaks the rule: {0}")]
    Malformed(&'static str),
    /// It came slower than the limits of the listener allow.
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
