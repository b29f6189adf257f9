//! Handlers: extract, one use case, answer.

#[cfg(feature = "standalone")]
pub mod echo;
pub mod enrol;
#[cfg(feature = "standalone")]
pub mod health;
mod seed;
pub mod whoami;
