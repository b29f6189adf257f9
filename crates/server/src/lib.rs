//! The Countersign guard as a library: use cases, the HTTP doors in front of them, and the workers behind.

pub mod edge;
pub mod replay;
pub mod worker;
