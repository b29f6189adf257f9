//! A rule that a message breaks.

use super::{Interference, Unreadable, Unsignable};

/// Which rule a message breaks. The text is ours alone: nothing of the message stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

impl From<Malformed> for Unreadable {
    fn from(Malformed(rule): Malformed) -> Self {
        Self::Malformed(rule)
    }
}

impl From<Malformed> for Unsignable {
    fn from(Malformed(rule): Malformed) -> Self {
        Self(rule)
    }
}

/// An honest server never sends a malformed signature, so somebody has touched this one.
impl From<Malformed> for Interference {
    fn from(_: Malformed) -> Self {
        Self::BadMac
    }
}
