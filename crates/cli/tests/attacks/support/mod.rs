//! What the attacks have at hand: a guard, what speaks to it octet by octet, and what stands behind it.

pub(crate) mod guard;
pub(crate) mod knock;
pub(crate) mod process;
pub(crate) mod signing;
pub(crate) mod spellings;
pub(crate) mod streams;
pub(crate) mod tables;
pub(crate) mod transport;
pub(crate) mod upstream;
pub(crate) mod verifying;
pub(crate) mod wire;

use std::time::Duration;

/// Longer than anything here may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what comes by and by. A test in which it never comes fails; it does not hang.
pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it never comes")
}
