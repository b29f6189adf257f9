//! The control socket: how a command on this machine asks the server that holds the data directory.
//!
//! HTTP/1.1 over `control.sock` in the data directory, which only its owner and root can enter. One route takes JSON
//! and gives JSON; what it means is the caller's. The system says who is at the other end, and that goes into the log.

mod actor;
mod address;
mod answer;
mod call;
mod socket;
#[cfg(test)]
mod tests;

pub use actor::Actor;
pub use answer::ControlError;
pub use call::{CallError, call, call_patiently};
pub use socket::{BindError, ControlSocket};

use core::time::Duration;

/// The one route.
const ROUTE: &str = "/control";

/// The longest question, in octets.
const LONGEST_QUESTION: usize = 64 << 10;

/// How long somebody may take to say what they want.
const PATIENCE: Duration = Duration::from_secs(5);
