//! The static X25519 keys of the server: one, or two while it is being replaced (protocol §10).
//!
//! What is handed out names the newest. The next one is announced in signed answers before it takes the place of the
//! present one; the former one goes on opening what was handed out with it until it is retired.

use std::sync::RwLock;

use countersign_core::encoding::{Reader, b64u};
use countersign_core::enrolment::public_key;
use countersign_core::event::Event;
use countersign_core::secret::{Sealed, Secret32, Unsealable};
use countersign_core::time::Timestamp;
use countersign_store::port::{OWNER_OF_SERVER_SECRETS as OWNER, ServerSecrets};
use zeroize::Zeroizing;

use crate::secrets::SecretsError;
use crate::shared_kek::SharedKek;

/// The name of the present one in the store.
pub(crate) const CURRENT: &str = "static x25519";
const NEXT: &str = "static x25519 next";
const FORMER: &str = "static x25519 former";

/// The keys, as the guard holds them.
#[derive(Debug)]
pub struct StaticKeys(RwLock<Held>);

#[derive(Clone, Debug)]
struct Held {
    current: Secret32,
    other: Other,
}

/// The key beside the current one.
#[derive(Clone, Debug)]
enum Other {
    None,
    Next(Dated),
    Former(Dated),
}

/// A key, and since when cards name the newer one of the two.
#[derive(Clone, Debug)]
struct Dated {
    secret: Secret32,
    cards_since: Timestamp,
}

/// What may be known of the keys: the public halves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeys {
    /// The one in use.
    pub current: [u8; 32],
    /// The one that will take its place.
    pub next: Option<[u8; 32]>,
    /// The one whose place it took.
    pub former: Option<[u8; 32]>,
    /// Since when cards name the newest of them; none while there is one only.
    pub cards_since: Option<Timestamp>,
}

/// Why the keys stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// There are two already: the next is announced.
    Announced,
    /// There are two already: the former is not retired.
    NotRetired,
    /// No next one is announced.
    NoNext,
    /// There is no former one.
    NoFormer,
}

impl StaticKeys {
    /// The keys that the store keeps beside the current one.
    pub(crate) async fn open(
        store: &dyn ServerSecrets,
        kek: &SharedKek,
        current: Secret32,
    ) -> Result<Self, SecretsError> {
        let next = store.find(NEXT).await?.map(|sealed| unseal(kek, NEXT, &sealed)).transpose()?;
        let former = store.find(FORMER).await?.map(|sealed| unseal(kek, FORMER, &sealed)).transpose()?;
        let other = match (next, former) {
            (Some(next), _) => Other::Next(next),
            (None, Some(former)) => Other::Former(former),
            (None, None) => Other::None,
        };
        Ok(Self(RwLock::new(Held { current, other })))
    }

    /// The keys that open what was handed out, the most likely first. None when a fault left them in doubt.
    pub fn accepted(&self) -> Option<Vec<Secret32>> {
        let held = self.0.read().ok()?;
        Some(match &held.other {
            Other::None => vec![held.current.clone()],
            Other::Next(other) | Other::Former(other) => vec![held.current.clone(), other.secret.clone()],
        })
    }

    /// The key that cards and clients are told: the newest.
    pub fn newest(&self) -> Option<[u8; 32]> {
        let held = self.0.read().ok()?;
        Some(match &held.other {
            Other::Next(next) => public_key(&next.secret),
            Other::None | Other::Former(_) => public_key(&held.current),
        })
    }

    /// The value of `Countersign-Server-Key` on every signed answer while the key is being replaced.
    pub fn announced(&self) -> Option<String> {
        let is_settled = self.0.read().ok().is_none_or(|held| matches!(held.other, Other::None));
        if is_settled { None } else { self.newest().map(|key| b64u(&key)) }
    }

    /// The public halves.
    pub fn public(&self) -> Option<PublicKeys> {
        let held = self.0.read().ok()?;
        let (mut next, mut former, mut cards_since) = (None, None, None);
        match &held.other {
            Other::None => {}
            Other::Next(key) => (next, cards_since) = (Some(public_key(&key.secret)), Some(key.cards_since)),
            Other::Former(key) => (former, cards_since) = (Some(public_key(&key.secret)), Some(key.cards_since)),
        }
        Some(PublicKeys { current: public_key(&held.current), next, former, cards_since })
    }

    /// Announces a next key.
    pub(crate) async fn announce(
        &self,
        (store, kek): (&dyn ServerSecrets, &SharedKek),
        fresh: [u8; 44],
        event: &Event,
    ) -> Result<Result<(), NotNow>, SecretsError> {
        let mut held = self.held()?;
        match held.other {
            Other::None => {}
            Other::Next(_) => return Ok(Err(NotNow::Announced)),
            Other::Former(_) => return Ok(Err(NotNow::NotRetired)),
        }
        let (nonce, secret) = fresh.split_first_chunk::<12>().ok_or(Unsealable::DoesNotOpen)?;
        let secret = Secret32::new(secret.try_into().map_err(|_| Unsealable::DoesNotOpen)?);
        let next = Dated { secret, cards_since: event.at };
        store.exchange(&[(NEXT, Some(seal(kek, NEXT, &next, *nonce)?))], event).await?;
        held.other = Other::Next(next);
        self.hold(held)
    }

    /// Puts the announced key in the place of the current one, which goes on opening what names it.
    pub(crate) async fn switch(
        &self,
        (store, kek): (&dyn ServerSecrets, &SharedKek),
        nonces: [[u8; 12]; 2],
        event: &Event,
    ) -> Result<Result<(), NotNow>, SecretsError> {
        let held = self.held()?;
        let Other::Next(next) = held.other else { return Ok(Err(NotNow::NoNext)) };
        let [one, other] = nonces;
        let former = Dated { secret: held.current, cards_since: next.cards_since };
        let current = kek.seal(CURRENT, OWNER, next.secret.expose(), one)?;
        let secrets = [(CURRENT, Some(current)), (FORMER, Some(seal(kek, FORMER, &former, other)?)), (NEXT, None)];
        store.exchange(&secrets, event).await?;
        self.hold(Held { current: next.secret, other: Other::Former(former) })
    }

    /// Forgets the former key.
    pub(crate) async fn retire(
        &self,
        store: &dyn ServerSecrets,
        event: &Event,
    ) -> Result<Result<(), NotNow>, SecretsError> {
        let held = self.held()?;
        let Other::Former(_) = held.other else { return Ok(Err(NotNow::NoFormer)) };
        store.exchange(&[(FORMER, None)], event).await?;
        self.hold(Held { current: held.current, other: Other::None })
    }

    fn held(&self) -> Result<Held, SecretsError> {
        self.0.read().map(|held| held.clone()).map_err(|_| SecretsError::InDoubt)
    }

    fn hold(&self, now: Held) -> Result<Result<(), NotNow>, SecretsError> {
        *self.0.write().map_err(|_| SecretsError::InDoubt)? = now;
        Ok(Ok(()))
    }
}

/// `secret[32] ‖ u64 ms`, sealed.
fn seal(kek: &SharedKek, name: &str, key: &Dated, nonce: [u8; 12]) -> Result<Sealed, Unsealable> {
    let mut plain = Zeroizing::new(Vec::with_capacity(40));
    plain.extend_from_slice(key.secret.expose());
    plain.extend_from_slice(&key.cards_since.as_millis().to_be_bytes());
    kek.seal(name, OWNER, &plain, nonce)
}

fn unseal(kek: &SharedKek, name: &str, sealed: &Sealed) -> Result<Dated, Unsealable> {
    let plain = kek.open(name, OWNER, sealed)?;
    let mut reader = Reader::new(&plain);
    let secret = reader.array().map(Secret32::new).ok_or(Unsealable::DoesNotOpen)?;
    let cards_since = reader.u64().map(Timestamp::from_millis).ok_or(Unsealable::DoesNotOpen)?;
    if reader.is_done() { Ok(Dated { secret, cards_since }) } else { Err(Unsealable::DoesNotOpen) }
}
