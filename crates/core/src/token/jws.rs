//! The compact serialization (RFC 7515 §3.1), as far as access tokens need it.

use super::fault::TokenFault;
use super::key::{PublicTokenKey, TokenSigningKey};
use super::keys::TokenKeys;
use crate::encoding::{b64u, unb64u};
use crate::json::{Object, Value, put_string};

/// The longest token that is looked at, in octets: a header section has room for it beside everything else.
pub const LONGEST_TOKEN: usize = 8 * 1024;

/// The longest header, encoded. Ours has 100 octets; so short a text is read before anything is known about it.
const LONGEST_HEADER: usize = 512;

/// The only algorithm (RFC 8037 §3.1).
const ALGORITHM: &str = "EdDSA";

/// The type of access tokens (RFC 9068 §2.1), without `application/` as that section recommends.
const TYPE: &str = "at+jwt";

/// A token that would be longer than any that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access token would be longer than 8 KiB: shorten the name of its issuer")]
pub struct TooLong;

/// The token with these claims.
pub(super) fn sign(claims: &str, key: &TokenSigningKey) -> Result<String, TooLong> {
    let mut header = format!(r#"{{"alg":"{ALGORITHM}","typ":"{TYPE}","kid":"#);
    put_string(&mut header, key.id().as_str());
    header.push('}');
    let mut token = format!("{}.{}", b64u(header.as_bytes()), b64u(claims.as_bytes()));
    let signature = b64u(&key.sign(token.as_bytes()));
    token.push('.');
    token.push_str(&signature);
    if token.len() <= LONGEST_TOKEN { Ok(token) } else { Err(TooLong) }
}

/// The claims of a token that one of these keys has signed. Nothing in it is read but the header before that is sure.
pub(super) fn open(token: &str, keys: &TokenKeys) -> Result<Vec<u8>, TokenFault> {
    if token.len() > LONGEST_TOKEN {
        return Err(TokenFault::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(TokenFault::Malformed)?;
    // What has a dot in it is no base64url: there are exactly three parts.
    let claims = unb64u(claims).ok_or(TokenFault::Malformed)?;
    let signature = unb64u(signature).ok_or(TokenFault::Malformed)?;
    let key = key(header, keys)?;
    let signature = signature.try_into().map_err(|_| TokenFault::Signature)?;
    if key.verifies(message.as_bytes(), &signature) { Ok(claims) } else { Err(TokenFault::Signature) }
}

/// The key that the header names. It has the three members that ours has and none besides: no other algorithm, no key or
/// address of one, nothing critical (RFC 7515 §4.1.11), no other coding of the claims.
fn key<'k>(header: &str, keys: &'k TokenKeys) -> Result<&'k PublicTokenKey, TokenFault> {
    if header.len() > LONGEST_HEADER {
        return Err(TokenFault::Malformed);
    }
    let header = unb64u(header).ok_or(TokenFault::Malformed)?;
    let header = Object::read(&header).map_err(|_| TokenFault::Malformed)?;
    let text = |name| header.member(name).and_then(Value::text).ok_or(TokenFault::Header);
    let (algorithm, kind, id) = (text("alg")?, text("typ")?, text("kid")?);
    if header.len() != 3 || algorithm != ALGORITHM || kind != TYPE {
        return Err(TokenFault::Header);
    }
    keys.find(id).ok_or(TokenFault::UnknownKey)
}
