use async_trait::async_trait;
use countersign_core::secret::Sealed;

use super::StoreError;

/// Everything that the store keeps sealed, wherever it stands, for an exchange of the key-encryption key.
///
/// None of this takes an event: nothing that is kept changes its meaning. The exchange itself is told of by whoever makes
/// it.
#[async_trait]
pub trait Sealings: Send + Sync {
    /// What is sealed under another version than `current`, after this place: at most `limit` of it.
    async fn sealed_otherwise(
        &self,
        current: u32,
        after: Option<&SealedPlace>,
        limit: u32,
    ) -> Result<SealedPage, StoreError>;

    /// Puts each fresh value in its place, if the former one still stands there, and says of each what became of it, in
    /// the same order. A row MAC is made anew, and only where the former one holds.
    async fn reseal(&self, batch: Vec<Reseal>) -> Result<Vec<Resealed>, StoreError>;

    /// Lets go of all versions but `current`, if nothing needs them: from then on nothing that is sealed under an older
    /// version is taken in, for as long as the store is open. So whoever sealed something and comes late is refused, and
    /// never keeps what nobody can open any more.
    async fn retire(&self, current: u32) -> Result<Retirement, StoreError>;
}

/// Where a sealed value stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealedPlace {
    /// The kind of row.
    pub table: &'static str,
    /// Which row.
    pub id: String,
}

/// A sealed value, and what it was sealed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// Where it stands.
    pub place: SealedPlace,
    /// The name that it was sealed for.
    pub name: String,
    /// The owner that it was sealed for.
    pub owner: String,
    /// The value.
    pub sealed: Sealed,
    /// Whether the store vouches for name and owner. Where it does, the value must open; where it does not, somebody has
    /// written to the database.
    pub vouched: bool,
}

/// Some of what is sealed otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedPage {
    /// Values that can be sealed anew.
    pub sealings: Vec<Sealing>,
    /// How many rows there are besides that are not as they were written. They are not trusted and not touched.
    pub distrusted: u64,
    /// Where to go on; `None` at the end.
    pub next: Option<SealedPlace>,
}

/// A value that is to take the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reseal {
    /// Where.
    pub place: SealedPlace,
    /// What stands there.
    pub former: Sealed,
    /// What is to stand there: the same secret, sealed anew.
    pub fresh: Sealed,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resealed {
    /// It stands there.
    Done,
    /// Something else stands there by now, or nothing.
    Changed,
    /// The row is not as it was written, and was left alone.
    Distrusted,
}

/// Whether older versions were let go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retirement {
    /// They were. So many rows are still sealed under one, none of which is as it was written.
    Done {
        /// How many.
        distrusted: u64,
    },
    /// So many values need them.
    Needed(u64),
}
