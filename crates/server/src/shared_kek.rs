//! The key-encryption keys in memory: one handle for all who seal and open, so that an exchange reaches them all at once.

use core::time::Duration;
use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_core::secret::{KeyEncryptionKeys, Sealed, Secret32, Unsealable};
use countersign_core::time::Timestamp;
use zeroize::Zeroizing;

/// How long keys that nothing in the store needs any more still open. Somebody may have read a secret from the store just
/// before it was sealed anew, and open it now.
const LINGER: Duration = Duration::from_secs(60);

/// The key-encryption keys of a guard. Clones share them.
#[derive(Clone, Debug)]
pub struct SharedKek(Arc<ArcSwap<Held>>);

#[derive(Clone, Debug)]
struct Held {
    keys: KeyEncryptionKeys,
    /// What was replaced last, and until when it still opens.
    lingering: Option<(KeyEncryptionKeys, Timestamp)>,
}

impl SharedKek {
    /// These keys, until they are replaced.
    pub fn new(keys: KeyEncryptionKeys) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Held { keys, lingering: None })))
    }

    /// The keys as they are now.
    pub fn keys(&self) -> KeyEncryptionKeys {
        self.0.load().keys.clone()
    }

    /// The version under which new secrets are sealed.
    pub fn current(&self) -> u32 {
        self.0.load().keys.current()
    }

    /// Seals under the current key: `name` and `owner` are what it will open for, and `nonce` is 96 random bits.
    pub fn seal(&self, name: &str, owner: &str, plain: &[u8], nonce: [u8; 12]) -> Result<Sealed, Unsealable> {
        self.0.load().keys.seal(name, owner, plain, nonce)
    }

    /// Opens what was sealed for this name and owner, under whichever version.
    pub fn open(&self, name: &str, owner: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        self.0.load().open(|keys| keys.open(name, owner, sealed))
    }

    /// Opens a sealed secret of 32 octets.
    pub fn open32(&self, name: &str, owner: &str, sealed: &Sealed) -> Result<Secret32, Unsealable> {
        self.0.load().open(|keys| keys.open32(name, owner, sealed))
    }

    /// From now on everybody seals under the current one of these; those before still open for a minute.
    pub fn replace(&self, keys: &KeyEncryptionKeys, now: Timestamp) {
        let until = now.saturating_add(LINGER);
        self.0.rcu(|held| Held { keys: keys.clone(), lingering: Some((held.keys.clone(), until)) });
    }

    /// Lets go of keys whose time is over.
    pub fn forget_lingering(&self, now: Timestamp) {
        let over = |held: &Held| held.lingering.as_ref().is_some_and(|(_, until)| now >= *until);
        if over(&self.0.load()) {
            self.0.rcu(|held| Held { lingering: held.lingering.clone().filter(|_| !over(held)), ..Held::clone(held) });
        }
    }
}

impl Held {
    fn open<T>(&self, open: impl Fn(&KeyEncryptionKeys) -> Result<T, Unsealable>) -> Result<T, Unsealable> {
        match (open(&self.keys), &self.lingering) {
            (Err(Unsealable::NoKey { .. }), Some((before, _))) => open(before),
            (opened, _) => opened,
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::secret::KeyEncryptionKey;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_763_780_000);

    fn keys() -> KeyEncryptionKeys {
        KeyEncryptionKeys::of(KeyEncryptionKey::new(1, Secret32::new([7; 32])))
    }

    fn next(keys: &KeyEncryptionKeys) -> KeyEncryptionKeys {
        keys.with_next(&Secret32::new(core::array::from_fn(|place| (place * place) as u8))).unwrap()
    }

    #[test]
    fn an_exchange_reaches_every_clone() {
        let (kek, both) = (SharedKek::new(keys()), next(&keys()));
        let other = kek.clone();
        kek.replace(&both, NOW);
        assert_eq!((other.current(), other.seal("k", "o", b"x", [0; 12]).unwrap().version), (2, 2));
    }

    #[test]
    fn a_key_that_was_replaced_opens_for_a_minute_and_seals_nothing() {
        let kek = SharedKek::new(keys());
        let sealed = kek.seal("k", "o", b"old", [0; 12]).unwrap();
        let both = next(&keys());
        kek.replace(&both.without_former(), NOW);
        for (millis, opens) in [(0, true), (59_999, true), (60_000, false)] {
            kek.forget_lingering(NOW.saturating_add(Duration::from_millis(millis)));
            assert_eq!(kek.open("k", "o", &sealed).is_ok(), opens, "{millis}");
            assert_eq!(kek.seal("k", "o", b"new", [0; 12]).unwrap().version, 2);
        }
        assert_eq!(kek.open("k", "o", &sealed), Err(Unsealable::NoKey { version: 1 }));
    }

    #[test]
    fn what_was_changed_does_not_open_under_a_key_that_lingers_either() {
        let kek = SharedKek::new(keys());
        kek.replace(&next(&keys()), NOW);
        let sealed = kek.seal("k", "o", b"new", [0; 12]).unwrap();
        assert_eq!(kek.open("k", "other", &sealed), Err(Unsealable::DoesNotOpen));
    }
}
