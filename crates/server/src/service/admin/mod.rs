//! What administrators see: who there is, who is signed in, and how the guard is.

mod sessions;
mod status;
mod users;

pub use sessions::{SessionPage, WhichSessions, sessions};
pub use status::{Clock, Counts, LogHeads, Status, StoreStatus, status};
pub use users::{UserPage, WhichUsers, users};

/// The most rows that are looked at for one answer. Those that are passed over count, so that an answer may have fewer, or
/// none, and still say where to go on.
pub const MOST_ROWS: u32 = 1_000;
