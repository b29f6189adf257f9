//! The ports kept in memory: what a port means, in the fewest words.

mod replay;

pub use replay::{Burn, Limits, MemoryReplayGuard, Unrestorable, Usage};
