//! Use cases, one per file. They know ports and the core, never HTTP and never an adapter.

pub mod access_token;
pub mod admin;
pub mod bearer;
pub mod change_password;
pub mod claim;
pub mod codes;
pub mod confirm;
pub mod control;
pub mod end_sessions;
pub mod enrol;
pub mod envelope;
pub mod event_log;
pub mod events;
pub mod folding;
pub mod genuine_token;
pub mod grant;
pub mod guessing;
pub mod idempotency;
pub mod introspect;
pub mod login;
pub mod open_session;
pub mod own_keys;
pub mod own_sessions;
pub mod password;
pub mod pool;
pub mod recover;
pub mod refresh;
pub mod rekey;
pub mod revocation_feed;
pub mod revoke_token;
pub mod revoke_user;
pub mod rotate;
pub(crate) mod rotate_token_key;
pub mod seed_enrol;
pub mod sensitive;
pub mod session_root;
pub mod session_row;
pub mod session_use;
pub mod stream_keys;
pub mod throttle;
pub mod verify_request;
pub mod whence;

use countersign_core::secret::Unsealable;
use countersign_store::port::StoreError;
use tokio::task::JoinError;

use crate::keyring::InDoubt;
use crate::sessions;

/// Nothing could be decided. The caller is refused with 503; nobody is ever admitted by this.
#[derive(Debug, thiserror::Error)]
pub enum Undecided {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault left the table of keys in doubt.
    #[error(transparent)]
    Keyring(#[from] InDoubt),
    /// A fault left the table of sessions in doubt.
    #[error(transparent)]
    Sessions(#[from] sessions::InDoubt),
    /// A stored secret does not open.
    #[error(transparent)]
    Unsealable(#[from] Unsealable),
    /// The server's own secrets are in doubt after a fault.
    #[error("the server's secrets are in doubt after a fault; restart the server")]
    SecretsInDoubt,
    /// More work is waiting than may wait.
    #[error("too much work is waiting")]
    Overloaded,
    /// A change broke off in a panic.
    #[error("a change broke off")]
    BrokeOff(#[from] JoinError),
}

/// Makes a change to its end, even if whoever asked for it goes away and is not waited for any more: what the store has
/// committed the keyring must learn, too.
async fn to_its_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, Undecided>> + Send + 'static,
) -> Result<T, Undecided> {
    tokio::spawn(change).await?
}
