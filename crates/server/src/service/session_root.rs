//! The root of a session, from which its keys are derived.

use countersign_core::secret::Root;

use super::Undecided;
use crate::accounts::Accounts;
use crate::sessions::Entry;

/// The root of this session: derived from that of the key which opened it, or the session's own where a password did. None
/// for a session that does not sign, and when the key is gone.
pub fn session_root(accounts: &Accounts, session: &Entry) -> Result<Option<Root>, Undecided> {
    let Some(key) = session.opened_by() else { return Ok(session.sealed_root(&accounts.secrets.kek)?) };
    let Some(holder) = accounts.keyring.find(key.as_str())? else { return Ok(None) };
    Ok(Some(holder.root(&accounts.secrets.kek)?.session_root(session.reference())))
}
