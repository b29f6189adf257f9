//! When keys end that others have replaced: the next end is found without looking at every key.

use std::collections::BTreeSet;
use std::sync::Mutex;

use countersign_core::account::{KeyRecord, KeyState};
use countersign_core::id::KeyId;
use countersign_core::time::Timestamp;

use super::InDoubt;

/// The ends to come, earliest first. A key may stand here with an end that it had before; whoever takes it out looks.
#[derive(Debug, Default)]
pub(super) struct Endings(Mutex<BTreeSet<(Timestamp, KeyId)>>);

impl Endings {
    /// Notes the end of a key that has one.
    pub(super) fn note(&self, key: &KeyRecord) -> Result<(), InDoubt> {
        if let KeyState::Ending { at } = key.state {
            self.0.lock().map_err(|_| InDoubt)?.insert((at, key.id.clone()));
        }
        Ok(())
    }

    /// Takes out those whose end was before `now`.
    pub(super) fn take(&self, now: Timestamp) -> Result<Vec<KeyId>, InDoubt> {
        let mut endings = self.0.lock().map_err(|_| InDoubt)?;
        let mut taken = Vec::new();
        while let Some((at, id)) = endings.pop_first() {
            if at >= now {
                endings.insert((at, id));
                break;
            }
            taken.push(id);
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::account::KeyOrigin;
    use countersign_core::id::UserId;
    use countersign_core::secret::Sealed;

    use super::*;

    fn key(number: u8, state: KeyState) -> KeyRecord {
        KeyRecord {
            id: KeyId::from_random([number; 16]),
            user: UserId::from_random([1; 16]),
            device: String::new(),
            root: Sealed { version: 1, octets: Vec::new() },
            origin: KeyOrigin::GroupCard,
            state,
            created: Timestamp::default(),
        }
    }

    #[test]
    fn a_key_comes_out_once_when_its_last_moment_is_over() {
        let endings = Endings::default();
        let at = Timestamp::from_millis;
        endings.note(&key(1, KeyState::Active)).unwrap();
        endings.note(&key(3, KeyState::Ending { at: at(20) })).unwrap();
        endings.note(&key(2, KeyState::Ending { at: at(10) })).unwrap();
        assert_eq!(endings.take(at(10)).unwrap(), [], "at its end it still signs");
        assert_eq!(endings.take(at(11)).unwrap(), [KeyId::from_random([2; 16])]);
        assert_eq!(endings.take(at(11)).unwrap(), []);
        assert_eq!(endings.take(Timestamp::MAX).unwrap(), [KeyId::from_random([3; 16])]);
    }
}
