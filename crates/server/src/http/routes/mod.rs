//! Handlers: extract, one use case, answer.

#[cfg(feature = "standalone")]
pub mod echo;
pub mod enrol;
#[cfg(feature = "standalone")]
pub mod health;
pub mod keys;
pub mod oauth;
pub mod revocations;
mod seed;
pub mod well_known;
pub mod whoami;
