use core::time::Duration;

use async_trait::async_trait;
use countersign_core::event::Event;
use countersign_core::id::{FamilyId, SessionRef};
use countersign_core::session::{Family, Presented, Presenter, TokenHash};
use countersign_core::time::Timestamp;

use super::StoreError;

/// Families of refresh tokens. They come into being and are forgotten with their sessions.
#[async_trait]
pub trait TokenFamilies: Send + Sync {
    /// The family of this name, ended ones included; for its secret, under which the MAC of a token is to be verified
    /// before anything else is asked. A row whose MAC does not hold is given back as ended.
    async fn find(&self, id: FamilyId) -> Result<Option<Family>, StoreError>;

    /// Judges a token by [`Family::present`] and does what follows from it, in one step. Its number is replaced on
    /// [`Presented::Rotate`] and the access token on [`Presented::Again`] too; on [`Presented::Reused`] the session ends,
    /// which `event` tells of. Of any number of callers bringing one token, exactly one is told [`Presented::Rotate`].
    ///
    /// A family whose session, user or key is no longer good has ended, and so has one that is not there.
    async fn rotate(&self, presentation: &Presentation, event: &Event) -> Result<Refreshed, StoreError>;

    /// Notes that an access token of a session has been used, if it was issued with the current refresh token. Whether one
    /// that was is known to have been used, by this or before.
    async fn note_token(&self, session: SessionRef, used: &UsedToken) -> Result<bool, StoreError>;
}

/// An access token of a session that was used, and by what it is told whether it was issued with the current refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedToken {
    /// It says when it was issued, in whole seconds, and is believed. Of several that were issued with one refresh token,
    /// because answers got lost, each counts; and so does one from before it, in the second in which it was issued.
    Issued(Timestamp),
    /// It says nothing of that. Only the one that was issued last counts, and no other is good.
    Hash(TokenHash),
}

/// A refresh token whose MAC is right, and what is to take its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presentation {
    /// Its family.
    pub family: FamilyId,
    /// Its number. The successor's is one more, on [`Presented::Rotate`] and on [`Presented::Again`].
    pub sequence: u32,
    /// Who brings it.
    pub by: Presenter,
    /// The generation that the new access token says.
    pub generation: u32,
    /// The hash of the new access token.
    pub token: TokenHash,
    /// How long the successor is good, if the family is.
    pub sliding: Duration,
    /// When.
    pub at: Timestamp,
}

/// What became of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// What the rule says.
    Judged(Presented),
    /// The token would have been replaced, but the new access token says another generation than the user's: it has risen
    /// since it was read. Nothing has changed; a new attempt finds out what follows.
    Stale,
}
