//! Whether a token that somebody brings is one of ours, and of which session.

use std::sync::Arc;

use countersign_core::session::{Family, FamilySecret, RefreshToken, SessionState};
use countersign_core::time::Timestamp;
use countersign_core::token::AccessClaims;

use super::Undecided;
use super::access_token::{Brought, read};
use crate::accounts::Accounts;
use crate::sessions::Entry;

/// A token that we have made. Whether its session still counts is another question.
#[derive(Debug)]
pub enum Genuine {
    /// An access token that has not expired, of its session's present generation.
    Access(AccessToken),
    /// A refresh token, be it replaced or expired.
    Refresh(Box<Refresh>),
}

/// An access token of ours.
#[derive(Debug)]
pub struct AccessToken {
    /// The session that it is of.
    pub session: Arc<Entry>,
    /// What it says; nothing if it is opaque.
    pub claims: Option<AccessClaims>,
    /// The first moment at which it is good no more.
    pub expires: Timestamp,
}

/// A refresh token of ours.
#[derive(Debug)]
pub struct Refresh {
    /// The session that it is of.
    pub session: Arc<Entry>,
    /// Its family.
    pub family: Family,
    /// Whether no other has taken its place.
    pub is_current: bool,
}

impl Genuine {
    /// The session that it is of.
    pub fn session(&self) -> &Entry {
        match self {
            Self::Access(token) => &token.session,
            Self::Refresh(token) => &token.session,
        }
    }
}

/// Finds out. The form of a token says what it is, so no hint is needed (RFC 7009 §2.1).
pub async fn genuine(accounts: &Accounts, token: &str, now: Timestamp) -> Result<Option<Genuine>, Undecided> {
    match token.parse::<RefreshToken>() {
        Ok(token) => Ok(refresh(accounts, &token).await?.map(|token| Genuine::Refresh(Box::new(token)))),
        Err(_) => Ok(access(accounts, token, now)?.map(Genuine::Access)),
    }
}

fn access(accounts: &Accounts, token: &str, now: Timestamp) -> Result<Option<AccessToken>, Undecided> {
    let Ok(brought) = read(accounts, token, now) else { return Ok(None) };
    let reference = match &brought {
        Brought::Verified(token) => token.claims().session,
        Brought::Opaque(token) => token.session(),
    };
    let Some(session) = accounts.sessions.find(reference)? else { return Ok(None) };
    Ok(match brought {
        Brought::Opaque(token) => {
            let hash = token.hash();
            let is_good = session.is_its_token(&hash) && token.is_good(&hash, now);
            is_good.then(|| AccessToken { session, claims: None, expires: token.expires() })
        }
        Brought::Verified(token) => {
            let claims = token.claims();
            let is_of_it = claims.user == session.user()
                && claims.proof == session.proof()
                && claims.generation == session.generation()
                && claims.epoch == session.epoch();
            is_of_it.then(|| AccessToken { session, expires: claims.expires, claims: Some(claims.clone()) })
        }
    })
}

async fn refresh(accounts: &Accounts, token: &RefreshToken) -> Result<Option<Refresh>, Undecided> {
    let Some(family) = accounts.stores.token_families.find(token.family()).await? else { return Ok(None) };
    let Some(session) = accounts.sessions.find(family.session)? else { return Ok(None) };
    let name = Family::name_of_secret(family.id);
    let secret = match accounts.secrets.kek.open32(&name, session.username().as_str(), &family.secret) {
        Ok(secret) => FamilySecret::new(&secret),
        // A row that was tampered with counts as ended, and its secret may not open any more.
        Err(_) if family.state != SessionState::Open => return Ok(None),
        Err(unsealable) => return Err(unsealable.into()),
    };
    let is_current = token.sequence() == family.sequence;
    Ok(secret.made(token).then_some(Refresh { session, family, is_current }))
}
