//! A user changes the password, and goes on in a session of the new one.

use core::time::Duration;

use countersign_core::password::Password;
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Principal, SessionPrincipal};

use super::Undecided;
use super::grant::Grant;
use super::login::{Device, Login, Proven, open};
use super::password::{Changed, PasswordChange, change};
use super::sensitive::may_do_sensitive;
use super::whence::Whence;
use crate::app::SharedApp;

/// What a user asks for who wants another password.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// The password until now, where there is one.
    pub current: Option<Password>,
    /// The password from now on.
    pub new: Password,
}

/// What became of it.
#[derive(Debug)]
pub enum PasswordChanged {
    /// It is done. All sessions have ended, and this one takes the place of the one that asked.
    Done(Box<Grant>),
    /// It is done, but no other session can be opened: its user has to log in.
    LoggedOut,
    /// The user has to log in again first.
    TooLongAgo,
    /// The current password is not right.
    Denied,
    /// Nobody looked: they have to wait so long first.
    Wait(Duration),
    /// The user was changed at the same moment.
    Stale,
}

/// Changes the password of whoever asks in this session.
pub async fn change_password(
    app: &SharedApp,
    (caller, session): (&Principal, &SessionPrincipal),
    asked: NewPassword,
    whence: &Whence,
    now: Timestamp,
) -> Result<PasswordChanged, Undecided> {
    if !may_do_sensitive(&app.accounts, caller, now) {
        return Ok(PasswordChanged::TooLongAgo);
    }
    let NewPassword { current, new } = asked;
    let kept = app.accounts.stores.sessions.find(session.reference).await?;
    let (session_ref, username) = (session.reference, caller.username.clone());
    let wanted = PasswordChange { user: caller.user, session: session_ref, username, current, new };
    let user = match change(app, wanted, whence.address, now).await? {
        Changed::Done(user) => user,
        Changed::Denied => return Ok(PasswordChanged::Denied),
        Changed::Wait(wait) => return Ok(PasswordChanged::Wait(wait)),
        Changed::Stale => return Ok(PasswordChanged::Stale),
    };
    let proven = match &session.opened_by {
        Some(key) => Proven::Key(key.clone()),
        None => Proven::Password(session.proof),
    };
    let device = kept.map_or_else(String::new, |session| session.device.into());
    Ok(match open(app, user, proven, Device::new(&device, whence.clone()), now).await? {
        Login::Opened(grant) => PasswordChanged::Done(grant),
        Login::Denied | Login::UserChanged | Login::Wait(_) | Login::LimitReached | Login::NotThisKey => {
            PasswordChanged::LoggedOut
        }
    })
}
