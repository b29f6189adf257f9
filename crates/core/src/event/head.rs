use core::fmt;
use core::str::FromStr;

use super::{ChainValue, EventKey};
use crate::encoding::{b64u, unb64u};
use crate::time::Timestamp;

/// What a sealed head says of the place that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// The log had come so far.
    Head,
    /// The log was removed up to here, in its time.
    Pruned,
}

/// The end that the event log had at some time, under a MAC. Kept elsewhere, it shows that the log was cut short since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedHead {
    /// The last row; zero when there was none.
    pub sequence: u64,
    /// When it was sealed.
    pub at: Timestamp,
    /// The value of the last row.
    pub chain: ChainValue,
    /// The MAC over all of it.
    pub mac: [u8; 32],
}

impl EventKey {
    /// Seals a place in the log.
    pub fn seal(&self, sealing: Sealing, sequence: u64, chain: ChainValue, at: Timestamp) -> SealedHead {
        let mac = self.0.mac(&[&message(sealing, sequence, &chain, at)]);
        SealedHead { sequence, at, chain, mac }
    }

    /// Whether we sealed this, and as that.
    pub fn sealed(&self, sealing: Sealing, head: &SealedHead) -> bool {
        self.0.verifies(&[&message(sealing, head.sequence, &head.chain, head.at)], &head.mac)
    }
}

/// `"countersign/1 event head" ‖ 0 ‖ sequence ‖ at in ms ‖ chain`, numbers as u64 big endian; every part has one length.
fn message(sealing: Sealing, sequence: u64, chain: &ChainValue, at: Timestamp) -> Vec<u8> {
    let label: &[u8] = match sealing {
        Sealing::Head => b"countersign/1 event head\0",
        Sealing::Pruned => b"countersign/1 events pruned\0",
    };
    [label, &sequence.to_be_bytes(), &at.as_millis().to_be_bytes(), &chain.0].concat()
}

impl fmt::Display for SealedHead {
    /// One line: `cseh1.<sequence>.<milliseconds>.<value>.<MAC>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, at, chain, mac } = self;
        write!(f, "cseh1.{sequence}.{}.{chain}.{}", at.as_millis(), b64u(mac))
    }
}

/// Text that is no sealed head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a sealed head of an event log, which is one line `cseh1.….….….…`")]
pub struct MalformedHead;

impl FromStr for SealedHead {
    type Err = MalformedHead;

    /// Strict: one head has one spelling.
    fn from_str(text: &str) -> Result<Self, MalformedHead> {
        let parts: Vec<&str> = text.split('.').collect();
        let ["cseh1", sequence, at, chain, mac] = parts.as_slice() else { return Err(MalformedHead) };
        let mac = unb64u(mac).and_then(|octets| octets.try_into().ok()).ok_or(MalformedHead)?;
        let head = Self {
            sequence: sequence.parse().map_err(|_| MalformedHead)?,
            at: Timestamp::from_millis(at.parse().map_err(|_| MalformedHead)?),
            chain: ChainValue::parse(chain).ok_or(MalformedHead)?,
            mac,
        };
        if head.to_string() == text { Ok(head) } else { Err(MalformedHead) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret32;

    fn key() -> EventKey {
        EventKey::new(&Secret32::new([7; 32]))
    }

    fn head() -> SealedHead {
        key().seal(Sealing::Head, 42, ChainValue([9; 32]), Timestamp::from_millis(1_763_780_000_123))
    }

    #[test]
    fn a_head_reads_back_as_written_and_in_no_other_spelling() {
        let text = head().to_string();
        assert_eq!(text.parse(), Ok(head()));
        assert!(text.starts_with("cseh1.42.1763780000123."));
        for other in [
            text.replace(".42.", ".042."),
            text.replace(".42.", ".+42."),
            text.replace("cseh1", "cseh2"),
            format!("{text}."),
            format!("{text} "),
            format!("{text}="),
            text.replace('.', " "),
            String::new(),
        ] {
            assert_eq!(other.parse::<SealedHead>(), Err(MalformedHead), "{other}");
        }
    }

    #[test]
    fn a_head_is_ours_only_as_it_was_sealed() {
        assert!(key().sealed(Sealing::Head, &head()));
        assert!(!key().sealed(Sealing::Pruned, &head()), "a head permits nobody to remove what is before it");
        assert!(!EventKey::new(&Secret32::new([8; 32])).sealed(Sealing::Head, &head()));
        for other in [
            SealedHead { sequence: 41, ..head() },
            SealedHead { at: Timestamp::from_millis(1_763_780_000_124), ..head() },
            SealedHead { chain: ChainValue([8; 32]), ..head() },
            SealedHead { mac: [0; 32], ..head() },
        ] {
            assert!(!key().sealed(Sealing::Head, &other), "{other:?}");
        }
    }
}
