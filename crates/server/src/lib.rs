//! The Countersign guard as a library: use cases, the HTTP doors in front of them, and the workers behind.

pub mod accounts;
pub mod app;
pub mod config;
pub mod control;
pub mod data;
pub mod doctor;
pub mod edge;
pub mod http;
pub mod keyring;
pub mod replay;
pub mod secrets;
pub mod serve;
pub mod service;
pub mod shared_kek;
pub mod telemetry;
pub mod worker;
