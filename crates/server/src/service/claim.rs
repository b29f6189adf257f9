//! Whose key a request says it was signed with, and the keys that go with that.

use std::sync::{Arc, PoisonError};

use countersign_core::secret::{KeyPair, MacKey, Root};
use countersign_core::time::Timestamp;
use countersign_core::username::Username;

use super::Undecided;
use crate::app::App;
use crate::keyring::{Admission, Holder, Purpose};

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
    /// A key of somebody of this name, which waits for its first signed request.
    Pending(Username),
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
        if let Some(holder) = app.accounts.keyring.find(keyid)? {
            let keys = match holder.pair(purpose, &app.accounts.secrets.kek) {
                Ok(keys) => keys.clone(),
                // A row that was tampered with counts as revoked, and its root may not open any more.
                Err(_) if holder.admission() == Admission::Tombstone => decoy(purpose, app, keyid),
                Err(unsealable) => return Err(unsealable.into()),
            };
            return Ok(Self { claimant: Claimant::Holder(holder), keys, purpose });
        }
        if let Some((keys, username)) = pending_keys(purpose, app, keyid, now) {
            return Ok(Self { claimant: Claimant::Pending(username), keys, purpose });
        }
        Ok(Self { claimant: Claimant::Nobody, keys: decoy(purpose, app, keyid), purpose })
    }

    /// The name of the user whose key it would be; empty when nobody has it, and no user has that name.
    pub(super) fn username(&self) -> &str {
        match &self.claimant {
            Claimant::Holder(holder) => holder.principal().username.as_str(),
            Claimant::Pending(username) => username.as_str(),
            Claimant::Nobody => "",
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

    /// Whether a correct MAC of this claimant counts. A revoked key's does not.
    pub(super) fn may_sign(&self) -> bool {
        match &self.claimant {
            Claimant::Holder(holder) => holder.admission() == Admission::Active,
            Claimant::Pending(_) => true,
            Claimant::Nobody => false,
        }
    }

    /// Does for a key that exists the work that a decoy costs, so that a refusal takes as long for either.
    pub(super) fn spend_as_decoy(&self, app: &App, keyid: &str) {
        match self.claimant {
            Claimant::Holder(_) | Claimant::Pending(_) => drop(std::hint::black_box(decoy(self.purpose, app, keyid))),
            Claimant::Nobody => {}
        }
    }
}

fn decoy(purpose: Purpose, app: &App, keyid: &str) -> KeyPair {
    purpose.pair_of(&Root::decoy(&app.accounts.secrets.decoy, keyid), keyid)
}

fn pending_keys(purpose: Purpose, app: &App, keyid: &str, now: Timestamp) -> Option<(KeyPair, Username)> {
    let pending = app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner);
    let pending = pending.by_keyid(keyid, now)?;
    let keys = match purpose {
        Purpose::Requests => pending.keys.clone(),
        Purpose::Envelopes => purpose.pair_of(&pending.root, keyid),
    };
    Some((keys, pending.username.clone()))
}
