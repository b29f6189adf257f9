//! Whether a token is good, for programs elsewhere that were shown one (RFC 7662).

use countersign_core::encoding::b64u;
use countersign_core::permission::Permission;
use countersign_core::session::{Proof, SessionState};
use countersign_core::time::Timestamp;
use countersign_core::token::CLIENT;
use countersign_core::verdict::{Principal, Verdict};
use serde::Serialize;

use super::Undecided;
use super::genuine_token::{AccessToken, Genuine, Refresh, genuine};
use crate::accounts::Accounts;
use crate::sessions::Entry;

/// What a program takes the token for that it asks about: `token_type_hint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A refresh token.
    Refresh,
    /// An access token, something that we do not know, or nothing.
    Other,
}

/// A good token (RFC 7662 §2.2). Times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct Introspection {
    /// True.
    active: bool,
    /// Who issued it.
    iss: String,
    /// For whom.
    aud: String,
    /// The client of every token of ours: sessions are opened at the guard itself.
    client_id: &'static str,
    /// `Bearer`, also where `cnf` says what has to come with it (RFC 8705 §3 does likewise); nothing for a refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "standalone", schema(nullable = false))]
    token_type: Option<&'static str>,
    /// The user, by the UUID that never changes.
    sub: String,
    /// The user's name.
    username: String,
    /// `user`, `admin` or `service`.
    role: &'static str,
    /// What the user may do at the API.
    permissions: Vec<String>,
    /// The same, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "standalone", schema(nullable = false))]
    scope: Option<String>,
    /// The session, by its public name.
    sid: String,
    /// When the user last proved who they are.
    auth_time: u64,
    /// The first second at which the token is good no more.
    exp: u64,
    /// When it was issued; opaque tokens do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "standalone", schema(nullable = false))]
    iat: Option<u64>,
    /// The number of the token, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "standalone", schema(nullable = false))]
    jti: Option<String>,
    /// The user's generation.
    r#gen: u32,
    /// The guard's epoch.
    epoch: u32,
    /// The key of the session, without whose signature the token is worth nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "standalone", schema(nullable = false))]
    cnf: Option<Confirmation>,
}

/// What has to be proven (RFC 7800 §3.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct Confirmation {
    /// The keyid of the session's key.
    kid: String,
}

/// What there is to say of a token; nothing if it is no good, for whatever reason (RFC 7662 §2.2).
///
/// A refresh token is found only by whoever says that it is one: it is for the guard and for nobody else, and a program that
/// is shown one in the place of an access token, and merely asks whether it is active, must not take it for that (RFC 7662 §4).
pub async fn introspect(
    accounts: &Accounts,
    token: &str,
    hint: Hint,
    now: Timestamp,
) -> Result<Option<Introspection>, Undecided> {
    let Some(found) = genuine(accounts, token, now).await? else { return Ok(None) };
    let Verdict::Admit(principal) = accounts.verdict_on(found.session(), now)? else { return Ok(None) };
    Ok(match found {
        Genuine::Access(token) => Some(of_access(accounts, &token, &principal)),
        Genuine::Refresh(token) if hint == Hint::Refresh => of_refresh(accounts, &token, &principal, now),
        Genuine::Refresh(_) => None,
    })
}

fn of_access(accounts: &Accounts, token: &AccessToken, principal: &Principal) -> Introspection {
    let exp = token.expires.min(token.session.expires());
    Introspection {
        token_type: Some("Bearer"),
        iat: token.claims().map(|claims| claims.issued.as_secs()),
        jti: token.claims().map(|claims| b64u(&claims.id.0)),
        ..of_session(accounts, &token.session, principal, exp)
    }
}

fn of_refresh(accounts: &Accounts, token: &Refresh, principal: &Principal, now: Timestamp) -> Option<Introspection> {
    let Refresh { session, family, is_current } = token;
    let exp = family.good_until.min(family.expires);
    let is_good = *is_current && family.state == SessionState::Open && now < exp;
    is_good
        .then(|| Introspection { iat: Some(family.rotated.as_secs()), ..of_session(accounts, session, principal, exp) })
}

fn of_session(accounts: &Accounts, session: &Entry, principal: &Principal, expires: Timestamp) -> Introspection {
    let permissions: Vec<_> = principal.permissions.iter().map(Permission::as_str).collect();
    Introspection {
        active: true,
        iss: accounts.issuer.clone(),
        aud: accounts.issuer.clone(),
        client_id: CLIENT,
        token_type: None,
        sub: principal.user.to_string(),
        username: principal.username.to_string(),
        role: principal.role.as_str(),
        scope: (!permissions.is_empty()).then(|| permissions.join(" ")),
        permissions: permissions.into_iter().map(str::to_owned).collect(),
        sid: session.reference().to_string(),
        auth_time: session.auth_time().as_secs(),
        exp: expires.as_secs(),
        iat: None,
        jti: None,
        r#gen: session.generation(),
        epoch: session.epoch(),
        cnf: (session.proof() == Proof::Key).then(|| Confirmation { kid: session.reference().keyid() }),
    }
}
