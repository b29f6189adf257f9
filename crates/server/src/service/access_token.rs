//! Access tokens in the form that the operator chose, and reading them in either.

use countersign_core::account::User;
use countersign_core::encoding::Reader;
use countersign_core::id::SessionRef;
use countersign_core::secret::Secret32;
use countersign_core::session::{Proof, TokenHash};
use countersign_core::time::Timestamp;
use countersign_core::token::{
    AccessClaims, OpaqueToken, Parties, TokenFault, TokenId, TooLong, VerifiedToken, issue, verify,
};
use std::net::IpAddr;
use zeroize::Zeroizing;

use crate::accounts::Accounts;
use crate::config::TokenFormat;

/// Whom a token is issued to, and for which session.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The user, as they are now: their generation stands in the token.
    pub user: &'a User,
    /// The session.
    pub session: SessionRef,
    /// What has to come with the token.
    pub proof: Proof,
    /// When the user last proved who they are.
    pub auth_time: Timestamp,
    /// The epoch of the session.
    pub epoch: u32,
    /// When the session is over.
    pub over: Timestamp,
    /// Where the client is.
    pub address: IpAddr,
}

/// A token that was issued.
#[derive(Debug)]
pub struct Issued {
    /// The token. Whoever holds it may be taken for its user.
    pub text: Zeroizing<String>,
    /// What is kept of it.
    pub hash: TokenHash,
    /// The first moment at which it is good no more.
    pub expires: Timestamp,
}

/// An access token that somebody brought.
#[derive(Debug)]
pub enum Brought {
    /// A JWT that was good when it was issued and has not expired.
    Verified(VerifiedToken),
    /// An opaque one. Nothing is known of it until [`OpaqueToken::is_good`] was asked with the hash that is kept.
    Opaque(OpaqueToken),
}

/// How many random octets a token takes.
pub const RANDOM: usize = 56;

/// Issues an access token; none when the session has not a second left.
pub fn issue_to(
    accounts: &Accounts,
    holder: &Holder<'_>,
    random: &[u8; RANDOM],
    now: Timestamp,
) -> Result<Option<Issued>, TooLong> {
    let mut random = Reader::new(random);
    let (chance, id) = (random.u64().unwrap_or_default(), TokenId(random.array().unwrap_or_default()));
    let tokens = &accounts.config.tokens;
    let Some(expires) = tokens.lifetime.expiry(now, holder.over, chance) else { return Ok(None) };
    let text = match tokens.format {
        TokenFormat::Jwt => {
            let address = tokens.ip_claim.then_some(holder.address);
            let claims = claims(holder, id, (now, expires), address);
            Zeroizing::new(issue(&claims, &parties(accounts), accounts.secrets.token_keys.held().signing())?)
        }
        TokenFormat::Opaque => {
            let secret = Secret32::new(random.array().unwrap_or_default());
            OpaqueToken::new(holder.session, expires, secret).to_text()
        }
    };
    Ok(Some(Issued { hash: TokenHash::of(&text), text, expires }))
}

/// Reads a token of either form: after a change of `token_format` the ones from before are still good.
pub fn read(accounts: &Accounts, token: &str, now: Timestamp) -> Result<Brought, TokenFault> {
    if OpaqueToken::is_meant(token) {
        return token.parse().map(Brought::Opaque).map_err(|_| TokenFault::Malformed);
    }
    verify(token, accounts.secrets.token_keys.held().verifying(), &parties(accounts), now).map(Brought::Verified)
}

fn parties(accounts: &Accounts) -> Parties<'_> {
    Parties { issuer: &accounts.issuer, audience: &accounts.issuer }
}

fn claims(
    holder: &Holder<'_>,
    id: TokenId,
    (issued, expires): (Timestamp, Timestamp),
    address: Option<IpAddr>,
) -> AccessClaims {
    let Holder { user, session, proof, auth_time, epoch, over: _, address: _ } = *holder;
    let whole = |time: Timestamp| Timestamp::from_secs(time.as_secs());
    AccessClaims {
        user: user.id,
        username: user.username.clone(),
        role: user.role,
        permissions: user.permissions.clone(),
        session,
        proof,
        id,
        auth_time: whole(auth_time),
        issued: whole(issued),
        expires,
        generation: user.generation,
        epoch,
        address,
    }
}
