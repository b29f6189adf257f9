//! The sessions in memory: whether each is open, and under which keys its answers go out.
//!
//! All sessions that there are stand in the table, ended ones too for as long as a token of theirs could be shown. What
//! ends sessions ends them here first and then in the store, so that nothing slips through between the two. Numbers that
//! only grow stand for whole sets of sessions: everything of a user, or of everybody, ends by one store to memory.

mod entry;
mod keys;
mod owner;
mod shards;
mod strangers;

#[cfg(test)]
mod tests;

use core::net::IpAddr;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use countersign_core::account::User;
use countersign_core::id::SessionRef;
use countersign_core::secret::Sealed;
use countersign_core::session::{Epoch, MAX_USER_AGENT, Proof, Revoked, Scope, Session, SessionState, TokenHash, cut};
use countersign_core::time::Timestamp;
use countersign_store::port::Touched;
use tokio::sync::watch;

use self::entry::Measure;
pub use self::entry::{Entry, Standing};
use self::owner::{Owner, Owners};
use self::shards::{SHARDS, Shards};
use self::strangers::Strangers;

/// All sessions by their references. Look-ups take no lock longer than a hash table needs and never touch the store.
#[derive(Debug)]
pub struct Sessions {
    shards: Shards,
    owners: Owners,
    /// Which were ended, and when. They may not have come in yet: what the store said of them is older then.
    ended: Mutex<HashMap<SessionRef, Timestamp>>,
    strangers: Strangers,
    /// Uses of which the store is to be told.
    uses: Mutex<HashMap<SessionRef, Touched>>,
    idle: Duration,
    /// The latest time by which requests were judged: no session comes back because a clock was set back.
    now: AtomicU64,
    epoch: AtomicU32,
    next_number: AtomicU64,
    first_alive: AtomicU64,
    next_swept: AtomicU64,
    changes: watch::Sender<()>,
    log: watch::Sender<u64>,
}

/// The place of a session that is about to be opened.
#[derive(Debug)]
pub struct Expected {
    owner: Arc<Owner>,
    number: u64,
}

/// The table cannot be trusted: a thread died while it was changing it. The guard then refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the table of sessions is in doubt after a fault")]
pub struct InDoubt;

impl Sessions {
    /// An empty table, of sessions that expire when they go unused for `idle`.
    pub fn new(idle: Duration) -> Self {
        Self {
            shards: Shards::default(),
            owners: Owners::default(),
            ended: Mutex::default(),
            strangers: Strangers::default(),
            uses: Mutex::default(),
            idle,
            now: AtomicU64::new(0),
            epoch: AtomicU32::new(0),
            next_number: AtomicU64::new(1),
            first_alive: AtomicU64::new(0),
            next_swept: AtomicU64::new(0),
            changes: watch::Sender::default(),
            log: watch::Sender::default(),
        }
    }

    /// Makes a place for a session of this user that is about to be opened, before the store is asked. What ends the user's
    /// sessions from here on ends that one, too, although it is not in the table yet.
    pub fn expect(&self, user: &User) -> Result<Expected, InDoubt> {
        let owner = self.owners.learn(user)?;
        Ok(Expected { owner, number: self.next_number() })
    }

    /// Adds a session, or replaces what was known of it. One that somebody has ended since it was read comes in as ended.
    pub fn put(&self, session: &Session, user: &User) -> Result<Arc<Entry>, InDoubt> {
        self.put_in(session, self.expect(user)?)
    }

    /// Adds a session in the place that was made for it.
    pub fn put_in(&self, session: &Session, Expected { owner, number }: Expected) -> Result<Arc<Entry>, InDoubt> {
        let entry = Entry::new(session, owner, number);
        // Read anew, one that was ended here stays so, whatever the store came to know of it.
        if let Some(known) = self.find(session.reference)?
            && self.standing(&known, Timestamp::default()) == Standing::Ended
        {
            entry.end();
        }
        let entry = self.shards.put(entry)?;
        // From its end on, whenever it was read, it is remembered.
        if let SessionState::Ended { at, .. } = session.state {
            self.ended.lock().map_err(|_| InDoubt)?.entry(session.reference).or_insert(at);
        }
        // Whoever ends it from here on finds it; whoever did before has left word.
        if self.ended.lock().map_err(|_| InDoubt)?.contains_key(&session.reference) {
            entry.end();
        }
        Ok(entry)
    }

    /// The session of this name.
    pub fn find(&self, session: SessionRef) -> Result<Option<Arc<Entry>>, InDoubt> {
        self.shards.find(session)
    }

    /// Requests are judged at `now`: whatever is over by then stays so, although a clock be set back. It must be a time of the
    /// accept clock, for no session comes back from one that has jumped.
    pub fn advance(&self, now: Timestamp) {
        self.now.fetch_max(now.as_millis(), Ordering::Relaxed);
    }

    /// Whether a session counts at `now`, or at the latest time by which requests were judged, if that is later.
    pub fn standing(&self, entry: &Entry, now: Timestamp) -> Standing {
        entry.standing(&Measure {
            now: self.latest(now),
            epoch: self.epoch(),
            first_alive: self.first_alive.load(Ordering::Acquire),
            idle: self.idle,
        })
    }

    /// The current epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::Acquire)
    }

    /// From now on nothing of these sessions is accepted. Called before the store is told.
    pub fn deny(&self, scope: &Scope, now: Timestamp) -> Result<(), InDoubt> {
        match scope {
            Scope::Session(session) => self.end(*session, now)?,
            Scope::User(user) => self.owners.end_before(*user, self.next_number())?,
            Scope::Others { user, keep } => {
                let number = self.next_number();
                if let Some(kept) = self.find(*keep)?.filter(|entry| entry.user() == *user)
                    && self.standing(&kept, Timestamp::default()) != Standing::Ended
                {
                    kept.renumber(number);
                }
                self.owners.end_before(*user, number)?;
            }
            Scope::Key(key) => {
                for part in 0..SHARDS {
                    for entry in self.shards.which(part, |entry| entry.opened_by() == Some(key))? {
                        self.end(entry.reference(), now)?;
                    }
                }
            }
        }
        self.changes.send_replace(());
        Ok(())
    }

    /// The same for all sessions there are.
    pub fn deny_everybody(&self) {
        self.first_alive.fetch_max(self.next_number.load(Ordering::Acquire), Ordering::AcqRel);
        self.changes.send_replace(());
    }

    /// Takes over what the store says of a user. Sessions of an earlier generation are over, and all of one who is not
    /// enabled; those too that are being opened and come in later.
    pub fn learn_user(&self, user: &User) -> Result<(), InDoubt> {
        self.owners.learn(user)?;
        self.changes.send_replace(());
        Ok(())
    }

    /// Takes over the epoch. Sessions of an earlier one are over.
    pub fn learn_epoch(&self, epoch: Epoch) {
        self.epoch.fetch_max(epoch.number, Ordering::AcqRel);
        self.changes.send_replace(());
    }

    /// Takes over an entry of the log, which outranks what stands in rows.
    pub fn learn_revocation(&self, what: Revoked, now: Timestamp) -> Result<(), InDoubt> {
        match what {
            Revoked::Session(session) => self.end(session, now)?,
            Revoked::User { id, generation } => self.owners.is_of_generation(id, generation)?,
            Revoked::Everybody => {}
        }
        Ok(())
    }

    /// Another access token was issued to a session, by which it is at home where that was asked for.
    pub fn refreshed(&self, session: SessionRef, token: TokenHash, from: IpAddr) -> Result<(), InDoubt> {
        if let Some(entry) = self.find(session)? {
            entry.is_issued(token);
            entry.is_at(from);
            self.strangers.forget(session)?;
        }
        Ok(())
    }

    /// Notes a use of a session: at once in memory, and for the store, which is told of many at a time.
    pub fn note_use(&self, entry: &Entry, address: IpAddr, user_agent: Option<&str>) -> Result<(), InDoubt> {
        let now = self.latest(Timestamp::default());
        if entry.note_use(now) {
            let touched = Touched {
                session: entry.reference(),
                generation: entry.generation(),
                last_used: now,
                address,
                user_agent: user_agent.map(|text| cut(text, MAX_USER_AGENT)),
            };
            self.uses.lock().map_err(|_| InDoubt)?.insert(touched.session, touched);
        }
        Ok(())
    }

    /// Takes out the uses of which the store has not been told yet.
    pub fn take_uses(&self) -> Result<Vec<Touched>, InDoubt> {
        Ok(std::mem::take(&mut *self.uses.lock().map_err(|_| InDoubt)?).into_values().collect())
    }

    /// The store could not be told of these. Later uses of the same sessions count instead.
    pub fn put_uses_back(&self, untold: Vec<Touched>) -> Result<(), InDoubt> {
        let mut uses = self.uses.lock().map_err(|_| InDoubt)?;
        for touched in untold {
            uses.entry(touched.session).or_insert(touched);
        }
        Ok(())
    }

    /// Notes the network of this address if the session was not used from there before; whether it was not.
    pub fn note_stranger(&self, entry: &Entry, from: IpAddr) -> Result<bool, InDoubt> {
        match entry.strange_network(from) {
            Some(network) => self.strangers.note(entry.reference(), network),
            None => Ok(false),
        }
    }

    /// It was noted, and nobody could be told: the next one is news again.
    pub fn forget_strangers(&self, entry: &Entry) -> Result<(), InDoubt> {
        self.strangers.forget(entry.reference())
    }

    /// From now on the root of this session is sealed as `fresh`, if it was sealed as `former` until now.
    pub fn reseal(&self, session: SessionRef, former: &Sealed, fresh: &Sealed) -> Result<(), InDoubt> {
        if let Some(entry) = self.find(session)? {
            entry.reseal(former, fresh);
        }
        Ok(())
    }

    /// Completes once nothing of this session is accepted any more: what was admitted and still goes on ends then.
    pub async fn ended(&self, session: SessionRef) {
        let mut changes = self.changes.subscribe();
        while let Ok(Some(entry)) = self.find(session) {
            if self.standing(&entry, Timestamp::default()) != Standing::Open || changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Forgets the sessions that were over for [long enough](Proof::forgets), and lets what goes on under those end that have
    /// expired. It looks at one part of the table, another each time. `now` is a time of the accept clock.
    pub fn sweep(&self, now: Timestamp) -> Result<(), InDoubt> {
        self.advance(now);
        let now = self.latest(now);
        let part = self.next_swept.fetch_add(1, Ordering::Relaxed) as usize % SHARDS;
        // Those that ended with others begin their time of being remembered now.
        let is_unnamed = |entry: &Entry| self.standing(entry, now) == Standing::Ended && !entry.is_ended_by_name();
        for entry in self.shards.which(part, is_unnamed)? {
            self.end(entry.reference(), now)?;
        }
        let past = self.shards.which(part, |entry| entry.expires() < entry.proof().forgets(now))?;
        let mut past: Vec<_> = past.iter().map(|entry| entry.reference()).collect();
        // Nobody can sign with one that has not come in.
        let signs = |session| self.find(session).map_or(true, |entry| entry.is_some_and(|it| it.proof() == Proof::Key));
        let is_past = |session: &SessionRef, at: &mut Timestamp| {
            *at < Proof::Key.forgets(now) || *at < Proof::Bearer.forgets(now) && !signs(*session)
        };
        past.extend(self.ended.lock().map_err(|_| InDoubt)?.extract_if(is_past).map(|(session, _)| session));
        for session in past {
            self.strangers.forget(session)?;
            self.shards.remove(session)?;
        }
        self.changes.send_replace(());
        Ok(())
    }

    /// How many sessions the table holds, ended ones included.
    pub fn len(&self) -> Result<usize, InDoubt> {
        self.shards.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> Result<bool, InDoubt> {
        Ok(self.len()? == 0)
    }

    /// Something was appended to the log of revocations: whoever follows it should look.
    pub fn log_has_grown(&self) {
        self.log.send_modify(|times| *times += 1);
    }

    /// Changes whenever something was appended to the log of revocations.
    pub fn log(&self) -> watch::Receiver<u64> {
        self.log.subscribe()
    }

    fn end(&self, session: SessionRef, now: Timestamp) -> Result<(), InDoubt> {
        // Word is left first: one that is being put in is looked for there afterwards.
        self.ended.lock().map_err(|_| InDoubt)?.insert(session, now);
        if let Some(entry) = self.find(session)? {
            entry.end();
        }
        Ok(())
    }

    fn next_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::AcqRel)
    }

    /// The later of this time and the latest one by which requests were judged.
    fn latest(&self, now: Timestamp) -> Timestamp {
        now.max(Timestamp::from_millis(self.now.load(Ordering::Relaxed)))
    }
}
