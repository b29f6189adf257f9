//! Who there is and what lets others in: all that an operator's command needs, with a server around it or without.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::account::User;
use countersign_core::encoding::unhex;
use countersign_core::enrolment::pending::{Pending, PendingEnrolments};
use countersign_core::event::Event;
use countersign_core::id::{KeyId, SessionRef, UserId};
use countersign_core::secret::{Sealed, Secret32};
use countersign_core::session::{Epoch, Scope};
use countersign_core::time::Timestamp;
use countersign_core::username::Username;
use countersign_core::verdict::{Prover, Refusal, Verdict};
use countersign_store::Stores;
use countersign_store::port::{SealedPlace, StoreError};
use countersign_store::sqlite::{self, Migrations, Sqlite};
use tokio_util::sync::CancellationToken;

use crate::config::{Checked, Config};
use crate::data::{DataDir, KekError, KekKeeper, Lock, SecretFileError, obtain_kek, read_seed_key};
use crate::edge;
use crate::keyring::{Admission, Keyring};
use crate::replay::SavedRing;
use crate::secrets::{MissingKek, Secrets, SecretsError};
use crate::service::Undecided;
use crate::service::event_log::{self, EventLogging};
use crate::service::rekey::{Rekeying, survey};
use crate::sessions::{Entry, Sessions, Standing};
use crate::shared_kek::SharedKek;
use crate::verifiers::{VerifierError, Verifiers};

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
    /// The sessions in memory.
    pub sessions: Sessions,
    /// The programs elsewhere that may ask about tokens.
    pub verifiers: Verifiers,
    /// Enrolments that wait for their first signed request.
    pub pending: Mutex<PendingEnrolments>,
    /// What is done about the event log.
    pub event_logging: EventLogging,
    /// Cancelled when nothing is to be waited for any more: the guard begins to stop, or none runs.
    pub ending: CancellationToken,
    /// Held while the store and the keyring change together, so that no older answer of the store overwrites a newer.
    pub changing: tokio::sync::Mutex<()>,
}

/// How many rows are read from the store at once.
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
    /// The secret of a verifier.
    #[error(transparent)]
    Verifier(#[from] VerifierError),
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
        let event_logging = event_logging(directory, &config);
        event_log::begin(&stores, &event_logging, edge::now().wall).await?;
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
            event_logging,
            ending: CancellationToken::new(),
            stores,
            sqlite,
            secrets,
            keyring: Keyring::default(),
            sessions: Sessions::new(config.sessions.idle),
            verifiers: Verifiers::read(&config.verifiers, &Secret32::new(edge::random()))?,
            pending: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            config,
        })
    }

    /// Loads keys and sessions from the store, and then the log of what was taken back, which outranks them. Keys are
    /// unsealed on first use. Nobody may listen before this has returned.
    pub async fn load(&self) -> Result<(), Undecided> {
        let users = self.users_by_id().await?;
        self.load_keys(&users).await?;
        self.load_sessions(&users).await?;
        self.replay_revocations().await
    }

    async fn load_keys(&self, users: &HashMap<UserId, User>) -> Result<(), Undecided> {
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

    async fn load_sessions(&self, users: &HashMap<UserId, User>) -> Result<(), Undecided> {
        self.sessions.learn_epoch(self.stores.revocations.head().await?.epoch);
        let mut after: Option<SessionRef> = None;
        loop {
            let sessions = self.stores.sessions.list(after, PAGE).await?;
            let Some(last) = sessions.last() else { return Ok(()) };
            after = Some(last.reference);
            for session in sessions {
                match users.get(&session.user) {
                    Some(user) => self.sessions.put(&session, user)?,
                    None => self.sessions.put(&session, &self.user(session.user).await?)?,
                };
            }
        }
    }

    async fn replay_revocations(&self) -> Result<(), Undecided> {
        let mut after = 0;
        loop {
            let entries = self.stores.revocations.after(after, PAGE).await?;
            let Some(last) = entries.last() else { return Ok(()) };
            after = last.sequence;
            for entry in entries {
                // Whoever lays the row of the epoch back as it was has to forge the log besides, as long as that remembers it.
                self.sessions.learn_epoch(Epoch { number: entry.epoch, since: entry.at });
                self.sessions.learn_revocation(entry.what, entry.at)?;
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

    /// Takes over what the store now says of a user and their keys.
    pub async fn reload_keys(&self, id: UserId) -> Result<(), Undecided> {
        let user = self.user(id).await?;
        self.sessions.learn_user(&user)?;
        self.sessions.log_has_grown();
        for key in self.stores.keys.of_user(id).await? {
            self.keyring.put(&user, key)?;
        }
        Ok(())
    }

    /// From now on nothing that this user signs, or any session of theirs, is accepted. Called before the store is told.
    pub fn deny_user(&self, id: UserId, now: Timestamp) -> Result<(), Undecided> {
        self.keyring.revoke_user(id)?;
        Ok(self.sessions.deny(&Scope::User(id), now)?)
    }

    /// The same for what this key signs, and for the sessions that it has opened.
    pub fn deny_key(&self, id: &KeyId, now: Timestamp) -> Result<(), Undecided> {
        self.keyring.revoke(id)?;
        Ok(self.sessions.deny(&Scope::Key(id.clone()), now)?)
    }

    /// Whether a session counts at `now`: it is over, too, when the key is that opened it.
    pub fn standing(&self, session: &Entry, now: Timestamp) -> Result<Standing, Undecided> {
        let standing = self.sessions.standing(session, now);
        let (Standing::Open, Some(key)) = (standing, session.opened_by()) else { return Ok(standing) };
        let holder = self.keyring.find(key.as_str())?;
        let signs = holder.is_some_and(|holder| holder.admission(now) == Admission::Active);
        Ok(if signs { Standing::Open } else { Standing::Ended })
    }

    /// What a request of a session gets at `now` whose proof is right: nothing if the session or the key that opened it has
    /// ended.
    pub fn verdict_on(&self, session: &Entry, now: Timestamp) -> Result<Verdict, Undecided> {
        Ok(match self.standing(session, now)? {
            Standing::Open => Verdict::Admit(session.principal()),
            Standing::Ended => Verdict::Refuse(Refusal::TokenRevoked),
            Standing::Expired => Verdict::Refuse(Refusal::TokenInvalid),
        })
    }

    /// Completes once nothing of this key or session is accepted any more: what was admitted and still goes on ends then.
    pub async fn ended(&self, prover: &Prover) {
        match prover {
            Prover::Key(key) => self.keyring.ended(key).await,
            Prover::Session(session) => {
                let Ok(Some(entry)) = self.sessions.find(*session) else { return };
                match entry.opened_by() {
                    Some(key) => tokio::select! {
                        () = self.keyring.ended(key) => {}
                        () = self.sessions.ended(*session) => {}
                    },
                    None => self.sessions.ended(*session).await,
                }
            }
        }
    }

    /// The store has sealed this anew.
    pub fn resealed(&self, place: &SealedPlace, former: &Sealed, fresh: &Sealed) -> Result<(), Undecided> {
        self.keyring.reseal(&place.id, former, fresh)?;
        let session = unhex(&place.id).and_then(|octets| octets.try_into().ok()).map(SessionRef);
        match session {
            Some(session) => Ok(self.sessions.reseal(session, former, fresh)?),
            None => Ok(()),
        }
    }

    /// Forgets the pending enrolments that can no longer be granted.
    pub fn forget_pending(&self, void: impl Fn(&Pending) -> bool) {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).forget(void);
    }

    /// The event with the user of its session or key, and the key of its session, where they are known and it names none.
    /// Where they are in doubt it stays as it is: that something happened counts for more than to whom.
    pub fn of_its_user(&self, event: Event) -> Event {
        let session = event.session.and_then(|session| self.sessions.find(session).ok()?);
        let holder = event.key.as_ref().and_then(|key| self.keyring.find(key.as_str()).ok()?);
        let of_session = session.as_ref().map(|session| session.user());
        let of_key = holder.map(|holder| holder.principal().user);
        let opened_by = session.and_then(|session| session.opened_by().cloned());
        Event { user: event.user.or(of_session).or(of_key), key: event.key.clone().or(opened_by), ..event }
    }

    /// The user of this id, whose keys or sessions the store has.
    pub(crate) async fn user(&self, id: UserId) -> Result<User, Undecided> {
        let found = self.stores.users.find(id).await?;
        found.ok_or_else(|| StoreError::Corrupt { what: "key without a user", source: id.to_string().into() }.into())
    }
}

fn event_logging(directory: &DataDir, config: &Config) -> EventLogging {
    EventLogging::new(directory.path(), config.event_heads_file.as_ref(), config.event_retention)
}
