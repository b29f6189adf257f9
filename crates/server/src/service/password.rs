//! Passwords: whether one is right, and how one takes the place of another.
//!
//! Nobody learns from an answer whether there is a user of a name: an unknown user, one without a password, one who is
//! disabled and a wrong password cost the same hash, the same look-up and the same tallies, and are answered alike. What is
//! told to the operator of them is written after the answer.

use core::net::IpAddr;
use core::time::Duration;

use countersign_core::account::{Credentials, User, UserState};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{SessionRef, UserId};
use countersign_core::password::{Password, PasswordHash};
use countersign_core::session::Scope;
use countersign_core::time::Timestamp;
use countersign_core::username::Username;
use countersign_store::port::{PasswordSet, StoreError};

use super::guessing::Source;
use super::pool::Pool;
use super::{Undecided, to_its_end};
use crate::app::{App, SharedApp};
use crate::config::Hashing;
use crate::edge;
use crate::hashing::{Belongs, Hasher, Unusable};

/// Hashes passwords, so many at a time.
#[derive(Debug)]
pub struct Passwords {
    hasher: Hasher,
    pool: Pool,
}

/// Whether somebody is who they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// This user, who may log in.
    Granted(User),
    /// Nobody who may.
    Denied,
    /// Nobody looked: they have to wait so long first. Never zero.
    Wait(Duration),
}

/// What a user asks for who wants another password.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// Who asks, as the session or key says.
    pub user: UserId,
    /// In which session.
    pub session: SessionRef,
    /// The user's name.
    pub username: Username,
    /// The password until now, where there is one.
    pub current: Option<Password>,
    /// The password from now on.
    pub new: Password,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is done. Everything that was issued to the user before is void; this is the user now.
    Done(User),
    /// The current password is not right, or the user may have none.
    Denied,
    /// Nobody looked: they have to wait so long first.
    Wait(Duration),
    /// Something about the user was changed at the same moment, so that the proof no longer counts.
    Stale,
}

impl Passwords {
    /// With this cost and this much room.
    pub fn new(config: &Hashing) -> Self {
        Self { hasher: Hasher::new(config.cost), pool: Pool::new(config.at_once, config.waiting) }
    }

    /// The hash of a password, for the store.
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, Undecided> {
        let (hasher, password, salt) = (self.hasher, password.clone(), edge::random());
        Ok(self.pool.run(move || hasher.hash(&password, &salt)).await??)
    }

    /// Whether the password belongs to this hash; without one the work is the same and the answer is no.
    async fn belongs(&self, password: &Password, hash: Option<&PasswordHash>) -> Result<Belongs, Undecided> {
        let (hasher, password) = (self.hasher, password.clone());
        let decoy = hasher.decoy(&edge::random(), &edge::random())?;
        let hash = hash.unwrap_or(&decoy).clone();
        Ok(self.pool.run(move || hasher.check(&password, &hash)).await??)
    }
}

/// Whether this is the password of the user of this name. It counts as an attempt from `source`.
pub async fn check(
    app: &SharedApp,
    username: &str,
    password: &Password,
    source: IpAddr,
    now: Timestamp,
) -> Result<Checked, Undecided> {
    let name = username.parse::<Username>().ok();
    let attempt = match app.guessing.attempt(name.as_ref(), source_of(app, source), now) {
        Ok(attempt) => attempt,
        Err(wait) => {
            tell(app, app.folding.note(EventKind::Throttled, "passwords", source, now));
            return Ok(Checked::Wait(wait));
        }
    };
    let found = match belongs(app, name.as_ref(), password).await {
        Ok(found) => found,
        Err(error) => {
            attempt.undecided();
            return Err(error);
        }
    };
    match found {
        Found::Owner(user) => {
            attempt.succeeded();
            Ok(Checked::Granted(user))
        }
        Found::Other(user) => {
            attempt.failed();
            let who = user.map_or_else(|| "no such user".to_owned(), |user| user.to_string());
            tell(app, app.folding.note(EventKind::LoginFailed, &who, source, now));
            Ok(Checked::Denied)
        }
    }
}

/// Gives a user another password, or the first. Who has one must give it.
pub async fn change(
    app: &SharedApp,
    asked: PasswordChange,
    source: IpAddr,
    now: Timestamp,
) -> Result<Changed, Undecided> {
    let PasswordChange { user: id, session, username, current, new } = asked;
    let found = app.accounts.stores.users.credentials(&username).await?;
    let Some(found) = found.filter(|found| found.user().id == id && found.user().state == UserState::Enabled) else {
        return Ok(Changed::Denied);
    };
    let proved = match (found.password(), current) {
        (None, _) => found.into_user(),
        (Some(_), None) => return Ok(Changed::Denied),
        (Some(_), Some(current)) => match check(app, username.as_str(), &current, source, now).await? {
            Checked::Granted(user) if user.id == id => user,
            Checked::Granted(_) | Checked::Denied => return Ok(Changed::Denied),
            Checked::Wait(wait) => return Ok(Changed::Wait(wait)),
        },
    };
    let hash = app.passwords.hash(&new).await?;
    let event = Event {
        at: now,
        kind: EventKind::PasswordChanged,
        user: Some(id),
        key: None,
        session: Some(session),
        actor: source.to_string(),
        detail: "by the user".to_owned(),
    };
    to_its_end(set(app.clone(), proved, hash, event)).await
}

/// Sets it if nothing has changed about the user since the proof.
async fn set(app: SharedApp, proved: User, hash: PasswordHash, event: Event) -> Result<Changed, Undecided> {
    let _alone = app.accounts.changing.lock().await;
    let users = &app.accounts.stores.users;
    let set = match users.set_password(proved.id, proved.generation, &hash, &event).await {
        Ok(PasswordSet::Stale) => return Ok(Changed::Stale),
        Ok(PasswordSet::Missing) => return Ok(Changed::Denied),
        Ok(PasswordSet::Done) => Ok(()),
        Err(error) => Err(error),
    };
    // From here on no session of the former password is accepted. A store that has failed may have kept the new one, and
    // whoever changes a password because of a thief must not leave the thief inside.
    app.accounts.sessions.deny(&Scope::User(proved.id), event.at)?;
    set?;
    app.accounts.reload_keys(proved.id).await?;
    Ok(users.find(proved.id).await?.map_or(Changed::Stale, Changed::Done))
}

/// Whose the password is.
enum Found {
    /// Of this user, who may log in.
    Owner(User),
    /// Of nobody who may. If there is a user of the name, it is this one.
    Other(Option<UserId>),
}

async fn belongs(app: &App, name: Option<&Username>, password: &Password) -> Result<Found, Undecided> {
    let found = match name {
        Some(name) => app.accounts.stores.users.credentials(name).await?,
        None => None,
    };
    let hash = found.as_ref().and_then(Credentials::password);
    let belongs = app.passwords.belongs(password, hash).await?;
    let Some(found) = found else { return Ok(Found::Other(None)) };
    let may = found.user().state == UserState::Enabled;
    match belongs {
        Belongs::Yes if may => {}
        Belongs::YesButWeak if may => strengthen(app, &found, password).await,
        Belongs::Yes | Belongs::YesButWeak | Belongs::No => return Ok(Found::Other(Some(found.user().id))),
    }
    Ok(Found::Owner(found.into_user()))
}

/// Puts a hash that costs what it should in the place of one that does not. The user is who they are whether that succeeds
/// or not: if it does not, the next time is soon enough.
async fn strengthen(app: &App, found: &Credentials, password: &Password) {
    let Some(former) = found.password() else { return };
    let fresh = match app.passwords.hash(password).await {
        Ok(fresh) => fresh,
        Err(error) => return tracing::debug!(%error, "a weak hash of a password stays for now"),
    };
    if let Err(error) = app.accounts.stores.users.rehash(found.user().id, former, &fresh).await {
        tracing::warn!(%error, "a weak hash of a password stays for now");
    }
}

/// Proxies and this machine stand for any number of clients.
fn source_of(app: &App, address: IpAddr) -> Source {
    let address = address.to_canonical();
    let is_proxy = app.accounts.config.client_address.trusted.names(address);
    if address.is_loopback() || is_proxy { Source::Shared } else { Source::Client(address) }
}

/// Records an event after the answer: a write that happens for some names and not for others would tell them apart.
fn tell(app: &SharedApp, event: Option<Event>) {
    let Some(event) = event else { return };
    let app = app.clone();
    app.clone().lasting.spawn(async move {
        if let Err(error) = app.accounts.stores.events.record(&event).await {
            tracing::error!(%error, event = event.kind.as_str(), "an event could not be recorded");
        }
    });
}

impl From<Unusable> for Undecided {
    fn from(error: Unusable) -> Self {
        StoreError::Corrupt { what: "users", source: error.into() }.into()
    }
}
