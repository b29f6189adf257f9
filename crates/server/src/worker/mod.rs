//! What goes on beside the requests.

pub mod accept_mark;
#[cfg(feature = "standalone")]
pub mod certificate;
pub mod housekeeping;
pub mod rekey;
