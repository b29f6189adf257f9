//! How keys follow one another (protocol §10): when a replaced key ends, and who may end whose.
//!
//! Pure rules over the keys of one user. A key has at most one successor that lives; whoever held a key when it was
//! replaced, rightly or not, can say "not me" for as long as it still signs.

use core::time::Duration;
use std::collections::BTreeSet;

use crate::account::{KeyOrigin, KeyRecord, KeyState};
use crate::id::KeyId;
use crate::time::Timestamp;

/// How long a replaced key goes on signing beside its successor.
pub const OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

/// How long it goes on once the successor has been used for more than its confirmation.
pub const OVERLAP_ONCE_USED: Duration = Duration::from_secs(5 * 60);

/// When a key ends whose successor was confirmed at `confirmed`.
pub const fn overlap_end(confirmed: Timestamp) -> Timestamp {
    confirmed.saturating_add(OVERLAP)
}

/// When a key ends that was to end at `end`, and whose successor was used at `used`; never later than before.
pub fn end_once_used(end: Timestamp, used: Timestamp) -> Timestamp {
    end.min(used.saturating_add(OVERLAP_ONCE_USED))
}

impl KeyState {
    /// Whether a key in this state may sign at `now`. The moment at which it ends is still inside.
    pub fn may_sign(self, now: Timestamp) -> bool {
        match self {
            Self::Active => true,
            Self::Ending { at } => now <= at,
            Self::Revoked { .. } => false,
        }
    }
}

impl KeyOrigin {
    /// The key in whose place one of this origin stands.
    pub const fn predecessor(&self) -> Option<&KeyId> {
        match self {
            Self::Rotation(predecessor) => Some(predecessor),
            Self::GroupCard | Self::Ticket(_) | Self::SeedMode | Self::Recovery(_) => None,
        }
    }
}

/// Whether a key may be replaced by another: only one that nothing has replaced yet, so that each has one successor.
/// A key of the seed mode may not: whoever recorded its registration would follow it into its successor.
pub const fn may_rotate(origin: &KeyOrigin, state: KeyState) -> bool {
    matches!(state, KeyState::Active) && !matches!(origin, KeyOrigin::SeedMode)
}

/// What a user's word against one of their keys does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeBack {
    /// These end: the key, and everything that came from it and has not ended yet.
    Ends {
        /// Which.
        ended: Vec<KeyId>,
        /// The key that has its place back: the one that spoke, if it was its own successor that ends.
        restored: Option<KeyId>,
    },
    /// It is not one of these keys.
    NotTheirs,
    /// The key that spoke came from it. Such a key ends in its time and no sooner: else whoever rotated a stolen key could
    /// keep its owner from saying "not me".
    OwnAncestor,
}

/// Judges the word of `signer` against `target`, both among `keys`, which are all keys of one user.
pub fn take_back(keys: &[KeyRecord], target: &KeyId, signer: &KeyId) -> TakeBack {
    let Some(key) = find(keys, target) else { return TakeBack::NotTheirs };
    let gone = descendants(keys, target);
    if target != signer && gone.contains(signer) {
        return TakeBack::OwnAncestor;
    }
    let ended = keys.iter().filter(|key| gone.contains(&key.id) && !is_revoked(key)).map(|key| key.id.clone());
    let was_replaced = find(keys, signer).is_some_and(|signer| matches!(signer.state, KeyState::Ending { .. }));
    // Of a successor that had ended before: whoever ended it did not do so for this key.
    let restored =
        (was_replaced && !is_revoked(key) && key.origin.predecessor() == Some(signer)).then(|| signer.clone());
    TakeBack::Ends { ended: ended.collect(), restored }
}

/// A key, and all that have come from it by rotation.
pub fn descendants<'k>(keys: &'k [KeyRecord], of: &'k KeyId) -> BTreeSet<&'k KeyId> {
    let mut found = BTreeSet::from([of]);
    loop {
        let before = found.len();
        let next = keys.iter().filter(|key| key.origin.predecessor().is_some_and(|from| found.contains(from)));
        let next: Vec<_> = next.map(|key| &key.id).collect();
        found.extend(next);
        if found.len() == before {
            return found;
        }
    }
}

fn find<'k>(keys: &'k [KeyRecord], id: &KeyId) -> Option<&'k KeyRecord> {
    keys.iter().find(|key| key.id == *id)
}

const fn is_revoked(key: &KeyRecord) -> bool {
    matches!(key.state, KeyState::Revoked { .. })
}

#[cfg(test)]
mod tests;
