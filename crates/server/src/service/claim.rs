//! Whose key a request says it was signed with, and the keys that go with that.

use std::sync::{Arc, PoisonError};

use countersign_core::account::Role;
use countersign_core::id::SessionRef;
use countersign_core::secret::{KeyPair, MacKey, Root};
use countersign_core::time::Timestamp;
use countersign_core::username::Username;

use super::Undecided;
use super::session_root::session_root;
use crate::app::App;
use crate::keyring::{Admission, Holder, Purpose};
use crate::sessions::{Entry, Standing};

/// What a `keyid` stands for, before anything has been proven.
#[derive(Debug)]
pub struct Claim {
    claimant: Claimant,
    keys: KeyPair,
    purpose: Purpose,
}

/// Who the request would be from.
#[derive(Debug)]
pub(super) enum Claimant {
    /// A confirmed key, revoked or not.
    Holder(Arc<Holder>),
    /// A session that signs, ended or not.
    Session(Arc<Entry>),
    /// A key of somebody of this name, which waits for its first signed request.
    Pending(Username, Role),
    /// No key of this name: the keys are a decoy's.
    Nobody,
}

impl Claim {
    /// Looks the key of a request up in memory; an unknown one gets a decoy, so that its answer looks like anybody's.
    pub fn of(app: &App, keyid: &str, now: Timestamp) -> Result<Self, Undecided> {
        Self::for_purpose(Purpose::Requests, app, keyid, now)
    }

    /// The same, with the keys for this purpose.
    pub fn for_purpose(purpose: Purpose, app: &App, keyid: &str, now: Timestamp) -> Result<Self, Undecided> {
        if let Some(session) = SessionRef::from_keyid(keyid) {
            return Self::of_session(purpose, app, session, now);
        }
        if let Some(holder) = app.accounts.keyring.find(keyid)? {
            let keys = match holder.pair(purpose, &app.accounts.secrets.kek) {
                Ok(keys) => keys.clone(),
                // A row that was tampered with counts as revoked, and its root may not open any more.
                Err(_) if holder.admission(now) == Admission::Tombstone => decoy(purpose, app, keyid),
                Err(unsealable) => return Err(unsealable.into()),
            };
            return Ok(Self { claimant: Claimant::Holder(holder), keys, purpose });
        }
        if let Some((keys, username, role)) = pending_keys(purpose, app, keyid, now) {
            return Ok(Self { claimant: Claimant::Pending(username, role), keys, purpose });
        }
        Ok(Self { claimant: Claimant::Nobody, keys: decoy(purpose, app, keyid), purpose })
    }

    /// One that has ended proves itself all the same, and is told so; one that proves itself by its token has no key.
    fn of_session(purpose: Purpose, app: &App, session: SessionRef, now: Timestamp) -> Result<Self, Undecided> {
        let nobody = || Self { claimant: Claimant::Nobody, keys: decoy(purpose, app, &session.keyid()), purpose };
        let Some(entry) = app.accounts.sessions.find(session)? else { return Ok(nobody()) };
        let keys = match entry.known_pair(purpose) {
            Some(keys) => Some(keys.clone()),
            None => match session_root(&app.accounts, &entry) {
                Ok(root) => root.and_then(|root| entry.pair(purpose, &root).cloned()),
                // As of a key: a row that was tampered with counts as ended, and its root may not open any more.
                Err(Undecided::Unsealable(_)) if app.accounts.standing(&entry, now)? == Standing::Ended => None,
                Err(error) => return Err(error),
            },
        };
        Ok(keys.map_or_else(nobody, |keys| Self { claimant: Claimant::Session(entry), keys, purpose }))
    }

    /// The name of the user whose key it would be; none when nobody has it.
    pub(super) fn username(&self) -> Option<Username> {
        match &self.claimant {
            Claimant::Holder(holder) => Some(holder.principal().username.clone()),
            Claimant::Session(session) => Some(session.username()),
            Claimant::Pending(username, _) => Some(username.clone()),
            Claimant::Nobody => None,
        }
    }

    /// Whether it would be signed by the key of a person, confirmed or not: such a key opens sessions, and signs nothing
    /// else.
    pub(super) fn only_opens_sessions(&self) -> bool {
        match &self.claimant {
            Claimant::Holder(holder) => holder.principal().role != Role::Service,
            Claimant::Pending(_, role) => *role != Role::Service,
            Claimant::Session(_) | Claimant::Nobody => false,
        }
    }

    /// The key that verifies the request.
    pub(super) fn c2s(&self) -> &MacKey {
        &self.keys.c2s
    }

    /// The key that signs the answer, whatever the answer is.
    pub fn s2c(&self) -> &MacKey {
        &self.keys.s2c
    }

    pub(super) fn claimant(&self) -> &Claimant {
        &self.claimant
    }

    /// Whether a correct MAC of this claimant counts at `now`. A revoked key's does not; that of a session does, and its
    /// answer says whether it has ended.
    pub(super) fn may_sign(&self, now: Timestamp) -> bool {
        match &self.claimant {
            Claimant::Holder(holder) => holder.admission(now) == Admission::Active,
            Claimant::Session(_) | Claimant::Pending(..) => true,
            Claimant::Nobody => false,
        }
    }

    /// Does for a key that exists the work that a decoy costs, so that a refusal takes as long for either.
    pub(super) fn spend_as_decoy(&self, app: &App, keyid: &str) {
        match self.claimant {
            Claimant::Holder(_) | Claimant::Session(_) | Claimant::Pending(..) => {
                drop(std::hint::black_box(decoy(self.purpose, app, keyid)));
            }
            Claimant::Nobody => {}
        }
    }
}

fn decoy(purpose: Purpose, app: &App, keyid: &str) -> KeyPair {
    purpose.pair_of(&Root::decoy(&app.accounts.secrets.decoy, keyid), keyid)
}

fn pending_keys(purpose: Purpose, app: &App, keyid: &str, now: Timestamp) -> Option<(KeyPair, Username, Role)> {
    let pending = app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner);
    let pending = pending.by_keyid(keyid, now)?;
    let keys = match purpose {
        Purpose::Requests => pending.keys.clone(),
        Purpose::Envelopes => purpose.pair_of(&pending.root, keyid),
    };
    Some((keys, pending.username.clone(), pending.role))
}
