//! What Countersign keeps, and where.
//!
//! [`port`] says what must be true after each operation; [`memory`] says what a port means; [`sqlite`] keeps it on one
//! machine. `conformance` runs the same sentences on every adapter.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod event_row;
mod meaning;
pub mod memory;
pub mod port;
pub mod sqlite;
mod stores;

pub use stores::Stores;
