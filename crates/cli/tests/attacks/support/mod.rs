//! What the attacks have at hand: a guard, what speaks to it octet by octet, and what stands behind it.

pub(crate) mod guard;
pub(crate) mod knock;
pub(crate) mod process;
pub(crate) mod signing;
pub(crate) mod spellings;
pub(crate) mod tables;
pub(crate) mod upstream;
pub(crate) mod verifying;
pub(crate) mod wire;
