//! Access tokens, issued and verified.

use core::time::Duration;

use super::claims::AccessClaims;
use super::fault::TokenFault;
use super::jws::{self, TooLong};
use super::key::TokenSigningKey;
use super::keys::TokenKeys;
use super::lifetime::AccessLifetime;
use crate::json::{Object, Value};
use crate::time::Timestamp;

/// How far another machine's clock may be behind that of the guard. It counts for `iat` and `nbf` only: nothing makes a
/// token good for longer.
const LEEWAY: Duration = Duration::from_secs(60);

/// Who issues tokens, and for whom: both the guard's public URL, unless an operator says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Parties<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `aud`.
    pub audience: &'a str,
}

/// The access token with these claims.
pub fn issue(claims: &AccessClaims, parties: &Parties<'_>, key: &TokenSigningKey) -> Result<String, TooLong> {
    jws::sign(&claims.write(parties), key)
}

/// What a token says, once it has been checked. Only [`verify`] makes one.
///
/// It says nothing about whether the session is still open, nor, where [`AccessClaims::proof`] asks for a signature,
/// whether there is one.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    claims: AccessClaims,
}

impl VerifiedToken {
    /// What it says.
    pub const fn claims(&self) -> &AccessClaims {
        &self.claims
    }
}

/// Checks an access token: its form, its signature, who issued it and for whom, and that it is good at `now`.
///
/// It is good until the last millisecond before `exp`.
pub fn verify(
    token: &str,
    keys: &TokenKeys,
    parties: &Parties<'_>,
    now: Timestamp,
) -> Result<VerifiedToken, TokenFault> {
    let claims = jws::open(token, keys)?;
    let object = Object::read(&claims).map_err(|_| TokenFault::Claims)?;
    let is = |name, value: &str| object.member(name).and_then(Value::text) == Some(value);
    if !is("iss", parties.issuer) {
        return Err(TokenFault::Issuer);
    }
    if !is("aud", parties.audience) {
        return Err(TokenFault::Audience);
    }
    let not_before = match object.member("nbf") {
        Some(value) => Timestamp::from_secs(value.whole().ok_or(TokenFault::Claims)?),
        None => Timestamp::default(),
    };
    let claims = AccessClaims::read(&object).ok_or(TokenFault::Claims)?;
    let longest = claims.issued.saturating_add(AccessLifetime::MAX.longest());
    if claims.expires <= claims.issued || claims.expires > longest {
        return Err(TokenFault::Claims);
    }
    if now >= claims.expires {
        return Err(TokenFault::Expired);
    }
    if now.saturating_add(LEEWAY) < claims.issued.max(not_before) {
        return Err(TokenFault::NotYet);
    }
    Ok(VerifiedToken { claims })
}
