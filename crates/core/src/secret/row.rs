//! A MAC over a stored row, so that a flipped bit on disk cannot bring a revoked key back.

use super::{MacKey, Secret32};
use crate::encoding::put_lp;
use crate::event::EventKey;

/// The MAC of a row, kept beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowMac(pub [u8; 16]);

/// The key of row MACs.
#[derive(Clone, Debug)]
pub struct RowKey(MacKey);

impl RowKey {
    /// Keys the row MACs of one store.
    pub fn new(secret: &Secret32) -> Self {
        Self(MacKey::new(secret))
    }

    /// The key of the event log of the same store: `HM(key, "countersign/1 event key" ‖ 0)`. No row has that text.
    pub fn event_key(&self) -> EventKey {
        EventKey::new(&Secret32::new(self.0.mac(&[b"countersign/1 event key\0"])))
    }

    /// The MAC of the row of `table` with these columns, in their order.
    pub fn mac(&self, table: &str, columns: &[&[u8]]) -> RowMac {
        let [front, _] = bisect(self.0.mac(&[&message(table, columns)]));
        RowMac(front)
    }

    /// Whether `mac` belongs to that row.
    pub fn verifies(&self, table: &str, columns: &[&[u8]], mac: &[u8]) -> bool {
        use subtle::ConstantTimeEq as _;
        self.mac(table, columns).0.ct_eq(mac).into()
    }
}

fn bisect(mac: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    for (half, part) in halves.iter_mut().zip(mac.as_chunks::<16>().0) {
        *half = *part;
    }
    halves
}

fn message(table: &str, columns: &[&[u8]]) -> Vec<u8> {
    let mut message = b"countersign/1 row\0".to_vec();
    put_lp(&mut message, table.as_bytes());
    for column in columns {
        put_lp(&mut message, column);
    }
    message
}

#[cfg(test)]
mod tests;
