//! Enrolments that were answered but not yet confirmed by a first signed request.
//!
//! A pending enrolment reserves nothing, neither the name nor the ticket: who confirms first has it. It lives in memory
//! only, for a minute; a restart forgets it, and the client enrols again. Plain values: no lock, no clock, no
//! randomness (hence a tree and no hash map). The server holds it behind a mutex.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use crate::account::{KeyOrigin, Role};
use crate::id::KeyId;
use crate::network::FineNetwork;
use crate::secret::{KeyPair, Root};
use crate::time::Timestamp;
use crate::username::Username;

/// How long the first signed request may take.
pub const PENDING_LIFE: Duration = Duration::from_secs(60);

/// An enrolment that waits for its first signed request.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The name of the new key.
    pub keyid: KeyId,
    /// The name that the user will have, if it is still free then.
    pub username: Username,
    /// What the user will be.
    pub role: Role,
    /// What the user calls the device.
    pub device: String,
    /// The secret that was agreed upon.
    pub root: Root,
    /// The keys that will verify the first signed request, and sign its answer.
    pub keys: KeyPair,
    /// How the key came to be; names the ticket, if there was one, or the key in whose place it shall stand.
    pub origin: KeyOrigin,
    /// Where the enrolment came from.
    pub source: IpAddr,
    /// The last moment at which it can be confirmed.
    pub expires: Timestamp,
    /// The hash of the message that it answers.
    pub message_hash: [u8; 32],
    /// The answer, for the same message again.
    pub response: Vec<u8>,
}

/// How many enrolments may be pending. What is beyond is refused; nothing is forgotten early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingLimits {
    /// Of one source: an IPv4 address, or a /64 of IPv6 addresses, which is what one customer is given.
    pub per_source: usize,
    /// In all.
    pub in_all: usize,
}

impl Default for PendingLimits {
    /// 64 of one source and 1024 in all: a class that enrols behind one address at the same time finds room, and the
    /// whole table stays below a mebibyte.
    fn default() -> Self {
        Self { per_source: 64, in_all: 1_024 }
    }
}

/// What became of an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insertion {
    /// It is pending now.
    Kept,
    /// The same message was answered already, by a racing request; this is the answer that it was given.
    Repeated(Vec<u8>),
    /// This source has as many pending as it may have.
    SourceFull,
    /// There are as many pending as there may be.
    Full,
}

/// The enrolments that wait for their first signed request.
#[derive(Debug, Default)]
pub struct PendingEnrolments {
    limits: PendingLimits,
    by_keyid: BTreeMap<KeyId, Pending>,
}

impl PendingEnrolments {
    /// None yet.
    pub const fn new(limits: PendingLimits) -> Self {
        Self { limits, by_keyid: BTreeMap::new() }
    }

    /// Keeps a pending enrolment. Of one ticket, and for the place of one key, only the newest is kept, so that whoever
    /// lost an answer can start anew; nothing else makes room for another.
    pub fn insert(&mut self, fresh: Pending, now: Timestamp) -> Insertion {
        self.expire(now);
        if let Some(answer) = self.by_message(&fresh.message_hash, now) {
            return Insertion::Repeated(answer.to_vec());
        }
        let for_one = matches!(fresh.origin, KeyOrigin::Ticket(_) | KeyOrigin::Recovery(_) | KeyOrigin::Rotation(_));
        let replaced = |held: &Pending| for_one && held.origin == fresh.origin;
        let others = || self.by_keyid.values().filter(|held| !replaced(held));
        if others().filter(|held| FineNetwork::from(held.source) == FineNetwork::from(fresh.source)).count()
            >= self.limits.per_source
        {
            return Insertion::SourceFull;
        }
        if others().count() >= self.limits.in_all {
            return Insertion::Full;
        }
        self.by_keyid.retain(|_, held| !replaced(held));
        self.by_keyid.insert(fresh.keyid.clone(), fresh);
        Insertion::Kept
    }

    /// The answer that was given to this very message.
    pub fn by_message(&self, message_hash: &[u8; 32], now: Timestamp) -> Option<&[u8]> {
        let held = self.by_keyid.values().find(|held| held.message_hash == *message_hash)?;
        (now <= held.expires).then_some(&*held.response)
    }

    /// The pending enrolment of this key, to verify a first signed request.
    pub fn by_keyid(&self, keyid: &str, now: Timestamp) -> Option<&Pending> {
        self.by_keyid.get(keyid).filter(|held| now <= held.expires)
    }

    /// Takes the pending enrolment of this key, to be confirmed: of any number of callers one gets it.
    pub fn take(&mut self, keyid: &str, now: Timestamp) -> Option<Pending> {
        self.by_keyid.remove(keyid).filter(|held| now <= held.expires)
    }

    /// Forgets what can no longer be confirmed.
    pub fn expire(&mut self, now: Timestamp) {
        self.by_keyid.retain(|_, held| now <= held.expires);
    }

    /// Forgets those that can no longer be granted, such as those of a ticket that was taken back.
    pub fn forget(&mut self, void: impl Fn(&Pending) -> bool) {
        self.by_keyid.retain(|_, held| !void(held));
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.by_keyid.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.by_keyid.is_empty()
    }
}

#[cfg(test)]
mod tests;
