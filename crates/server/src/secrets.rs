//! The server's own secrets, opened: random records that the store keeps sealed.

use countersign_core::event::Event;
use countersign_core::idempotency::OutcomeNames;
use countersign_core::secret::{KeyEncryptionKey, MacKey, Root, RowKey, Sealed, Secret32, Unsealable};
use countersign_core::time::Timestamp;
use countersign_store::port::{OWNER_OF_SERVER_SECRETS as OWNER, ServerSecrets, StoreError};
use std::sync::RwLock;

use crate::shared_kek::SharedKek;
use crate::static_keys::{self, StaticKeys};
use crate::token_keys::TokenKeyring;

/// Why the server's secrets cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key-encryption key is not the one that sealed them.
    #[error(
        "the data directory was sealed under another key-encryption key; put the right one back (file `kek` in the data \
         directory, or kek_file, or COUNTERSIGN_KEK)"
    )]
    Sealed(#[from] Unsealable),
    /// The key-encryption key has been exchanged since, or the database is an older copy.
    #[error("{0}")]
    NoKey(MissingKek),
    /// A thread died while it was changing them.
    #[error("the server's secrets are in doubt after a fault; restart the server")]
    InDoubt,
}

impl SecretsError {
    /// What it means that one of them does not open.
    pub(crate) fn unsealing(unsealable: Unsealable) -> Self {
        match unsealable {
            Unsealable::NoKey { version } => Self::NoKey(MissingKek(version)),
            Unsealable::DoesNotOpen => unsealable.into(),
        }
    }
}

/// A version of the key-encryption key that the database needs and that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the database holds secrets that are sealed under version {0} of the key-encryption key, which is not among those \
     that the guard was given; add it as a line `{0}:` and its 64 hex digits to where the others are (file `kek` in the \
     data directory, or kek_file, or COUNTERSIGN_KEK)"
)]
pub struct MissingKek(pub u32);

/// Every secret that is the server's own.
#[derive(Debug)]
pub struct Secrets {
    /// Seals everything at rest.
    pub kek: SharedKek,
    /// The static X25519 keys of handshakes.
    pub static_keys: StaticKeys,
    /// The keys of access tokens.
    pub token_keys: TokenKeyring,
    /// Derives the psk of tickets (K_ticket).
    pub ticket: MacKey,
    /// Derives the roots of keys that do not exist.
    pub decoy: MacKey,
    /// Keys the fingerprints of the replay guard.
    pub fingerprint: Secret32,
    /// Keys the row MACs of the store.
    pub row: RowKey,
    /// Names and seals the outcomes of requests with idempotency keys.
    pub outcomes: OutcomeSecrets,
    /// The shared key of the seed mode, when that is on.
    pub seed: Option<Secret32>,
    group: RwLock<Group>,
}

/// What outcomes are named and sealed by. It is a secret of its own and not the key-encryption key, so that a rotation of
/// that one need not seal every outcome anew.
#[derive(Clone, Debug)]
pub struct OutcomeSecrets {
    /// Names keys and requests.
    pub names: OutcomeNames,
    /// Seals answers.
    pub seal: KeyEncryptionKey,
}

impl OutcomeSecrets {
    fn of(secret: Secret32) -> Self {
        let root = Root::new(secret);
        Self {
            names: OutcomeNames::new(&root.derive("outcome names", &[])),
            seal: KeyEncryptionKey::new(1, root.derive("outcome seal", &[])),
        }
    }
}

/// The shared key of the group, and how often it was rotated since the start.
#[derive(Clone, Debug)]
pub struct Group {
    /// As it stands on group cards.
    pub psk: Secret32,
    /// Tells what was begun with an earlier key from what was begun with this one.
    pub rotation: u64,
}

const GROUP: &str = "group psk";

impl Secrets {
    /// Opens the secrets, making those that do not exist yet.
    pub async fn open(
        store: &dyn ServerSecrets,
        kek: SharedKek,
        seed: Option<Secret32>,
        random: impl Fn() -> [u8; 44] + Send + Sync,
        now: Timestamp,
    ) -> Result<Self, SecretsError> {
        let keep = Keep { store, kek: &kek, random: &random };
        let current = keep.first(static_keys::CURRENT).await?;
        let static_keys = StaticKeys::open(store, &kek, current).await?;
        let token_keys = TokenKeyring::open(store, &kek, [random(), random()], now).await?;
        let ticket = MacKey::new(&keep.first("ticket").await?);
        let decoy = MacKey::new(&keep.first("decoy").await?);
        let fingerprint = keep.first("replay fingerprint").await?;
        let row = RowKey::new(&keep.first("row mac").await?);
        let outcomes = OutcomeSecrets::of(keep.first("outcomes").await?);
        let group = RwLock::new(Group { psk: keep.first(GROUP).await?, rotation: 0 });
        Ok(Self { kek, static_keys, token_keys, ticket, decoy, fingerprint, row, outcomes, seed, group })
    }

    /// The shared key of the group, as it stands on group cards now. None when a fault left it in doubt.
    pub fn group(&self) -> Option<Group> {
        self.group.read().ok().map(|group| group.clone())
    }

    /// Replaces the shared key of the group; cards that carry the old one enrol nobody any more.
    pub async fn rotate_group(
        &self,
        store: &dyn ServerSecrets,
        fresh: [u8; 44],
        event: &Event,
    ) -> Result<(), SecretsError> {
        let (secret, sealed) = seal_fresh(&self.kek, GROUP, fresh)?;
        store.replace(GROUP, &sealed, event).await?;
        if let Ok(mut group) = self.group.write() {
            *group = Group { psk: secret, rotation: group.rotation + 1 };
        }
        Ok(())
    }
}

struct Keep<'a, R> {
    store: &'a dyn ServerSecrets,
    kek: &'a SharedKek,
    random: &'a R,
}

impl<R: Fn() -> [u8; 44]> Keep<'_, R> {
    async fn first(&self, name: &str) -> Result<Secret32, SecretsError> {
        let kept = match self.store.find(name).await? {
            Some(kept) => kept,
            None => {
                let (_, sealed) = seal_fresh(self.kek, name, (self.random)())?;
                self.store.keep_first(name, &sealed).await?
            }
        };
        self.kek.open32(name, OWNER, &kept).map_err(SecretsError::unsealing)
    }
}

/// A secret of 32 octets and a nonce of 12, from 44 random octets.
fn seal_fresh(kek: &SharedKek, name: &str, random: [u8; 44]) -> Result<(Secret32, Sealed), Unsealable> {
    let (nonce, secret) = random.split_first_chunk::<12>().ok_or(Unsealable::DoesNotOpen)?;
    let secret = Secret32::new(secret.try_into().map_err(|_| Unsealable::DoesNotOpen)?);
    let sealed = kek.seal(name, OWNER, secret.expose(), *nonce)?;
    Ok((secret, sealed))
}
