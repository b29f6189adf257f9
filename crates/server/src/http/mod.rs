//! The doors: HTTP comes in here and stops here.

pub mod arrival;
mod basic;
mod body_violation;
pub mod buffer;
mod clock;
mod cookies;
#[cfg(feature = "standalone")]
pub mod envelope;
mod form;
pub mod identity;
mod json;
pub mod layer;
mod listened;
#[cfg(feature = "standalone")]
pub mod listener;
mod media_type;
#[cfg(feature = "standalone")]
mod openapi;
pub(crate) mod ours;
pub mod peer;
pub mod policy;
pub mod problem;
#[cfg(feature = "standalone")]
pub mod proxy;
mod query;
pub mod router;
pub mod routes;
pub mod sign;
pub mod spool;
mod stream;
#[cfg(feature = "standalone")]
mod timely;
#[cfg(feature = "standalone")]
mod tunnel;
pub mod verify;
mod whence;

pub use body_violation::BodyViolation;
