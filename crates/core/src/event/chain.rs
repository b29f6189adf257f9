//! The chain of the event log: each row carries a MAC over itself and over the value of the row before it.
//!
//! Whoever can write to the file and does not hold the key can change, remove or reorder nothing without breaking the
//! chain, except that they can cut it off at its end. What shows that is a [sealed head](super::SealedHead).

use core::fmt;

use crate::encoding::{b64u, put_lp, unb64u};
use crate::secret::{MacKey, Secret32};

/// The value of a row in the chain. It is no secret: it says nothing of the row to whoever has not the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainValue(pub [u8; 32]);

impl ChainValue {
    /// What comes before the first row.
    pub const BEGINNING: Self = Self([0; 32]);

    /// Reads what [`Display`](fmt::Display) writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(Self(unb64u(text)?.try_into().ok()?))
    }
}

impl fmt::Display for ChainValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&b64u(&self.0))
    }
}

/// A column of a row, by its name; `None` stands for NULL.
pub type Column<'a> = (&'static str, Option<&'a [u8]>);

/// The key of the event log of one store.
#[derive(Clone, Debug)]
pub struct EventKey(pub(super) MacKey);

impl EventKey {
    /// Keys the log of one store.
    pub fn new(secret: &Secret32) -> Self {
        Self(MacKey::new(secret))
    }

    /// The value of the row with these columns that follows the row with the value `former`:
    /// `HM(key, "countersign/1 event" ‖ 0 ‖ former ‖ lp(name) ‖ lp(value) ‖ …)`, without the columns that are NULL.
    ///
    /// A column that a later version adds is NULL in the rows from before, so their values stay what they are.
    pub fn link(&self, former: &ChainValue, columns: &[Column<'_>]) -> ChainValue {
        let mut message = b"countersign/1 event\0".to_vec();
        message.extend_from_slice(&former.0);
        for (name, value) in columns {
            if let Some(value) = value {
                put_lp(&mut message, name.as_bytes());
                put_lp(&mut message, value);
            }
        }
        ChainValue(self.0.mac(&[&message]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(octet: u8) -> EventKey {
        EventKey::new(&Secret32::new([octet; 32]))
    }

    #[test]
    fn every_part_of_a_row_its_name_and_its_place_count() {
        let former = ChainValue::BEGINNING;
        let row: &[Column<'_>] = &[("kind", Some(b"replay")), ("user_id", None), ("detail", Some(b""))];
        let value = key(1).link(&former, row);
        assert_eq!(key(1).link(&former, row), value);
        let others: [&[Column<'_>]; 6] = [
            &[("kind", Some(b"replaz")), ("user_id", None), ("detail", Some(b""))],
            &[("kind", Some(b"replay")), ("user_id", Some(b"")), ("detail", Some(b""))],
            &[("kind", Some(b"replay")), ("user_id", None), ("detail", None)],
            &[("kind", Some(b"replay")), ("key_id", Some(b"")), ("detail", None)],
            &[("detail", Some(b"")), ("kind", Some(b"replay"))],
            &[("kind", Some(b"repla")), ("user_id", None), ("ydetail", Some(b""))],
        ];
        for other in others {
            assert_ne!(key(1).link(&former, other), value, "{other:?}");
        }
        assert_ne!(key(1).link(&value, row), value, "the same row in another place");
        assert_ne!(key(2).link(&former, row), value, "another key");
    }

    #[test]
    fn a_column_that_is_null_leaves_the_value_as_it_was_without_it() {
        let link = |columns: &[Column<'_>]| key(1).link(&ChainValue::BEGINNING, columns);
        assert_eq!(link(&[("kind", Some(b"replay"))]), link(&[("kind", Some(b"replay")), ("level", None)]));
    }

    /// Computed by another implementation (Python's `hmac`) from the sentence above [`EventKey::link`].
    #[test]
    fn the_value_is_what_the_page_says() {
        let columns: &[Column<'_>] = &[("sequence", Some(&1_u64.to_be_bytes())), ("kind", Some(b"started"))];
        let value = key(7).link(&ChainValue::BEGINNING, columns);
        assert_eq!(value.to_string(), "EeEUEAKsOPUqbcDO5d4DgBzpWnYnWFfxeWbytII6w3M");
    }
}
