//! Tokens: what a signed-in client shows instead of signing in again.
//!
//! An access token is a JWT (RFC 7519) of the profile of RFC 9068: type `at+jwt`, signed with Ed25519 (RFC 8037). It says
//! who somebody was when it was issued; whether that session still lives is a question of its own, which no token can
//! answer. [`issue`] makes one, [`verify`] is the only way to read one, and [`TokenKeys`] are the public keys to do so, from a
//! JWK set (RFC 7517) where somebody else verifies. An [`OpaqueToken`] stands in its place where tokens are to say nothing.
//!
//! Nothing in a token says how it is to be checked: the algorithm is that of the key, and the key is one of ours or there is
//! none. What RFC 8725 warns of has no place to stand. The signature is checked by crate `ed25519-dalek` and the form here: a
//! general JWT library reads clocks, takes a member twice, and has to be told what to refuse.

mod claims;
mod fault;
mod jwk;
mod jws;
mod key;
mod keys;
mod lifetime;
mod opaque;
mod ring;
mod verified;

pub use claims::{AccessClaims, CLIENT, TokenId};
pub use fault::TokenFault;
pub use jwk::BadKeySet;
pub use jws::{LONGEST_TOKEN, TooLong};
pub use key::{PublicTokenKey, TokenKeyId, TokenSigningKey};
pub use keys::TokenKeys;
pub use lifetime::AccessLifetime;
pub use opaque::OpaqueToken;
pub use ring::{FormerTokenKey, TokenKeyRing, TooYoung};
pub use verified::{Parties, VerifiedToken, issue, verify};

#[cfg(test)]
mod tests;
