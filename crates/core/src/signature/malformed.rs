//! A rule that a message breaks.

use super::{Interference, Unreadable, Unsignable};

/// Which rule a message breaks. The text is ours alone: nothing of the message stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The one rule that is about how much there is, which has an answer of its own: 431 (protocol §4.4).
pub(super) const TOO_MANY_COMPONENTS: Malformed = Malformed("more components are covered than are read");

impl From<Malformed> for Unreadable {
    fn from(broken: Malformed) -> Self {
        if broken == TOO_MANY_COMPONENTS { Self::TooLarge("components") } else { Self::Malformed(broken.0) }
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
