use core::net::IpAddr;
use core::time::Duration;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::id::{KeyId, SessionRef, UserId};
use countersign_core::network::FineNetwork;
use countersign_core::secret::{KeyPair, Root, Sealed, Unsealable};
use countersign_core::session::{OpenedBy, Proof, Session, SessionState, TokenHash};
use countersign_core::time::Timestamp;
use countersign_core::token::OpaqueToken;
use countersign_core::username::Username;
use countersign_core::verdict::{Principal, Prover, SessionPrincipal};
use countersign_store::port::UsedToken;

use super::keys::SessionKeys;
use super::owner::Owner;
use crate::keyring::Purpose;
use crate::shared_kek::SharedKek;

/// How exactly it is known when a session was last used. More often nothing is noted.
pub(super) const USE_IS_NOTED_EVERY: Duration = Duration::from_secs(10);

/// A second before which every token is issued.
const ALL: u32 = u32::MAX;

/// The second of this time, until the year 2106.
fn second(at: Timestamp) -> u32 {
    u32::try_from(at.as_secs()).unwrap_or(ALL - 2)
}

/// A session in memory. What an end changes is changed in place, so that it counts for requests that are under way.
#[derive(Debug)]
pub struct Entry {
    reference: SessionRef,
    owner: Arc<Owner>,
    opened_by: Option<KeyId>,
    /// None for a session that proves itself by its token.
    keys: Option<Box<SessionKeys>>,
    token: Mutex<TokenHash>,
    expires: Timestamp,
    auth_time: Timestamp,
    last_used: AtomicU64,
    /// Where it was opened or last refreshed from.
    home: AtomicU64,
    /// Its number in the table, which grows with time.
    number: AtomicU64,
    generation: u32,
    epoch: u32,
    is_ended: AtomicBool,
    /// Tokens that were issued in a second before this one are nothing to tell the store of; [`ALL`] when it knows that one
    /// was used that came with the current refresh token.
    untold_since: AtomicU32,
}

/// Whether a session counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Open,
    /// Somebody has ended it, or its user's generation or the epoch has risen.
    Ended,
    /// Its time is over, or it was not used for too long.
    Expired,
}

/// Against what the standing of a session is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    /// The time.
    pub(super) now: Timestamp,
    /// The epoch.
    pub(super) epoch: u32,
    /// Sessions that came before this one are over.
    pub(super) first_alive: u64,
    /// How long a session may go unused.
    pub(super) idle: Duration,
}

impl Entry {
    pub(super) fn new(session: &Session, owner: Arc<Owner>, number: u64) -> Self {
        let (opened_by, sealed) = match &session.opened_by {
            OpenedBy::Key(key) => (Some(key.clone()), None),
            OpenedBy::Password { root } => (None, root.clone()),
        };
        let keys = match session.proof {
            Proof::Key => Some(Box::new(SessionKeys::new(sealed))),
            Proof::Bearer => None,
        };
        Self {
            reference: session.reference,
            owner,
            opened_by,
            keys,
            token: Mutex::new(session.token),
            expires: session.expires,
            auth_time: session.auth_time,
            last_used: AtomicU64::new(session.last_used.as_millis()),
            home: AtomicU64::new(network(session.address)),
            number: AtomicU64::new(number),
            generation: session.generation,
            epoch: session.epoch,
            is_ended: AtomicBool::new(session.state != SessionState::Open),
            untold_since: AtomicU32::new(0),
        }
    }

    /// Its public name.
    pub fn reference(&self) -> SessionRef {
        self.reference
    }

    pub(super) fn name(&self) -> &SessionRef {
        &self.reference
    }

    /// Whose it is.
    pub fn user(&self) -> UserId {
        self.owner.id()
    }

    /// The user's name.
    pub fn username(&self) -> Username {
        self.owner.profile().username.clone()
    }

    /// The key that opened it, if one did.
    pub fn opened_by(&self) -> Option<&KeyId> {
        self.opened_by.as_ref()
    }

    /// What its requests have to prove.
    pub fn proof(&self) -> Proof {
        if self.keys.is_some() { Proof::Key } else { Proof::Bearer }
    }

    /// The user's generation that it is of.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The epoch in which it was opened.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// When the user last proved who they are.
    pub fn auth_time(&self) -> Timestamp {
        self.auth_time
    }

    /// When it was last used, to ten seconds.
    pub fn last_used(&self) -> Timestamp {
        Timestamp::from_millis(self.last_used.load(Ordering::Relaxed))
    }

    /// When it is over, whatever happens.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The hash of the access token that was issued last.
    pub fn last_token(&self) -> TokenHash {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is the access token that was issued last, and good at `now`.
    pub fn is_good(&self, token: &OpaqueToken, now: Timestamp) -> bool {
        token.is_good(&self.token.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// Who its requests are from.
    pub fn principal(&self) -> Principal {
        let profile = self.owner.profile();
        Principal {
            user: self.owner.id(),
            username: profile.username.clone(),
            role: profile.role,
            permissions: Arc::clone(&profile.permissions),
            prover: Prover::Session(self.reference),
            session: Some(SessionPrincipal {
                reference: self.reference,
                proof: self.proof(),
                opened_by: self.opened_by.clone(),
                auth_time: self.auth_time(),
                generation: self.generation(),
            }),
        }
    }

    /// The keys of both directions for this purpose, if they were derived before.
    pub(crate) fn known_pair(&self, purpose: Purpose) -> Option<&KeyPair> {
        self.keys.as_ref()?.pair(purpose)
    }

    /// The same, derived from the session's root; none for a session that does not sign.
    pub(crate) fn pair(&self, purpose: Purpose, root: &Root) -> Option<&KeyPair> {
        Some(self.keys.as_ref()?.derive(purpose, root, self.reference))
    }

    /// The root that was sealed for it; none for a session that does not sign, or whose root is derived from a key's.
    pub(crate) fn sealed_root(&self, kek: &SharedKek) -> Result<Option<Root>, Unsealable> {
        match &self.keys {
            Some(keys) => keys.root(self.reference, &self.owner.profile().username, kek),
            None => Ok(None),
        }
    }

    pub(super) fn reseal(&self, former: &Sealed, fresh: &Sealed) {
        if let Some(keys) = &self.keys {
            keys.reseal(former, fresh);
        }
    }

    pub(super) fn standing(&self, measure: &Measure) -> Standing {
        let profile = self.owner.profile();
        let number = self.number.load(Ordering::Acquire);
        let is_ended = self.is_ended.load(Ordering::Acquire)
            || number < self.owner.first_alive()
            || number < measure.first_alive
            || self.epoch < measure.epoch
            || self.generation() < profile.generation
            || !profile.is_enabled;
        let idle_since = self.last_used().saturating_add(measure.idle);
        if is_ended {
            Standing::Ended
        } else if measure.now >= self.expires || measure.now >= idle_since {
            Standing::Expired
        } else {
            Standing::Open
        }
    }

    pub(super) fn end(&self) {
        self.is_ended.store(true, Ordering::Release);
    }

    /// Whether it was ended by name, and not only by what befell all sessions of its user or everybody's.
    pub(super) fn is_ended_by_name(&self) -> bool {
        self.is_ended.load(Ordering::Acquire)
    }

    /// It survives what ends its user's other sessions.
    pub(super) fn renumber(&self, number: u64) {
        self.number.fetch_max(number, Ordering::AcqRel);
    }

    /// Another access token was issued.
    pub(super) fn is_issued(&self, token: TokenHash) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        self.untold_since.store(0, Ordering::Release);
    }

    pub(super) fn is_at(&self, address: IpAddr) {
        self.home.store(network(address), Ordering::Relaxed);
    }

    /// Whether this address is of another network than that from which the session was opened or last refreshed.
    pub fn is_stranger(&self, address: IpAddr) -> bool {
        self.strange_network(address).is_some()
    }

    /// The network of this address, if it is another.
    pub(super) fn strange_network(&self, address: IpAddr) -> Option<u64> {
        let network = network(address);
        (network != self.home.load(Ordering::Relaxed)).then_some(network)
    }

    /// Notes a use; whether it is the first for a while, so that the store should know.
    pub(super) fn note_use(&self, now: Timestamp) -> bool {
        let before = self.last_used.load(Ordering::Relaxed);
        let is_news = now >= Timestamp::from_millis(before).saturating_add(USE_IS_NOTED_EVERY);
        // Of requests that come at the same time one is the news.
        is_news
            && self.last_used.compare_exchange(before, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Whether the store is to be told that this token is in use: it may have come with the current refresh token, and the
    /// store may not know of any that did.
    pub fn is_untold(&self, used: &UsedToken) -> bool {
        match (self.untold_since.load(Ordering::Acquire), used) {
            (ALL, _) => false,
            (since, UsedToken::Issued(at)) => second(*at) >= since,
            (_, UsedToken::Hash(_)) => true,
        }
    }

    /// What the store has said to a token in use: whether it knows now that one was used that came with the current refresh
    /// token. If not, those that are as old as this one have not come with it either. Nothing is noted when another token
    /// was issued since `last` was: that may have come with another refresh token.
    pub fn note_told(&self, last: &TokenHash, used: &UsedToken, is_known: bool) {
        let current = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if !current.matches(last) {
            return;
        }
        match used {
            _ if is_known => self.untold_since.store(ALL, Ordering::Release),
            UsedToken::Issued(at) => {
                self.untold_since.fetch_max(second(*at) + 1, Ordering::AcqRel);
            }
            UsedToken::Hash(_) => {}
        }
    }
}

/// A network as a number: the address of IPv4, the first half of one of IPv6. The two cannot meet, for no network of IPv6
/// in use begins with 32 zeros.
fn network(address: IpAddr) -> u64 {
    match FineNetwork::from(address) {
        FineNetwork::V4(address) => u64::from(address.to_bits()),
        FineNetwork::V6(network) => network,
    }
}
