//! The signing keys in memory: who may sign, and under which keys their answers go out.

mod endings;
mod holders;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use countersign_core::account::{KeyRecord, KeyState, User, UserState};
use countersign_core::id::{KeyId, UserId};
use countersign_core::secret::{KeyPair, Root, Sealed, Unsealable};
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Principal, Prover, Refusal, Verdict};
use tokio::sync::watch;

use self::endings::Endings;
use self::holders::Holders;
use crate::shared_kek::SharedKek;

/// All confirmed keys by their id. Look-ups take no lock longer than a hash map needs and never touch the store.
#[derive(Debug, Default)]
pub struct Keyring {
    holders: RwLock<Holders>,
    endings: Endings,
    changes: watch::Sender<()>,
}

/// The table cannot be trusted: a thread died while it was changing it. The guard then refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the table of keys is in doubt after a fault")]
pub struct InDoubt;

/// A key and whose it is. What every request needs comes first and lies side by side; what few need lies elsewhere, so that
/// a request brings little cold memory in.
#[derive(Debug)]
#[repr(C)]
pub struct Holder {
    keys: OnceLock<KeyPair>,
    admission: Admission,
    in_use: AtomicBool,
    principal: Principal,
    record: Box<KeyRecord>,
    envelope_keys: OnceLock<Box<KeyPair>>,
}

/// What a pair of keys is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Requests and answers of HTTP (protocol §4, §5).
    Requests,
    /// Envelopes (protocol §8).
    Envelopes,
}

impl Purpose {
    /// The pair of this root.
    pub fn pair_of(self, root: &Root, keyid: &str) -> KeyPair {
        match self {
            Self::Requests => root.key_pair(keyid),
            Self::Envelopes => root.envelope_pair(keyid),
        }
    }
}

/// Whether a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Active,
    /// It was revoked, or its user disabled or deleted. Its answers are still signed with it.
    Tombstone,
}

impl Keyring {
    /// Adds a key, or replaces what was known of it.
    pub fn put(&self, user: &User, record: KeyRecord) -> Result<(), InDoubt> {
        let holder = Holder::new(user, record);
        self.endings.note(&holder.record)?;
        self.holders.write().map_err(|_| InDoubt)?.put(Arc::new(holder));
        self.changes.send_replace(());
        Ok(())
    }

    /// The holder of this key.
    pub fn find(&self, keyid: &str) -> Result<Option<Arc<Holder>>, InDoubt> {
        Ok(self.holders.read().map_err(|_| InDoubt)?.find(keyid).cloned())
    }

    /// From now on nothing that this key signs is accepted. Called before the store is told, so that no request slips
    /// through between the two.
    pub fn revoke(&self, keyid: &KeyId) -> Result<(), InDoubt> {
        self.entomb(|holder| holder.record.id == *keyid)
    }

    /// The same for all keys of a user.
    pub fn revoke_user(&self, user: UserId) -> Result<(), InDoubt> {
        self.entomb(|holder| holder.principal.user == user)
    }

    /// Takes out the keys whose end was before `now`, each once: somebody has to revoke them.
    pub fn take_ended(&self, now: Timestamp) -> Result<Vec<KeyId>, InDoubt> {
        let holders = self.holders.read().map_err(|_| InDoubt)?;
        let ended = self.endings.take(now)?.into_iter();
        Ok(ended.filter(|id| holders.find(id.as_str()).is_some_and(|holder| holder.has_ended(now))).collect())
    }

    /// Lets [`take_ended`](Self::take_ended) find this key again: it was not revoked after all.
    pub fn put_back(&self, keyid: &KeyId) -> Result<(), InDoubt> {
        match self.find(keyid.as_str())? {
            Some(holder) => self.endings.note(&holder.record),
            None => Ok(()),
        }
    }

    /// Completes once nothing that this key signs is accepted any more: what was admitted and still goes on ends then.
    pub async fn ended(&self, keyid: &KeyId) {
        let mut changes = self.changes.subscribe();
        while let Ok(Some(holder)) = self.find(keyid.as_str()) {
            if holder.admission == Admission::Tombstone || changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// From now on the root of this key is sealed as `fresh`, if it was sealed as `former` until now.
    pub fn reseal(&self, keyid: &str, former: &Sealed, fresh: &Sealed) -> Result<(), InDoubt> {
        let mut holders = self.holders.write().map_err(|_| InDoubt)?;
        let resealed = holders.find(keyid).filter(|holder| holder.record.root == *former);
        if let Some(resealed) = resealed.map(|holder| holder.resealed(fresh)) {
            holders.put(Arc::new(resealed));
        }
        Ok(())
    }

    /// How many keys are so.
    pub fn count(&self, so: impl Fn(&KeyRecord) -> bool) -> Result<u64, InDoubt> {
        Ok(self.holders.read().map_err(|_| InDoubt)?.iter().filter(|holder| so(&holder.record)).count() as u64)
    }

    fn entomb(&self, concerned: impl Fn(&Holder) -> bool) -> Result<(), InDoubt> {
        let mut holders = self.holders.write().map_err(|_| InDoubt)?;
        for holder in holders.iter_mut().filter(|holder| concerned(holder)) {
            *holder = Arc::new(holder.entombed());
        }
        drop(holders);
        self.changes.send_replace(());
        Ok(())
    }
}

impl Holder {
    fn new(user: &User, record: KeyRecord) -> Self {
        let admission = match (user.state, record.state) {
            (UserState::Enabled, KeyState::Active | KeyState::Ending { .. }) => Admission::Active,
            (UserState::Enabled, KeyState::Revoked { .. }) | (UserState::Disabled | UserState::Deleted, _) => {
                Admission::Tombstone
            }
        };
        let principal = principal(user, &record.id);
        let (keys, envelope_keys, in_use) = (OnceLock::new(), OnceLock::new(), AtomicBool::new(false));
        Self { keys, admission, in_use, principal, record: Box::new(record), envelope_keys }
    }

    fn entombed(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            admission: Admission::Tombstone,
            in_use: AtomicBool::new(false),
            principal: self.principal.clone(),
            record: self.record.clone(),
            envelope_keys: self.envelope_keys.clone(),
        }
    }

    fn resealed(&self, root: &Sealed) -> Self {
        Self {
            keys: self.keys.clone(),
            admission: self.admission,
            in_use: AtomicBool::new(self.in_use.load(Ordering::Relaxed)),
            principal: self.principal.clone(),
            record: Box::new(KeyRecord { root: root.clone(), ..KeyRecord::clone(&self.record) }),
            envelope_keys: self.envelope_keys.clone(),
        }
    }

    /// Whose key it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The key as it is kept.
    pub fn record(&self) -> &KeyRecord {
        &self.record
    }

    /// What a request gets at `now` whose MAC is right.
    pub fn verdict(&self, now: Timestamp) -> Verdict {
        match self.admission(now) {
            Admission::Active => Verdict::Admit(self.principal.clone()),
            Admission::Tombstone => Verdict::Refuse(Refusal::RevokedKey),
        }
    }

    /// Whether it may sign at `now`. Its end counts from the moment at which it comes, whoever is late to note it.
    pub fn admission(&self, now: Timestamp) -> Admission {
        if self.has_ended(now) { Admission::Tombstone } else { self.admission }
    }

    fn has_ended(&self, now: Timestamp) -> bool {
        matches!(self.record.state, KeyState::Ending { .. }) && !self.record.state.may_sign(now)
    }

    /// The key that ends sooner because this one is in use; none once that has been [noted](Self::note_use).
    pub fn unnoted_predecessor(&self) -> Option<&KeyId> {
        self.record.origin.predecessor().filter(|_| !self.in_use.load(Ordering::Relaxed))
    }

    /// The predecessor knows that this key is in use.
    pub fn note_use(&self) {
        self.in_use.store(true, Ordering::Relaxed);
    }

    /// The keys of both directions, unsealed and derived on first use.
    pub fn keys(&self, kek: &SharedKek) -> Result<&KeyPair, Unsealable> {
        self.pair(Purpose::Requests, kek)
    }

    /// The keys of both directions for this purpose, unsealed and derived on first use.
    pub fn pair(&self, purpose: Purpose, kek: &SharedKek) -> Result<&KeyPair, Unsealable> {
        let derived = match purpose {
            Purpose::Requests => self.keys.get(),
            Purpose::Envelopes => self.envelope_keys.get().map(Box::as_ref),
        };
        if let Some(keys) = derived {
            return Ok(keys);
        }
        let derive = |root: &Root| purpose.pair_of(root, self.record.id.as_str());
        let root = self.root(kek)?;
        Ok(match purpose {
            Purpose::Requests => self.keys.get_or_init(|| derive(&root)),
            Purpose::Envelopes => self.envelope_keys.get_or_init(|| Box::new(derive(&root))),
        })
    }

    /// The root of the key, unsealed anew: for derivations that are rare.
    pub fn root(&self, kek: &SharedKek) -> Result<Root, Unsealable> {
        kek.open32(self.record.id.as_str(), self.principal.username.as_str(), &self.record.root).map(Root::new)
    }
}

/// Who signs with this key of this user.
pub(crate) fn principal(user: &User, key: &KeyId) -> Principal {
    Principal {
        user: user.id,
        username: user.username.clone(),
        role: user.role,
        permissions: Arc::new(user.permissions.clone()),
        prover: Prover::Key(key.clone()),
        session: None,
    }
}
