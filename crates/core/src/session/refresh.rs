//! What becomes of a refresh token that somebody brings (protocol §12).
//!
//! Each refresh replaces the token. So two hands that hold the same one sooner or later show two different ones, and then
//! the family ends. But an answer may get lost, and tabs of one browser refresh at the same time: whoever brings the token
//! before the current one may get the current one, as long as that gives a thief nothing.

use core::time::Duration;

use super::{Family, Place, Proof, SessionState};
use crate::time::Timestamp;

/// How long after a refresh the token that it replaced still leads to the same successor. The last moment is inside.
pub const GRACE: Duration = Duration::from_secs(30);

/// For so long after a refresh whoever brings the token that it replaced, although the successor is in use, is a second tab
/// and no thief. The last moment is outside.
pub const CONFLICT_FOR: Duration = Duration::from_secs(10);

/// Who brings a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presenter {
    /// Whether the request was signed by the session's key.
    pub signed: bool,
    /// Where it came from.
    pub place: Place,
}

/// What becomes of a refresh token whose MAC is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// It is the current one: a successor takes its place.
    Rotate,
    /// It is the one before, and leads to the same successor as before.
    Again,
    /// It is the one before, and somebody else of the same client was quicker. Nothing is issued, and nothing ends.
    Conflict,
    /// It was replaced, and two have held it: family and session end.
    Reused,
    /// Its session has a key, and that has not signed. Nothing is issued, and nothing ends: else whoever found the token
    /// could end the session.
    Unproven,
    /// The family has ended or expired.
    Ended,
}

impl Family {
    /// Judges the token of this number.
    pub fn present(&self, sequence: u32, by: &Presenter, now: Timestamp) -> Presented {
        if self.proof == Proof::Key && !by.signed {
            return Presented::Unproven;
        }
        let is_good = self.state == SessionState::Open && now < self.good_until && now < self.expires;
        if !is_good || self.sequence == u32::MAX {
            return Presented::Ended;
        }
        if sequence == self.sequence {
            Presented::Rotate
        } else if sequence.checked_add(1) == Some(self.sequence) {
            self.present_previous(by, now)
        } else {
            // A number above ours, under a MAC of ours, means that the store is older than the token.
            Presented::Reused
        }
    }

    fn present_previous(&self, by: &Presenter, now: Timestamp) -> Presented {
        let age = now.since(self.rotated);
        match self.proof {
            // Whoever signs is the one who signed in, from wherever.
            Proof::Key if age <= GRACE || !self.used => Presented::Again,
            Proof::Bearer if by.place != self.place => Presented::Reused,
            Proof::Bearer if !self.used && age <= GRACE => Presented::Again,
            Proof::Bearer if self.used && age < CONFLICT_FOR => Presented::Conflict,
            Proof::Key | Proof::Bearer => Presented::Reused,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
