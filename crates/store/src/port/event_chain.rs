use core::fmt;

use async_trait::async_trait;
use countersign_core::event::SealedHead;
use countersign_core::time::Timestamp;

use super::StoreError;

/// The most faults that are named singly.
pub const MAX_FAULTS: usize = 100;

/// The event log as a chain: who has the key can tell whether it is still what was written.
#[async_trait]
pub trait EventChain: Send + Sync {
    /// Takes rows from before the log was chained into the chain, once, and seals the first head; none when that was done
    /// before. To be called when the store is opened, before anything is recorded.
    async fn begin(&self, now: Timestamp) -> Result<Option<Begun>, StoreError>;

    /// Seals the end of the log, unless it has been sealed.
    async fn seal(&self, now: Timestamp) -> Result<End, StoreError>;

    /// At most `limit` sealed heads, oldest first, after this sequence number.
    async fn heads(&self, after: Option<u64>, limit: u32) -> Result<Vec<SealedHead>, StoreError>;

    /// Goes through the log, and holds it to the heads that are kept with it and to those that are `given`.
    async fn verify(&self, given: &[SealedHead]) -> Result<Verification, StoreError>;

    /// Removes at most `limit` rows from before this time, from the beginning and no further than a sealed head, and keeps
    /// the value of the last one so that the rest still verifies. What does not verify is not removed.
    async fn prune(&self, before: Timestamp, limit: u32, now: Timestamp) -> Result<Pruned, StoreError>;
}

/// The chain has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// How many rows from before were taken in.
    pub taken: u64,
    /// The head behind the last of them.
    pub first: SealedHead,
}

/// A head, and whether it is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was sealed now.
    New(SealedHead),
    /// Nothing was recorded since this one.
    Already(SealedHead),
}

/// What became of old rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pruned {
    /// So many are gone, the last of them with this number; zero when there were none.
    Done {
        /// How many.
        rows: u64,
        /// The last one that was ever removed.
        through: u64,
    },
    /// None is gone: this row is not what was written, and its removal would hide that.
    Refused {
        /// The row.
        sequence: u64,
    },
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// How many rows there are.
    pub rows: u64,
    /// The last row that was removed in its time; zero when none was.
    pub pruned_through: u64,
    /// The number of the last row.
    pub last: u64,
    /// How many heads the log was held to.
    pub heads: u64,
    /// How many heads are of rows that were removed in their time and cannot be held to anything.
    pub unchecked_heads: u64,
    /// What is wrong, at most [`MAX_FAULTS`] of it; empty when nothing is.
    pub faults: Vec<ChainFault>,
    /// How much more is wrong.
    pub more_faults: u64,
}

impl Verification {
    /// Whether the log is what was written.
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }

    pub(crate) fn find(&mut self, fault: ChainFault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        } else {
            self.more_faults += 1;
        }
    }
}

/// One thing that is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainFault {
    /// The row is not the one that was written there, or not the one that followed the row before it.
    Changed {
        /// The row.
        sequence: u64,
    },
    /// Rows are gone.
    Missing {
        /// The first of them.
        from: u64,
        /// The last of them.
        through: u64,
    },
    /// The log ends before a head that was sealed.
    Truncated {
        /// The last row.
        last: u64,
        /// The row that the head is of.
        head: u64,
    },
    /// The log does not end where this process has left it.
    Cut {
        /// The last row.
        last: u64,
        /// The last row that was written.
        written: u64,
    },
    /// A head is not one that we sealed.
    ForgedHead {
        /// The row that it names.
        sequence: u64,
    },
    /// A head of ours and the row that it names do not belong together: the log was written anew.
    OtherHead {
        /// The row.
        sequence: u64,
    },
    /// A head of ours is not kept with the log any more.
    MissingHead {
        /// The row that it names.
        sequence: u64,
    },
    /// The note of what was removed is not ours.
    ForgedPruning,
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { sequence } => write!(f, "event {sequence} is not the one that was written there"),
            Self::Missing { from, through } if from == through => write!(f, "event {from} is gone"),
            Self::Missing { from, through } => write!(f, "events {from} to {through} are gone"),
            Self::Truncated { last, head } => {
                write!(f, "the log ends with event {last}; a head was sealed at event {head}")
            }
            Self::Cut { last, written } => write!(f, "the log ends with event {last}; event {written} was written"),
            Self::ForgedHead { sequence } => write!(f, "the head at event {sequence} was not sealed by this guard"),
            Self::OtherHead { sequence } => {
                write!(f, "event {sequence} is not the one that the head was sealed at: the log was written anew since")
            }
            Self::MissingHead { sequence } => {
                write!(f, "the head that was sealed at event {sequence} is gone from the database")
            }
            Self::ForgedPruning => f.write_str("the note of the events that were removed was not made by this guard"),
        }
    }
}
