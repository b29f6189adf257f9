//! What the guard calls a nonce.

use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;

use countersign_core::secret::Secret32;
use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// How many shards there are: enough that sixteen busy threads seldom meet.
pub(super) const SHARDS: usize = 64;

pub(super) const KEY_BITS: u32 = 36;
const KEY_MASK: u128 = (1 << KEY_BITS) - 1;
/// What of the nonce's hash stands in an [`Entry`](super::table::Entry).
const NONCE_BITS: u32 = 79;

/// Names nonces by a keyed hash of `lp(keyid) ‖ nonce`.
///
/// SipHash-2-4 with 128 bits of output is a pseudorandom function under a secret key (Aumasson and Bernstein, 2012), and
/// that is all that is asked of it: whoever does not have the key can neither aim at a slot of the table nor find two
/// nonces of one name better than by chance. A name is 121 bits wide, 42 of `keyid` alone (6 choose the shard) and 79 of
/// both, so chance means 2⁻⁷⁹ for two nonces of one key. Where it happened, an honest request would be refused as a
/// replay; nothing could be accepted by it. The length before `keyid` keeps `ab` with nonce `c` apart from `a` with `bc`.
#[derive(Clone)]
pub(super) struct Names(SipHasher24);

impl Names {
    pub(super) fn new(key: &Secret32) -> Self {
        let [front, back] = halves(key.expose());
        Self(SipHasher24::new_with_keys(front, back))
    }

    /// The name of a nonce of this key.
    pub(super) fn of(&self, keyid: &str, nonce: &[u8]) -> Name {
        let mut hasher = self.0;
        hasher.write(&u32::try_from(keyid.len()).unwrap_or(u32::MAX).to_be_bytes());
        hasher.write(keyid.as_bytes());
        let key = hasher.finish128().as_u128();
        hasher.write(nonce);
        let nonce = hasher.finish128().as_u128();
        let shard = usize::try_from(key >> KEY_BITS & (SHARDS as u128 - 1)).unwrap_or(0);
        let key = key & KEY_MASK;
        Name { shard, key: KeyTag(key as u64), bits: nonce >> (128 - NONCE_BITS) << KEY_BITS | key }
    }

    /// A checksum that only the holder of the key can make.
    pub(super) fn check(&self, octets: &[u8]) -> [u8; 16] {
        self.0.hash(octets).as_bytes()
    }
}

/// The first 128 bits. `Secret32` is the one size of secrets in the workspace; SipHash takes half of it.
fn halves(key: &[u8; 32]) -> [u64; 2] {
    let mut words = key.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
    [words.next().unwrap_or_default(), words.next().unwrap_or_default()]
}

/// The name of a nonce: where it lives, whose it is, and all the bits by which it is known there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) shard: usize,
    pub(super) key: KeyTag,
    pub(super) bits: u128,
}

/// What a shard knows a key by. Two of a million keys share one in one case of nine; then they share a quota, no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyTag(pub(super) u64);

impl core::hash::Hash for KeyTag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// A map by key. The tag is a keyed hash already, so it is not hashed again, only spread over the word.
pub(super) type ByKey<V> = HashMap<KeyTag, V, BuildHasherDefault<TagHasher>>;

#[derive(Default)]
pub(super) struct TagHasher(u64);

impl Hasher for TagHasher {
    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(*octet);
        }
    }

    fn write_u64(&mut self, tag: u64) {
        self.0 = tag << (64 - KEY_BITS) | tag;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(octet: u8) -> Names {
        Names::new(&Secret32::new([octet; 32]))
    }

    #[test]
    fn the_border_between_keyid_and_nonce_cannot_move() {
        let names = names(7);
        assert_ne!(names.of("ab", b"c").bits, names.of("a", b"bc").bits);
        assert_ne!(names.of("", b"abc").bits, names.of("abc", b"").bits);
    }

    #[test]
    fn names_depend_on_the_secret() {
        assert_ne!(names(7).of("k", b"nonce").bits, names(8).of("k", b"nonce").bits);
    }

    #[test]
    fn all_nonces_of_a_key_are_in_one_shard_and_bear_its_tag() {
        let names = names(7);
        let first = names.of("key", b"first");
        for nonce in 1..100_u8 {
            let other = names.of("key", &[nonce]);
            assert_eq!((other.shard, other.key), (first.shard, first.key));
            assert_eq!(other.bits & KEY_MASK, u128::from(first.key.0));
            assert_ne!(other.bits, first.bits);
        }
    }

    #[test]
    fn keys_spread_over_all_shards() {
        let names = names(7);
        let mut hit = [false; SHARDS];
        for key in 0..2_000 {
            hit[names.of(&format!("k{key}"), b"").shard] = true;
        }
        assert!(hit.iter().all(|hit| *hit));
    }
}
