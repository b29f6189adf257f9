//! Handlers: extract, one use case, answer.

#[cfg(feature = "standalone")]
pub mod echo;
pub mod enrol;
#[cfg(feature = "standalone")]
pub mod events;
#[cfg(feature = "standalone")]
pub mod health;
pub mod keys;
mod seed;
pub mod well_known;
pub mod whoami;
