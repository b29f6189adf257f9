//! The Countersign guard as a library: a layer for programs that speak HTTP themselves, and the guard as a process of its
//! own.
//!
//! A program opens a [`Guard`] on a data directory, puts [`Guard::layer`] in front of its API and [`Guard::routes`] beside
//! it, and finds an [`Identity`] with every request; `examples/axum.rs` and `examples/hyper.rs` are whole. Without the
//! feature `standalone`, which is on by default, the crate is that much and no more: no listener, no reverse proxy, no log.

pub mod accounts;
pub mod app;
pub mod config;
pub mod control;
pub mod data;
#[cfg(feature = "standalone")]
pub mod doctor;
pub mod edge;
mod guard;
pub mod hashing;
pub mod http;
pub mod keyring;
pub mod replay;
pub mod secrets;
#[cfg(feature = "standalone")]
pub mod serve;
pub mod service;
pub mod sessions;
pub mod shared_kek;
pub mod static_keys;
#[cfg(feature = "standalone")]
pub mod telemetry;
#[cfg(feature = "standalone")]
pub mod tls;
pub mod token_keys;
pub mod verifiers;
pub mod worker;

/// The body of a request that was admitted, and of the answers to all.
pub use axum::body::Body;
pub use guard::{Guard, OpenError, StopError};
pub use http::identity::Identity;
pub use http::layer::{Verify, VerifyLayer};
