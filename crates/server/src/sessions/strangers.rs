use std::collections::HashMap;
use std::sync::Mutex;

use countersign_core::id::SessionRef;

use super::InDoubt;

/// Of so many networks it is noted that a session was used from them. Whoever goes through more has been told of.
const MOST: usize = 32;

/// From which networks sessions were used that were not opened there. Few are, so they are kept apart.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<HashMap<SessionRef, Vec<u64>>>);

impl Strangers {
    /// Notes that a session is used from this network; whether that is news.
    pub(super) fn note(&self, session: SessionRef, network: u64) -> Result<bool, InDoubt> {
        let mut strangers = self.0.lock().map_err(|_| InDoubt)?;
        let known = strangers.entry(session).or_default();
        let is_new = known.len() < MOST && !known.contains(&network);
        if is_new {
            known.push(network);
        }
        Ok(is_new)
    }

    pub(super) fn forget(&self, session: SessionRef) -> Result<(), InDoubt> {
        self.0.lock().map_err(|_| InDoubt)?.remove(&session);
        Ok(())
    }
}
