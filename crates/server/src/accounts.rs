//! Who there is and what lets others in: all that an operator's command needs, with a server around it or without.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::account::User;
use countersign_core::enrolment::pending::{Pending, PendingEnrolments};
use countersign_core::id::{KeyId, UserId};
use countersign_core::secret::Secret32;
use countersign_core::username::Username;
use countersign_store::Stores;
use countersign_store::port::StoreError;
use countersign_store::sqlite::{self, Migrations, Sqlite};
use tokio_util::sync::CancellationToken;

use crate::config::{Checked, Config};
use crate::data::{DataDir, KekError, KekKeeper, Lock, SecretFileError, obtain_kek, read_seed_key};
use crate::edge;
use crate::keyring::Keyring;
use crate::replay::SavedRing;
use crate::secrets::{MissingKek, Secrets, SecretsError};
use crate::service::Undecided;
use crate::service::event_log::{self, EventLogging};
use crate::service::rekey::{Rekeying, survey};
use crate::shared_kek::SharedKek;

/// Users, keys, cards, and the secrets behind them.
#[derive(Debug)]
pub struct Accounts {
    /// What the operator configured.
    pub config: Checked<Config>,
    /// The authority on cards and in handshakes.
    pub authority: String,
    /// Who issues access tokens and for whom: the public URL.
    pub issuer: String,
    /// What is kept.
    pub stores: Stores,
    /// The database behind them.
    pub sqlite: Sqlite,
    /// The server's own secrets.
    pub secrets: Secrets,
    /// Where the key-encryption keys are kept.
    pub kek_keeper: Arc<KekKeeper>,
    /// Who exchanges the key-encryption key.
    pub rekeying: Rekeying,
    /// What a clean stop leaves.
    pub saved_ring: SavedRing,
    /// The signing keys in memory.
    pub keyring: Keyring,
    /// Enrolments that wait for their first signed request.
    pub pending: Mutex<PendingEnrolments>,
    /// What is done about the event log.
    pub event_logging: EventLogging,
    /// Cancelled when nothing is to be waited for any more: the guard begins to stop, or none runs.
    pub ending: CancellationToken,
    /// Held while the store and the keyring change together, so that no older answer of the store overwrites a newer.
    pub changing: tokio::sync::Mutex<()>,
}

/// How many keys are read from the store at once.
const PAGE: u32 = 1_000;

/// Why the accounts cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key-encryption key.
    #[error(transparent)]
    Kek(#[from] KekError),
    /// The shared key of the seed mode.
    #[error("seed_shared_key: {0}")]
    SeedKey(#[from] SecretFileError),
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlite::OpenError),
    /// The server's own secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The key-encryption key has been exchanged since, or its file cut short.
    #[error(transparent)]
    NoKey(#[from] MissingKek),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data directory.
    #[error("cannot use the data directory")]
    Directory(#[from] io::Error),
}

impl Accounts {
    /// Opens what the data directory holds; the first time, makes it. The lock shows that nobody else has it open.
    pub async fn open(config: Checked<Config>, directory: &DataDir, lock: &Lock) -> Result<Self, OpenError> {
        let fresh = Secret32::new(edge::random());
        let (keys, _) = obtain_kek(directory, lock, &config.kek, &fresh)?;
        let kek = SharedKek::new(keys.clone());
        let seed = config.seed_mode.as_ref().map(read_seed_key).transpose()?;
        let sqlite = Sqlite::open(&directory.database(), Migrations::Run).await?;
        let secrets =
            Secrets::open(&*sqlite.server_secrets(), kek.clone(), seed, edge::random, edge::now().wall).await?;
        let stores = sqlite.with_row_key(secrets.row.clone(), Arc::new(|| edge::now().wall));
        event_log::begin(&stores, edge::now().wall).await?;
        let others = survey(&*stores.sealings, keys.current()).await?;
        if let Some(version) = others.versions.into_keys().find(|version| !keys.has(*version)) {
            return Err(MissingKek(version).into());
        }
        Ok(Self {
            kek_keeper: Arc::new(KekKeeper::new(directory, lock, &config.kek)?),
            rekeying: Rekeying::found(&keys),
            saved_ring: SavedRing::new(directory.path().to_owned(), kek),
            issuer: config.names.public_url().to_string(),
            authority: config.names.public_url().authority().to_string(),
            event_logging: event_logging(directory, &config),
            ending: CancellationToken::new(),
            config,
            stores,
            sqlite,
            secrets,
            keyring: Keyring::default(),
            pending: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        })
    }

    /// Loads the keyring from the store. Keys are unsealed on first use.
    pub async fn load_keyring(&self) -> Result<(), Undecided> {
        let users = self.users_by_id().await?;
        let mut after: Option<KeyId> = None;
        loop {
            let keys = self.stores.keys.list(after.as_ref(), PAGE).await?;
            let Some(last) = keys.last() else { return Ok(()) };
            after = Some(last.id.clone());
            for key in keys {
                match users.get(&key.user) {
                    Some(user) => self.keyring.put(user, key)?,
                    None => self.keyring.put(&self.user(key.user).await?, key)?,
                }
            }
        }
    }

    /// The users who are not deleted, in a few large reads instead of one for each key.
    async fn users_by_id(&self) -> Result<HashMap<UserId, User>, Undecided> {
        let mut users = HashMap::new();
        let mut after: Option<Username> = None;
        loop {
            let page = self.stores.users.list(after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(users) };
            after = Some(last.username.clone());
            users.extend(page.into_iter().map(|user| (user.id, user)));
        }
    }

    /// Takes over what the store now says of a user's keys.
    pub async fn reload_keys(&self, id: UserId) -> Result<(), Undecided> {
        let user = self.user(id).await?;
        for key in self.stores.keys.of_user(id).await? {
            self.keyring.put(&user, key)?;
        }
        Ok(())
    }

    /// Forgets the pending enrolments that can no longer be granted.
    pub fn forget_pending(&self, void: impl Fn(&Pending) -> bool) {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).forget(void);
    }

    async fn user(&self, id: UserId) -> Result<User, Undecided> {
        let found = self.stores.users.find(id).await?;
        found.ok_or_else(|| StoreError::Corrupt { what: "key without a user", source: id.to_string().into() }.into())
    }
}

fn event_logging(directory: &DataDir, config: &Config) -> EventLogging {
    EventLogging::new(directory.path(), config.event_heads_file.as_ref(), config.event_retention)
}
