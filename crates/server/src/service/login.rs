//! Somebody proves who they are, by a password or a key, and a session begins.

use std::time::Duration;

use countersign_core::account::{Role, User};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{FamilyId, KeyId, SessionId, SessionRef};
use countersign_core::password::Password;
use countersign_core::secret::{Root, Secret32};
use countersign_core::session::{
    Family, FamilySecret, MAX_DEVICE, OpenedBy, Proof, Session, SessionState, TokenHash, cut,
};
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Principal, Prover};
use countersign_store::port::Opened;
use zeroize::Zeroizing;

use super::Undecided;
use super::grant::{Grant, access_token};
use super::open_session::{Opening, open_session};
use super::password::{Checked, check};
use super::whence::Whence;
use crate::app::{App, SharedApp};
use crate::edge;

/// How often a login by a key is tried that finds its user changed meanwhile.
const TRIES: u32 = 3;

/// A login by password.
#[derive(Clone, Debug)]
pub struct ByPassword {
    /// As typed.
    pub username: String,
    /// As typed.
    pub password: Password,
    /// What the requests of the session are to prove.
    pub proof: Proof,
}

/// What the user calls the device, and where it is.
#[derive(Clone, Debug)]
pub struct Device {
    /// Cut to what is kept.
    name: Box<str>,
    whence: Whence,
}

impl Device {
    /// A device that its user calls so.
    pub fn new(name: &str, whence: Whence) -> Self {
        Self { name: cut(name, MAX_DEVICE), whence }
    }
}

/// What became of a login.
#[derive(Debug)]
pub enum Login {
    /// A session has begun.
    Opened(Box<Grant>),
    /// Nobody who may log in has proven who they are.
    Denied,
    /// The key is right, but its user is gone, or was changed each time that a session was about to be opened.
    UserChanged,
    /// Nobody looked: they have to wait so long first.
    Wait(Duration),
    /// The user has as many sessions as may be.
    LimitReached,
    /// What has signed the request opens no sessions: a program needs none, and a session is one already.
    NotThisKey,
}

/// Opens a session for whoever knows the password of a user.
pub async fn by_password(
    app: &SharedApp,
    login: ByPassword,
    device: Device,
    now: Timestamp,
) -> Result<Login, Undecided> {
    let ByPassword { username, password, proof } = login;
    let user = match check(app, &username, &password, device.whence.address, now).await? {
        Checked::Granted(user) => user,
        Checked::Denied => return Ok(Login::Denied),
        Checked::Wait(wait) => return Ok(Login::Wait(wait)),
    };
    open(app, user, Proven::Password(proof), device, now).await
}

/// Opens a session for the person whose key has signed the request.
pub async fn by_key(app: &SharedApp, signer: &Principal, device: Device, now: Timestamp) -> Result<Login, Undecided> {
    let Prover::Key(key) = &signer.prover else { return Ok(Login::NotThisKey) };
    if signer.role == Role::Service {
        return Ok(Login::NotThisKey);
    }
    for _ in 0..TRIES {
        // Anew each time: the key outlives changes of its user that what was read before does not.
        let Some(user) = app.accounts.stores.users.find(signer.user).await? else { break };
        match open(app, user, Proven::Key(key.clone()), device.clone(), now).await? {
            Login::Denied => {}
            decided => return Ok(decided),
        }
    }
    Ok(Login::UserChanged)
}

/// What somebody has proven.
#[derive(Clone, Debug)]
pub(super) enum Proven {
    /// That they know the password; the session is to prove itself so.
    Password(Proof),
    /// That they hold this key.
    Key(KeyId),
}

/// Opens a session for this user, as the user was when they proved who they are.
pub(super) async fn open(
    app: &SharedApp,
    user: User,
    proven: Proven,
    device: Device,
    now: Timestamp,
) -> Result<Login, Undecided> {
    let Some((opening, grant)) = prepare(app, user, &proven, &device, now)? else { return Ok(Login::Denied) };
    let event = opened(&opening.session, &device.whence, now);
    Ok(match open_session(app, opening, event).await? {
        Opened::Done { .. } => Login::Opened(Box::new(grant)),
        Opened::LimitReached => Login::LimitReached,
        Opened::Stale => Login::Denied,
    })
}

/// What is told of it.
fn opened(session: &Session, whence: &Whence, now: Timestamp) -> Event {
    let by = if session.key().is_some() { "by a key" } else { "by password" };
    Event {
        at: now,
        kind: EventKind::SessionOpened,
        user: Some(session.user),
        key: session.key().cloned(),
        session: Some(session.reference),
        actor: whence.address.to_string(),
        detail: format!("{by}, proof {}", session.proof.as_str()),
    }
}

/// A session that nobody knows of yet, and what its user will get; none if it would be over at once.
fn prepare(
    app: &App,
    user: User,
    proven: &Proven,
    device: &Device,
    now: Timestamp,
) -> Result<Option<(Opening, Grant)>, Undecided> {
    let reference = SessionRef(edge::random());
    let (opened_by, proof, session_key) = credential(app, &user, proven, reference)?;
    let mut session = Session {
        id: SessionId(edge::random()),
        reference,
        user: user.id,
        opened_by,
        proof,
        generation: user.generation,
        epoch: app.accounts.sessions.epoch(),
        created: now,
        auth_time: now,
        last_used: now,
        expires: now.saturating_add(app.accounts.config.sessions.absolute),
        address: device.whence.address,
        user_agent: device.whence.user_agent.clone(),
        device: device.name.clone(),
        token: TokenHash([0; 32]),
        state: SessionState::Open,
    };
    let Some(access_token) = access_token(&app.accounts, &user, &session, &device.whence, now)? else {
        return Ok(None);
    };
    session.token = access_token.hash;
    let (family, refresh_token) = family(app, &user, &session, &device.whence)?;
    let grant = Grant::of(&session, &user, (access_token, refresh_token), now);
    let grant = Grant { session_key: session_key.clone(), ..grant };
    let (root, limit) = (session_key.map(Root::new), app.accounts.config.sessions.limit);
    Ok(Some((Opening { session, family, user, root, limit }, grant)))
}

/// How the session was opened, what its requests have to prove, and the secret by which they do so if they cannot derive it.
fn credential(
    app: &App,
    user: &User,
    proven: &Proven,
    reference: SessionRef,
) -> Result<(OpenedBy, Proof, Option<Secret32>), Undecided> {
    Ok(match proven {
        Proven::Key(key) => (OpenedBy::Key(key.clone()), Proof::Key, None),
        Proven::Password(Proof::Bearer) => (OpenedBy::Password { root: None }, Proof::Bearer, None),
        Proven::Password(Proof::Key) => {
            let root = Secret32::new(edge::random());
            let (name, owner) = (reference.keyid(), user.username.as_str());
            let sealed = app.accounts.secrets.kek.seal(&name, owner, root.expose(), edge::random())?;
            (OpenedBy::Password { root: Some(sealed) }, Proof::Key, Some(root))
        }
    })
}

/// The family of a session's refresh tokens, and the first of them.
fn family(
    app: &App,
    user: &User,
    session: &Session,
    whence: &Whence,
) -> Result<(Family, Zeroizing<String>), Undecided> {
    let (id, secret) = (FamilyId(edge::random()), Secret32::new(edge::random()));
    let (name, owner) = (Family::name_of_secret(id), user.username.as_str());
    let family = Family {
        id,
        session: session.reference,
        user: user.id,
        proof: session.proof,
        secret: app.accounts.secrets.kek.seal(&name, owner, secret.expose(), edge::random())?,
        sequence: 0,
        rotated: session.created,
        place: whence.place(),
        used: false,
        good_until: session.created.saturating_add(app.accounts.config.sessions.idle).min(session.expires),
        expires: session.expires,
        state: SessionState::Open,
    };
    Ok((family, FamilySecret::new(&secret).token(id, 0).to_text()))
}
