//! The doors: HTTP comes in here and stops here.

pub mod authority;
pub mod buffer;
pub mod listener;
pub mod peer;
pub mod policy;
pub mod problem;
pub mod proxy;
pub mod router;
pub mod routes;
pub mod sign;
pub mod spool;
mod timely;
pub mod verify;
