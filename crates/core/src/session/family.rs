//! A family of refresh tokens as it is kept: one row, however often it is refreshed.

use core::time::Duration;

use super::{Place, Proof, SessionState};
use crate::id::{FamilyId, SessionRef, UserId};
use crate::secret::Sealed;
use crate::time::Timestamp;

/// The refresh tokens of one session, each of which takes the place of the one before. None is stored: all are MACs under
/// the family's secret, so that whoever asks again for a successor gets the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its public name.
    pub id: FamilyId,
    /// The session that it refreshes.
    pub session: SessionRef,
    /// Whose session that is.
    pub user: UserId,
    /// What has to be proven to refresh it: the session's own proof.
    pub proof: Proof,
    /// 32 random octets, sealed for [`name_of_secret`](Family::name_of_secret) and the username.
    pub secret: Sealed,
    /// The number of the current token; the first is 0.
    pub sequence: u32,
    /// When the current token was issued.
    pub rotated: Timestamp,
    /// Where from it was asked for.
    pub place: Place,
    /// Whether an access token has been used that was issued together with the current token.
    pub used: bool,
    /// When the current token is no longer good. At this moment it is not.
    pub good_until: Timestamp,
    /// When no token of this family is, however often it is refreshed.
    pub expires: Timestamp,
    /// Whether it goes on.
    pub state: SessionState,
}

impl Family {
    /// The name for which the secret of a family is sealed.
    pub fn name_of_secret(id: FamilyId) -> String {
        format!("csr_{id}")
    }

    /// The family after its current token has been replaced, by a request from `place` at `now`; the new one is good for
    /// `sliding`. `None` when the numbers have run out.
    #[must_use]
    pub fn rotated(&self, place: Place, now: Timestamp, sliding: Duration) -> Option<Self> {
        let sequence = self.sequence.checked_add(1)?;
        let good_until = now.saturating_add(sliding).min(self.expires);
        Some(Self { sequence, rotated: now, place, used: false, good_until, ..self.clone() })
    }
}
