//! The token keys of a guard, and how they take each other's place.
//!
//! There is always a next one, published long before it signs, so that whoever keeps the key set for a while knows it by
//! then. What a key has signed is good after it, too: its public half stays until the longest of its tokens has expired. Its
//! secret half is gone at once.

use core::time::Duration;

use zeroize::Zeroizing;

use super::key::{PublicTokenKey, TokenSigningKey};
use super::keys::TokenKeys;
use super::lifetime::AccessLifetime;
use crate::encoding::Reader;
use crate::secret::Secret32;
use crate::time::Timestamp;

/// The keys.
#[derive(Clone, Debug)]
pub struct TokenKeyRing {
    current: Held,
    next: Held,
    former: Vec<FormerTokenKey>,
}

/// A key that signs or will sign, as it is kept.
#[derive(Clone, Debug)]
struct Held {
    seed: Secret32,
    key: TokenSigningKey,
    since: Timestamp,
}

/// A key that signs no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerTokenKey {
    /// Its public half.
    pub key: PublicTokenKey,
    /// The first moment at which nothing that it has signed is good.
    pub until: Timestamp,
}

/// The next key was published at this time, and whoever has the key set from before would not know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooYoung {
    /// When it may sign.
    pub ready: Timestamp,
}

impl TokenKeyRing {
    /// How long a key set that somebody has fetched may be used without asking again.
    pub const MAX_AGE: Duration = Duration::from_secs(5 * 60);
    /// How long a key is published before it signs.
    pub const PUBLISHED: Duration = Duration::from_secs(10 * 60);

    /// The first two keys, by 32 random octets each.
    pub fn new(current: Secret32, next: Secret32, now: Timestamp) -> Self {
        Self { current: Held::new(current, now), next: Held::new(next, now), former: Vec::new() }
    }

    /// The key that signs, and since when it does.
    pub const fn signing(&self) -> (&TokenSigningKey, Timestamp) {
        (&self.current.key, self.current.since)
    }

    /// The key that will sign, and since when it is published.
    pub const fn next(&self) -> (&TokenSigningKey, Timestamp) {
        (&self.next.key, self.next.since)
    }

    /// The keys that sign no more, the youngest first.
    pub fn former(&self) -> &[FormerTokenKey] {
        &self.former
    }

    /// Every key under which tokens are good or will be, the present one first.
    pub fn keys(&self) -> TokenKeys {
        let signing = [&self.current, &self.next].map(|held| held.key.public());
        TokenKeys::new(signing.into_iter().chain(self.former.iter().map(|former| former.key.clone())))
    }

    /// The next key takes the place of the present one, and `fresh` is published as the next.
    pub fn rotated(&self, fresh: Secret32, now: Timestamp) -> Result<Self, TooYoung> {
        let ready = self.next.since.saturating_add(Self::PUBLISHED);
        if now < ready { Err(TooYoung { ready }) } else { Ok(self.rotated_at_once(fresh, now)) }
    }

    /// The same although the next key may not be known everywhere yet.
    pub fn rotated_at_once(&self, fresh: Secret32, now: Timestamp) -> Self {
        let until = now.saturating_add(AccessLifetime::MAX.longest());
        let mut former = vec![FormerTokenKey { key: self.current.key.public(), until }];
        former.extend(self.without_expired(now).former);
        former.truncate(TokenKeys::MAX - 2);
        let current = Held { since: now, ..self.next.clone() };
        Self { current, next: Held::new(fresh, now), former }
    }

    /// Without the former keys under which nothing is good any more at `now`.
    pub fn without_expired(&self, now: Timestamp) -> Self {
        let mut ring = self.clone();
        ring.former.retain(|former| now < former.until);
        ring
    }

    /// Without any former key: what they have signed is refused from now on.
    pub fn without_former(&self) -> Self {
        Self { former: Vec::new(), ..self.clone() }
    }

    /// As it is kept: `01 ‖ seed[32] ‖ u64 ms ‖ seed[32] ‖ u64 ms ‖ (point[32] ‖ u64 ms)*`, to be sealed.
    pub fn to_octets(&self) -> Zeroizing<Vec<u8>> {
        // Room for all of it: a vector that grows leaves what it held behind.
        let mut octets = Zeroizing::new(Vec::with_capacity(1 + 40 * (2 + self.former.len())));
        octets.push(VERSION);
        for Held { seed, since, .. } in [&self.current, &self.next] {
            octets.extend_from_slice(seed.expose());
            octets.extend_from_slice(&since.as_millis().to_be_bytes());
        }
        for FormerTokenKey { key, until } in &self.former {
            octets.extend_from_slice(key.octets());
            octets.extend_from_slice(&until.as_millis().to_be_bytes());
        }
        octets
    }

    /// Reads what [`to_octets`](Self::to_octets) wrote.
    pub fn of_octets(octets: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(octets);
        reader.u8().filter(|version| *version == VERSION)?;
        let (current, next) = (Held::read(&mut reader)?, Held::read(&mut reader)?);
        let mut former = Vec::new();
        while !reader.is_done() {
            let key = PublicTokenKey::of_octets(&reader.array()?)?;
            former.push(FormerTokenKey { key, until: Timestamp::from_millis(reader.u64()?) });
        }
        Some(Self { current, next, former })
    }
}

const VERSION: u8 = 1;

impl Held {
    fn new(seed: Secret32, since: Timestamp) -> Self {
        Self { key: TokenSigningKey::new(&seed), seed, since }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let seed = reader.array().map(Secret32::new)?;
        reader.u64().map(|since| Self::new(seed, Timestamp::from_millis(since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_763_780_000);

    fn after(secs: u64) -> Timestamp {
        START.saturating_add(Duration::from_secs(secs))
    }

    fn seed(octet: u8) -> Secret32 {
        Secret32::new([octet; 32])
    }

    fn names(ring: &TokenKeyRing) -> Vec<String> {
        ring.keys().iter().map(|key| key.id().to_string()).collect()
    }

    fn name(octet: u8) -> String {
        TokenSigningKey::new(&seed(octet)).id().to_string()
    }

    #[test]
    fn the_next_key_is_published_from_the_start_and_the_former_one_until_its_last_token_has_expired() {
        let first = TokenKeyRing::new(seed(1), seed(2), START);
        assert_eq!(names(&first), [name(1), name(2)]);
        let second = first.rotated(seed(3), after(1_000)).unwrap();
        assert_eq!((second.signing().0.id().to_string(), second.signing().1), (name(2), after(1_000)));
        assert_eq!(names(&second), [name(2), name(3), name(1)]);
        let end = after(1_000).saturating_add(AccessLifetime::MAX.longest());
        assert_eq!(second.former()[0].until, end);
        let just_before = Timestamp::from_millis(end.as_millis() - 1);
        assert_eq!(names(&second.without_expired(just_before)), [name(2), name(3), name(1)]);
        assert_eq!(names(&second.without_expired(end)), [name(2), name(3)]);
    }

    #[test]
    fn a_key_signs_when_it_was_published_for_ten_minutes_and_not_before() {
        let ring = TokenKeyRing::new(seed(1), seed(2), START);
        let ready = after(600);
        assert_eq!(
            ring.rotated(seed(3), Timestamp::from_millis(ready.as_millis() - 1)).err(),
            Some(TooYoung { ready })
        );
        assert!(ring.rotated(seed(3), ready).is_ok());
        assert_eq!(names(&ring.rotated_at_once(seed(3), START)), [name(2), name(3), name(1)]);
        assert!(
            TokenKeyRing::PUBLISHED > TokenKeyRing::MAX_AGE,
            "a set that was fetched just before is asked for again"
        );
    }

    #[test]
    fn however_often_keys_are_rotated_the_set_can_be_read() {
        let ring = (3..40)
            .fold(TokenKeyRing::new(seed(1), seed(2), START), |ring, fresh| ring.rotated_at_once(seed(fresh), START));
        assert_eq!(TokenKeys::of_jwks(ring.keys().to_jwks().as_bytes()), Ok(ring.keys()));
        assert_eq!(names(&ring)[..3], [name(38), name(39), name(37)]);
        assert_eq!(names(&ring.without_former()), [name(38), name(39)]);
    }

    #[test]
    fn what_is_kept_reads_back_and_holds_no_secret_of_a_former_key() {
        let ring = TokenKeyRing::new(seed(1), seed(2), START).rotated(seed(3), after(1_000)).unwrap();
        let octets = ring.to_octets();
        let read = TokenKeyRing::of_octets(&octets).unwrap();
        assert_eq!((read.keys(), read.former()), (ring.keys(), ring.former()));
        assert_eq!((read.signing().1, read.next().1), (after(1_000), after(1_000)));
        assert!(!octets.windows(32).any(|window| window == [1; 32]));
        for cut in 0..octets.len() {
            let is_whole = cut == 1 + 2 * 40;
            assert_eq!(TokenKeyRing::of_octets(&octets[..cut]).is_some(), is_whole, "{cut}");
        }
        let other = [&[2], &octets[1..]].concat();
        assert!(TokenKeyRing::of_octets(&other).is_none(), "another version");
    }
}
