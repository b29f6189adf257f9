//! Rows with a MAC: what a row says, and whether that is what we wrote.

use core::fmt::Display;
use core::str::FromStr;
use std::sync::Arc;

use countersign_core::secret::{RowKey, RowMac};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::alarm::{Alarm, RowName};
use super::chain::Chain;
use super::failure::Failure;
use super::value::Unreadable;

/// A value that is kept in a row with a MAC.
pub(super) trait Kept: Sized {
    /// The table, which is also what an alarm calls it.
    const TABLE: &'static str;

    /// What an alarm calls the row.
    fn name(row: &SqliteRow) -> String {
        row.try_get("id").unwrap_or_default()
    }

    /// Reads every column but `mac`. One value has one spelling: a row that is spelt otherwise cannot be read.
    fn read(row: &SqliteRow) -> Result<Self, Unreadable>;

    /// The MAC of the row.
    fn mac(&self, key: &RowKey) -> RowMac;

    /// Whether `mac` is that MAC.
    fn verifies(&self, key: &RowKey, mac: &[u8]) -> bool;

    /// The same in the state that a row without our MAC counts as.
    fn distrusted(self) -> Self;
}

/// A row as it was found.
#[derive(Debug)]
pub(super) enum Stored<T> {
    /// It is what we wrote.
    Sound(T),
    /// Its MAC does not hold; and what it says, for what that is worth.
    Tampered(T),
    /// It says nothing that we understand.
    Unreadable(Unreadable),
}

impl<T: Kept> Stored<T> {
    /// What whoever asks for the value is told.
    pub(super) fn told(self) -> Result<T, Failure> {
        match self {
            Self::Sound(value) => Ok(value),
            Self::Tampered(value) => Ok(value.distrusted()),
            Self::Unreadable(source) => Err(Failure::Corrupt { what: T::TABLE, source }),
        }
    }

    /// The value as it stands in the row, and whether its MAC holds.
    ///
    /// For changes. They are made to a tampered row too, as far as they take something away, but its MAC is left as it
    /// is: a new one would make good whatever else had been changed.
    pub(super) fn raw(self) -> Result<(T, Trust), Failure> {
        match self {
            Self::Sound(value) => Ok((value, Trust::Holds)),
            Self::Tampered(value) => Ok((value, Trust::Broken)),
            Self::Unreadable(source) => Err(Failure::Corrupt { what: T::TABLE, source }),
        }
    }
}

/// Whether the MAC of a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It does.
    Holds,
    /// It does not.
    Broken,
}

/// Why a tampered row gives nothing back.
#[derive(Debug, thiserror::Error)]
#[error("the row MAC does not hold, so nothing in the row can be trusted again")]
pub(super) struct MacDoesNotHold;

/// Knows our rows from others, reports the others, and has the end of the event log.
#[derive(Clone)]
pub(super) struct Warden {
    pub(super) row_key: RowKey,
    pub(super) alarm: Arc<Alarm>,
    pub(super) chain: Chain,
}

impl Warden {
    /// Reads a row and checks its MAC. What is not ours is noted for [`Alarm::raise`].
    pub(super) fn read<T: Kept>(&self, row: &SqliteRow) -> Stored<T> {
        let read = T::read(row).and_then(|value| Ok((value, row.try_get::<&[u8], _>("mac")?)));
        let stored = match read {
            Ok((value, mac)) if value.verifies(&self.row_key, mac) => return Stored::Sound(value),
            Ok((value, _)) => Stored::Tampered(value),
            Err(why) => Stored::Unreadable(why),
        };
        self.alarm.note(RowName { table: T::TABLE, id: T::name(row) });
        stored
    }

    /// The MAC to write into a row whose former one held; none for one that is not to be made good.
    pub(super) fn new_mac<T: Kept>(&self, value: &T, former: Trust) -> Option<Vec<u8>> {
        (former == Trust::Holds).then(|| self.mac(value))
    }

    /// The MAC of a value's row.
    pub(super) fn mac<T: Kept>(&self, value: &T) -> Vec<u8> {
        value.mac(&self.row_key).0.to_vec()
    }
}

/// Reads a text that has one spelling only. Without this, a name could be turned into capitals in the file, where the
/// unique index would no longer know it but the MAC, which is over the value, would.
pub(super) fn canonical<T>(text: &str) -> Result<T, Unreadable>
where
    T: FromStr<Err: core::error::Error + Send + Sync + 'static> + Display,
{
    let value: T = text.parse()?;
    if value.to_string() == text { Ok(value) } else { Err(NotCanonical.into()) }
}

#[derive(Debug, thiserror::Error)]
#[error("a column holds another spelling of its value than we write")]
struct NotCanonical;
