//! The real binary: killed, stopped, started again, and operated from beside.

mod crashes;
mod operators;
mod outcomes;
mod rekeying;
mod secrets;
mod sessions;
