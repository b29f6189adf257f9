//! Handlers: extract, one use case, answer.

pub mod echo;
pub mod enrol;
pub mod health;
mod seed;
pub mod whoami;
