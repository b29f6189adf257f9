//! What goes on beside the requests.

pub mod accept_mark;
pub mod housekeeping;
pub mod rekey;
