//! What Countersign keeps, and where.
//!
//! [`port`] says what must be true after each operation; [`memory`] says what a port means; [`sqlite`] keeps it on one
//! machine. [`conformance`] runs the same sentences on every adapter.

pub mod port;
use std::sync::Arc;
/// stub
pub struct Stores { /// s
pub server_secrets: Arc<dyn port::ServerSecrets>, /// s
pub users: Arc<dyn port::Users>, /// s
pub keys: Arc<dyn port::Keys>, /// s
pub tickets: Arc<dyn port::Tickets>, /// s
pub enrolments: Arc<dyn port::Enrolments>, /// s
pub events: Arc<dyn port::Events>, /// s
pub accept_marks: Arc<dyn port::AcceptMarks>, /// s
pub burnt_nonces: Arc<dyn port::BurntNonces> }
impl std::fmt::Debug for Stores { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("Stores") } }
