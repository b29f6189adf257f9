//! The Countersign guard as a library: use cases, the HTTP doors in front of them, and the workers behind.

pub mod config;
pub mod control;
pub mod data;
pub mod doctor;
pub mod telemetry;
