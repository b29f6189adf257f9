//! The keys of access tokens, as the guard holds them: one record of the store, sealed like its other secrets.

use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_core::event::Event;
use countersign_core::secret::{Sealed, Secret32, Unsealable};
use countersign_core::time::Timestamp;
use countersign_core::token::{TokenKeyRing, TokenKeys, TokenSigningKey, TooYoung};
use countersign_store::port::{OWNER_OF_SERVER_SECRETS as OWNER, ServerSecrets};

use crate::secrets::SecretsError;
use crate::shared_kek::SharedKek;

/// The name of the record in the store.
const NAME: &str = "token keys";

/// What is drawn for a change: a nonce of 12 octets and a key of 32.
type Fresh = [u8; 44];

/// The keys. Whoever changes them holds [`Accounts::changing`](crate::accounts::Accounts::changing).
#[derive(Debug)]
pub struct TokenKeyring(ArcSwap<Held>);

/// The keys at one moment.
#[derive(Debug)]
pub struct Held {
    ring: TokenKeyRing,
    verifying: TokenKeys,
    jwks: String,
}

impl Held {
    fn of(ring: TokenKeyRing) -> Self {
        let verifying = ring.keys();
        Self { jwks: verifying.to_jwks(), verifying, ring }
    }

    /// All of them, with their times.
    pub const fn ring(&self) -> &TokenKeyRing {
        &self.ring
    }

    /// The one that signs.
    pub const fn signing(&self) -> &TokenSigningKey {
        self.ring.signing().0
    }

    /// Those under which tokens are good.
    pub const fn verifying(&self) -> &TokenKeys {
        &self.verifying
    }

    /// The same as a JWK set.
    pub fn jwks(&self) -> &str {
        &self.jwks
    }
}

impl TokenKeyring {
    /// The keys that the store keeps; the first time, two are made.
    pub(crate) async fn open(
        store: &dyn ServerSecrets,
        kek: &SharedKek,
        random: [Fresh; 2],
        now: Timestamp,
    ) -> Result<Self, SecretsError> {
        let kept = match store.find(NAME).await? {
            Some(kept) => kept,
            None => {
                let [current, next] = random.map(parted);
                let ring = TokenKeyRing::new(current.1, next.1, now);
                store.keep_first(NAME, &seal(kek, &ring, current.0)?).await?
            }
        };
        Ok(Self(ArcSwap::from_pointee(Held::of(unseal(kek, &kept)?.without_expired(now)))))
    }

    /// The keys as they are now.
    pub fn held(&self) -> Arc<Held> {
        self.0.load_full()
    }

    /// Puts the next key in the place of the present one and publishes another. `at_once`: although the next one may not be
    /// known everywhere yet.
    pub(crate) async fn rotate(
        &self,
        (store, kek): (&dyn ServerSecrets, &SharedKek),
        fresh: Fresh,
        at_once: bool,
        event: &Event,
    ) -> Result<Result<(), TooYoung>, SecretsError> {
        let (nonce, seed) = parted(fresh);
        let held = self.held();
        let rotated = if at_once {
            held.ring.rotated_at_once(seed, event.at)
        } else {
            match held.ring.rotated(seed, event.at) {
                Ok(rotated) => rotated,
                Err(too_young) => return Ok(Err(too_young)),
            }
        };
        store.replace(NAME, &seal(kek, &rotated, nonce)?, event).await?;
        self.hold(rotated);
        Ok(Ok(()))
    }

    /// Forgets the former keys, and says how many there were.
    pub(crate) async fn retire(
        &self,
        (store, kek): (&dyn ServerSecrets, &SharedKek),
        nonce: [u8; 12],
        event: &Event,
    ) -> Result<usize, SecretsError> {
        let held = self.held();
        let former = held.ring.former().len();
        if former > 0 {
            let retired = held.ring.without_former();
            store.replace(NAME, &seal(kek, &retired, nonce)?, event).await?;
            self.hold(retired);
        }
        Ok(former)
    }

    /// Drops the former keys under which nothing is good any more. The store keeps their public halves until the next
    /// rotation, and they are dropped again at a start.
    pub(crate) fn forget_expired(&self, now: Timestamp) {
        let held = self.held();
        if held.ring.former().iter().any(|former| now >= former.until) {
            self.hold(held.ring.without_expired(now));
        }
    }

    fn hold(&self, ring: TokenKeyRing) {
        self.0.store(Arc::new(Held::of(ring)));
    }
}

fn parted(fresh: Fresh) -> ([u8; 12], Secret32) {
    let (mut nonce, mut seed) = ([0; 12], [0; 32]);
    for (place, octet) in nonce.iter_mut().chain(&mut seed).zip(fresh) {
        *place = octet;
    }
    (nonce, Secret32::new(seed))
}

fn seal(kek: &SharedKek, ring: &TokenKeyRing, nonce: [u8; 12]) -> Result<Sealed, Unsealable> {
    kek.seal(NAME, OWNER, &ring.to_octets(), nonce)
}

fn unseal(kek: &SharedKek, sealed: &Sealed) -> Result<TokenKeyRing, SecretsError> {
    let octets = kek.open(NAME, OWNER, sealed).map_err(SecretsError::unsealing)?;
    TokenKeyRing::of_octets(&octets).ok_or_else(|| Unsealable::DoesNotOpen.into())
}

#[cfg(test)]
mod tests;
