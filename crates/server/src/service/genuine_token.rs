//! Whether a token that somebody brings is one of ours, and of which session.

use std::sync::Arc;

use countersign_core::session::{Family, FamilySecret, RefreshToken, SessionState};
use countersign_core::time::Timestamp;
use countersign_core::token::{AccessClaims, OpaqueToken, TokenFault, VerifiedToken};
use countersign_core::username::Username;
use countersign_core::verdict::Refusal;
use countersign_store::port::UsedToken;

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
    /// The token, if it says anything; an opaque one does not.
    verified: Option<VerifiedToken>,
    /// The first moment at which it is good no more.
    pub expires: Timestamp,
    /// What its use says of the refresh token that it came with.
    pub used: UsedToken,
}

impl AccessToken {
    /// What it says; nothing if it is opaque.
    pub fn claims(&self) -> Option<&AccessClaims> {
        self.verified.as_ref().map(VerifiedToken::claims)
    }
}

/// Why a text is no good access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What whoever brings it is told.
    pub refusal: Refusal,
    /// Whether it is one of ours all the same: none of these is anybody else's business.
    pub is_ours: bool,
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
        Err(_) => Ok(access(accounts, token, now)?.ok().map(Genuine::Access)),
    }
}

/// Reads an access token. It is good if its form, signature and time are, and if it says of its session what is so.
pub fn access(accounts: &Accounts, token: &str, now: Timestamp) -> Result<Result<AccessToken, Unfit>, Undecided> {
    if RefreshToken::is_meant(token) {
        return Ok(Err(Unfit { refusal: Refusal::TokenInvalid, is_ours: true }));
    }
    let brought = match read(accounts, token, now) {
        Ok(brought) => brought,
        Err(fault) => {
            tracing::debug!(%fault, "an access token was refused");
            return Ok(Err(Unfit { refusal: Refusal::TokenInvalid, is_ours: is_ours_all_the_same(token, fault) }));
        }
    };
    let reference = match &brought {
        Brought::Verified(token) => token.claims().session,
        Brought::Opaque(token) => token.session(),
    };
    let unfit = |refusal| Unfit { refusal, is_ours: true };
    let Some(session) = accounts.sessions.find(reference)? else { return Ok(Err(unfit(Refusal::TokenInvalid))) };
    Ok(match brought {
        Brought::Opaque(token) if session.is_good(&token, now) => {
            let used = UsedToken::Hash(token.hash());
            Ok(AccessToken { session, verified: None, expires: token.expires(), used })
        }
        Brought::Opaque(_) => Err(unfit(Refusal::TokenInvalid)),
        Brought::Verified(token) => match contradiction(token.claims(), &session) {
            Some(refusal) => Err(unfit(refusal)),
            None => {
                let (expires, used) = (token.claims().expires, UsedToken::Issued(token.claims().issued));
                Ok(AccessToken { session, verified: Some(token), expires, used })
            }
        },
    })
}

/// Whether a text is a token of this guard, good or not. What begins as ours do is ours, whatever follows: somebody has cut
/// a token short, or has taken the one for the other. A JWT is ours as long as the key is known that has signed it, which is
/// as long as it could be good.
pub fn is_ours(accounts: &Accounts, token: &str, now: Timestamp) -> bool {
    RefreshToken::is_meant(token)
        || read(accounts, token, now).map_or_else(|fault| is_ours_all_the_same(token, fault), |_| true)
}

/// The same of one that cannot be read as a good access token.
fn is_ours_all_the_same(token: &str, fault: TokenFault) -> bool {
    match fault {
        TokenFault::Malformed => OpaqueToken::is_meant(token),
        TokenFault::Header | TokenFault::UnknownKey | TokenFault::Signature => false,
        TokenFault::Claims | TokenFault::Issuer | TokenFault::Audience | TokenFault::NotYet | TokenFault::Expired => {
            true
        }
    }
}

/// Why the session of a token is not what the token says of it.
fn contradiction(claims: &AccessClaims, session: &Entry) -> Option<Refusal> {
    let (said, present) = ((claims.generation, claims.epoch), (session.generation(), session.epoch()));
    if claims.user != session.user() || claims.proof != session.proof() || said.0 > present.0 || said.1 > present.1 {
        Some(Refusal::TokenInvalid)
    } else if said != present {
        Some(Refusal::TokenRevoked)
    } else {
        None
    }
}

async fn refresh(accounts: &Accounts, token: &RefreshToken) -> Result<Option<Refresh>, Undecided> {
    let Some(family) = accounts.stores.token_families.find(token.family()).await? else { return Ok(None) };
    let Some(session) = accounts.sessions.find(family.session)? else { return Ok(None) };
    let is_current = token.sequence() == family.sequence;
    let made = secret_of(accounts, &family, &session.username(), token)?;
    Ok(made.map(|_| Refresh { session, family, is_current }))
}

/// The secret of a family of this owner's, if it has made this token.
pub(super) fn secret_of(
    accounts: &Accounts,
    family: &Family,
    owner: &Username,
    token: &RefreshToken,
) -> Result<Option<FamilySecret>, Undecided> {
    let name = Family::name_of_secret(family.id);
    match accounts.secrets.kek.open32(&name, owner.as_str(), &family.secret) {
        Ok(secret) => Ok(Some(FamilySecret::new(&secret)).filter(|secret| secret.made(token))),
        // A row that was tampered with counts as ended, and its secret may not open any more.
        Err(_) if family.state != SessionState::Open => Ok(None),
        Err(unsealable) => Err(unsealable.into()),
    }
}
