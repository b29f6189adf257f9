use core::time::Duration;

use countersign_core::token::AccessLifetime;

/// What access tokens are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Their form.
    pub format: TokenFormat,
    /// How long they are good.
    pub lifetime: AccessLifetime,
    /// Whether they say for which address they were issued.
    pub ip_claim: bool,
    /// How long a key signs before the next one takes its place.
    pub key_age: Duration,
}

/// The form of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFormat {
    /// A JWT, which others can verify by themselves.
    Jwt,
    /// Random, and good for nobody but this guard.
    Opaque,
}
