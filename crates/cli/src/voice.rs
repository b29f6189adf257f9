//! In whose name a profile speaks: a session that is open, or the key itself where a program's key needs none.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use countersign_client::session::{Asking, Refusal, Said};
use countersign_client::{
    BearerSession, CallError, Client, LoginKey, Session, SessionApi, SessionError, SignedSession, Verified,
};
use countersign_core::id::SessionRef;
use countersign_core::problem::Problem;
use http::HeaderValue;

use crate::exit::Exit;
use crate::profile::{Kept, Profile, ProfileName, Shelf};
use crate::{key_rotate, say};

/// How this program calls itself.
pub(crate) const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION")));

/// A profile that speaks.
pub(crate) struct Voice {
    shelf: Shelf,
    name: ProfileName,
    pub(crate) profile: Profile,
    speaks: Speaks,
}

/// What it speaks with.
enum Speaks {
    Key(Client),
    Session(SignedSession),
    Bearer(Box<BearerSession>),
}

impl Voice {
    /// The voice of the profile of this name, once what an interrupted rotation has left is settled.
    pub(crate) async fn open(shelf: &Shelf, name: &ProfileName) -> anyhow::Result<Self> {
        let profile = key_rotate::open(shelf, name).await?;
        Self::of(shelf, name, profile)
    }

    /// The voice of this profile. A key speaks for itself until the server says that it wants a session.
    pub(crate) fn of(shelf: &Shelf, name: &ProfileName, profile: Profile) -> anyhow::Result<Self> {
        let speaks = match shelf.session(name, &profile)? {
            Kept::Open(session) if session.root().is_some() => {
                Speaks::Session(signed((shelf, name), &profile, *session)?)
            }
            Kept::Open(session) => Speaks::Bearer(Box::new(bearer((shelf, name), &profile, *session)?)),
            Kept::LoggedOut => bail!("profile {name} is logged out; log in with {}", profile.login_command(name)),
            Kept::Nothing if profile.key.is_none() => {
                bail!("profile {name} has no key and no session; log in with {}", profile.login_command(name))
            }
            Kept::Nothing => Speaks::Key(profile.key_client()?.without_idempotency_keys()),
        };
        Ok(Self { shelf: shelf.clone(), name: name.clone(), profile, speaks })
    }

    /// A client that signs in this name; none for a session without a key.
    pub(crate) fn client(&self) -> Result<Client, CallError> {
        match &self.speaks {
            Speaks::Key(client) => Ok(client.clone()),
            Speaks::Session(session) => Ok(session.client()),
            Speaks::Bearer(_) => Err(CallError::NoKey),
        }
    }

    /// The session without a key, where it is one.
    pub(crate) fn bearer(&self) -> Option<&BearerSession> {
        match &self.speaks {
            Speaks::Bearer(session) => Some(session),
            Speaks::Key(_) | Speaks::Session(_) => None,
        }
    }

    /// The session, where there is one.
    pub(crate) fn session(&self) -> Option<Session> {
        match &self.speaks {
            Speaks::Key(_) => None,
            Speaks::Session(session) => Some(session.session()),
            Speaks::Bearer(session) => Some(session.session()),
        }
    }

    /// Another client, when this answer says that what it answers was not carried out for want of a session, or of one that
    /// has not expired.
    pub(crate) async fn instead(&mut self, client: &Client, answer: &Verified) -> anyhow::Result<Option<Client>> {
        self.instead_of(client, answer.problem).await
    }

    /// The same where only the problem is at hand. It was verified.
    pub(crate) async fn instead_of(
        &mut self,
        client: &Client,
        problem: Option<&'static Problem>,
    ) -> anyhow::Result<Option<Client>> {
        match &self.speaks {
            Speaks::Key(_) if problem == Some(&Problem::SESSION_REQUIRED) => {
                self.log_in("").await?;
                Ok(Some(self.client()?))
            }
            Speaks::Session(session) => Ok(session.reopened(client, problem).await?),
            Speaks::Key(_) | Speaks::Bearer(_) => Ok(None),
        }
    }

    /// Opens a session with the key, if there is none yet and the user is a person. A program goes on by its key.
    pub(crate) async fn in_session(self) -> anyhow::Result<Self> {
        self.in_session_on("").await
    }

    /// The same on a device that its user calls so.
    pub(crate) async fn in_session_on(mut self, device: &str) -> anyhow::Result<Self> {
        if let Speaks::Key(client) = &self.speaks {
            let answer = client.whoami().await?.verified;
            if !answer.status.is_success() {
                return Err(SessionError::from(Refusal::of(&answer)).into());
            }
            if !is_a_programs(&answer) {
                self.log_in(device).await?;
            }
        }
        Ok(self)
    }

    /// Opens a session with the key and keeps it, in the place of any other, which is ended.
    pub(crate) async fn log_in(&mut self, device: &str) -> Result<Session, SessionError> {
        if let Speaks::Session(session) = &self.speaks {
            session.log_in_again().await?;
            return Ok(session.session());
        }
        let session = login_key(&self.profile, device).ok_or(SessionError::NoKey)?.login().await?;
        if let Err(error) = self.shelf.keep_session(&self.name, &session) {
            could_not_be_kept(&error);
        }
        self.speaks = Speaks::Session(signed((&self.shelf, &self.name), &self.profile, session.clone())?);
        Ok(session)
    }

    /// Logs in anew where the server wants a login of the last few minutes, and a key can do that. Says whether it has.
    pub(crate) async fn log_in_for(&mut self, problem: Option<&'static Problem>) -> Result<bool, SessionError> {
        let can = matches!(&self.speaks, Speaks::Session(session) if session.session().opened_by.is_some());
        if !can || problem != Some(&Problem::REAUTHENTICATION_REQUIRED) {
            return Ok(false);
        }
        self.log_in("").await?;
        Ok(true)
    }

    /// Changes the password in this session. False: it has ended, and another could not be opened.
    pub(crate) async fn change_password(&self, current: Option<&str>, new: &str) -> Result<bool, SessionError> {
        match &self.speaks {
            Speaks::Key(_) => Err(SessionError::NoKey),
            Speaks::Session(session) => session.change_password(current, new).await,
            Speaks::Bearer(session) => session.change_password(current, new).await,
        }
    }

    /// Says why something was not done, and how the command ends.
    pub(crate) fn failed(&self, error: &SessionError) -> Exit {
        failed((&self.name, &self.profile), error)
    }

    /// What its user types to log in again.
    pub(crate) fn login_command(&self) -> String {
        self.profile.login_command(&self.name)
    }

    /// Keeps how far the server's clock is ahead.
    pub(crate) fn offset_ms(&self) -> i64 {
        match &self.speaks {
            Speaks::Key(client) => client.conversation().offset_ms(),
            Speaks::Session(session) => session.client().conversation().offset_ms(),
            Speaks::Bearer(_) => self.profile.offset_ms,
        }
    }
}

impl SessionApi for Voice {
    async fn ask(&self, asking: Asking<'_>) -> Result<Said, SessionError> {
        match &self.speaks {
            Speaks::Key(_) => Err(SessionError::NoKey),
            Speaks::Session(session) => session.ask(asking).await,
            Speaks::Bearer(session) => session.ask(asking).await,
        }
    }

    async fn logout(&self) -> Result<(), SessionError> {
        match &self.speaks {
            Speaks::Key(_) => Err(SessionError::NoKey),
            Speaks::Session(session) => session.logout().await,
            Speaks::Bearer(session) => session.logout().await,
        }
    }
}

/// The key that opens sessions for this profile.
pub(crate) fn login_key(profile: &Profile, device: &str) -> Option<LoginKey> {
    let key = profile.key.as_ref()?;
    let client = profile.key_client().ok()?;
    Some(LoginKey::new(client, key.root.clone(), device).calling_itself(USER_AGENT))
}

fn signed(
    (shelf, name): (&Shelf, &ProfileName),
    profile: &Profile,
    session: Session,
) -> Result<SignedSession, SessionError> {
    let key = login_key(profile, &session.device).filter(|_| session.opened_by.is_some());
    let mut builder = SignedSession::builder().calling_itself(USER_AGENT).without_idempotency_keys();
    if let Some(key) = key {
        builder = builder.reopened_by(key);
    }
    let builder = builder.kept_by(keeper((shelf, name), session.reference));
    builder.build(profile.server.clone(), session, profile.offset_ms)
}

/// Its tokens went to this server when it was opened, and whoever did that said what may be sent there.
fn bearer(
    (shelf, name): (&Shelf, &ProfileName),
    profile: &Profile,
    session: Session,
) -> Result<BearerSession, SessionError> {
    let keeper = keeper((shelf, name), session.reference);
    Ok(BearerSession::new(&profile.server, session, true)?.calling_itself(USER_AGENT).kept_by(keeper))
}

/// Keeps each change of this session, and each session that takes its place. A login or a logout that was meanwhile, in
/// another terminal, stands: what becomes of the session before is nothing to go on with.
fn keeper(
    (shelf, name): (&Shelf, &ProfileName),
    former: SessionRef,
) -> impl Fn(&Session) + Send + Sync + 'static + use<> {
    let (shelf, name, former) = (shelf.clone(), name.clone(), Mutex::new(former));
    move |session| {
        let mut former = former.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = shelf.open(&name).and_then(|profile| shelf.replace_session((&name, &profile), *former, session));
        match kept {
            Ok(true) => *former = session.reference,
            Ok(false) => {}
            Err(error) => could_not_be_kept(&error),
        }
    }
}

fn could_not_be_kept(error: &anyhow::Error) {
    say::note(format_args!("the session could not be kept for the next command: {error:#}"));
}

/// Ends a session in whose place another is kept. What is learnt of it on the way, such as its next tokens, is kept nowhere.
pub(crate) async fn end_former(profile: &Profile, session: Session) -> Result<(), SessionError> {
    if session.root().is_none() {
        return BearerSession::new(&profile.server, session, true)?.calling_itself(USER_AGENT).logout().await;
    }
    let builder = SignedSession::builder().calling_itself(USER_AGENT).without_idempotency_keys();
    builder.build(profile.server.clone(), session, profile.offset_ms)?.logout().await
}

/// Whether the guard takes the caller for a program.
pub(crate) fn is_a_programs(whoami: &Verified) -> bool {
    #[derive(serde::Deserialize)]
    struct Role {
        role: String,
    }
    serde_json::from_slice(&whoami.body).is_ok_and(|Role { role }| role == "service")
}

/// Says why something was not done in a session, and how the command ends.
pub(crate) fn failed((name, profile): (&ProfileName, &Profile), error: &SessionError) -> Exit {
    say::note(say::chain(error));
    if let SessionError::Refused(refusal) = error
        && (refusal.is_revoked() || refusal.is_invalid() || refusal.wants_a_new_login())
    {
        say::note(format_args!("to log in again: {}", profile.login_command(name)));
    }
    exit_of(error)
}

/// How a command ends that could not do something in a session.
pub(crate) fn exit_of(error: &SessionError) -> Exit {
    match error {
        SessionError::Refused(refusal) if refusal.proven => Exit::Refused,
        SessionError::Refused(_) => Exit::Network,
        SessionError::Call(error) => key_rotate::exit_of(error),
        SessionError::NotUnderstood => Exit::Refused,
        _ => Exit::Usage,
    }
}

/// The session of a voice that has to have one.
pub(crate) async fn in_session(shelf: &Shelf, name: &ProfileName) -> anyhow::Result<Voice> {
    let voice = Voice::open(shelf, name).await?.in_session().await?;
    voice.session().context("this is the key of a program, which signs every request and has no sessions")?;
    Ok(voice)
}
