//! Handlers: extract, one use case, answer.

#[cfg(feature = "standalone")]
pub mod admin;
#[cfg(feature = "standalone")]
pub mod echo;
pub mod enrol;
#[cfg(feature = "standalone")]
pub mod events;
pub(super) mod grant;
#[cfg(feature = "standalone")]
pub mod health;
pub mod keys;
pub mod login;
pub mod oauth;
#[cfg(feature = "standalone")]
pub mod openapi;
pub mod password;
pub mod refresh;
pub mod revocations;
pub mod revoke_user;
pub(super) mod seed;
pub mod sessions;
pub mod well_known;
pub mod whoami;
