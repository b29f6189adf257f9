//! The keys of the frames of a stream, for somebody who was admitted.

use countersign_core::secret::KeyPair;
use countersign_core::verdict::{Principal, Prover};

use super::Undecided;
use super::session_root::session_root;
use crate::app::App;

/// The keys of both directions (protocol §2); none when the key or the session is gone. Streams are few, so their keys are
/// derived for each.
pub fn stream_keys(app: &App, principal: &Principal) -> Result<Option<KeyPair>, Undecided> {
    let root = match &principal.prover {
        Prover::Key(key) => match app.accounts.keyring.find(key.as_str())? {
            Some(holder) => Some(holder.root(&app.accounts.secrets.kek)?),
            None => None,
        },
        Prover::Session(session) => match app.accounts.sessions.find(*session)? {
            Some(entry) => session_root(&app.accounts, &entry)?,
            None => None,
        },
    };
    Ok(root.map(|root| root.stream_pair(&principal.prover.to_string())))
}
