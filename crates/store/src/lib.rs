//! What Countersign keeps, and where.
//!
//! [`port`] says what must be true after each operation; [`memory`] says what a port means; [`sqlite`] keeps it on one
//! machine. [`conformance`] runs the same sentences on every adapter.

pub mod conformance;
pub mod memory;
pub mod port;
