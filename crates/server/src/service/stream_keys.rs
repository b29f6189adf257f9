//! The keys of the frames of a stream, for somebody who was admitted.

use countersign_core::secret::KeyPair;
use countersign_core::verdict::Principal;

use super::Undecided;
use crate::app::App;

/// The keys of both directions (protocol §2); none when the key is gone. Streams are few, so their keys are derived for
/// each.
pub fn stream_keys(app: &App, principal: &Principal) -> Result<Option<KeyPair>, Undecided> {
    let keyid = principal.key.as_str();
    let Some(holder) = app.accounts.keyring.find(keyid)? else { return Ok(None) };
    Ok(Some(holder.root(&app.accounts.secrets.kek)?.stream_pair(keyid)))
}
