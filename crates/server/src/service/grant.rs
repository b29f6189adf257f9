//! What somebody gets who has logged in or refreshed.

use countersign_core::account::User;
use countersign_core::secret::Secret32;
use countersign_core::session::Session;
use countersign_core::time::Timestamp;
use countersign_core::token::TooLong;
use countersign_store::port::StoreError;
use zeroize::Zeroizing;

use super::Undecided;
use super::access_token::{Holder, Issued, issue_to};
use super::session_row::SessionRow;
use super::whence::Whence;
use crate::accounts::Accounts;
use crate::edge;

/// The tokens of a session, and what is known of it.
#[derive(Debug)]
pub struct Grant {
    /// For each request.
    pub access_token: Issued,
    /// How long that is good, in seconds.
    pub expires_in: u64,
    /// For the next grant.
    pub refresh_token: Zeroizing<String>,
    /// The session.
    pub session: SessionRow,
    /// The root of the session's keys, sent once to whoever cannot derive it.
    pub session_key: Option<Secret32>,
}

impl Grant {
    /// The grant of this session to its user, who is there.
    pub(super) fn of(
        session: &Session,
        user: &User,
        (access_token, refresh_token): (Issued, Zeroizing<String>),
        now: Timestamp,
    ) -> Self {
        Self {
            expires_in: access_token.expires.as_secs().saturating_sub(now.as_secs()),
            access_token,
            refresh_token,
            session: SessionRow::of(session, user.username.as_str(), Some(session.reference), now),
            session_key: None,
        }
    }
}

/// An access token for a session of this user; none when the session is as good as over.
pub(super) fn access_token(
    accounts: &Accounts,
    user: &User,
    session: &Session,
    whence: &Whence,
    now: Timestamp,
) -> Result<Option<Issued>, Undecided> {
    let Session { reference, proof, auth_time, epoch, expires: over, .. } = *session;
    let holder = Holder { user, session: reference, proof, auth_time, epoch, over, address: whence.address };
    Ok(issue_to(accounts, &holder, &edge::random(), now)?)
}

impl From<TooLong> for Undecided {
    fn from(error: TooLong) -> Self {
        StoreError::Corrupt { what: "permissions", source: error.into() }.into()
    }
}
