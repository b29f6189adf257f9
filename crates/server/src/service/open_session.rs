//! Opens a session: in the store first, and then in memory.

use countersign_core::account::User;
use countersign_core::event::Event;
use countersign_core::secret::Root;
use countersign_core::session::{Family, Limit, Scope, Session};
use countersign_store::port::Opened;

use super::{Undecided, to_its_end};
use crate::app::SharedApp;
use crate::keyring::Purpose;

/// A session that is to be opened.
#[derive(Debug)]
pub struct Opening {
    /// The session.
    pub session: Session,
    /// The family of its refresh tokens.
    pub family: Family,
    /// Whose it is, as it was read when they proved who they are.
    pub user: User,
    /// The root of its keys, where the caller has it at hand.
    pub root: Option<Root>,
    /// How many sessions the user may have.
    pub limit: Option<Limit>,
}

/// Opens a session, and ends those that have to make room for it, whatever becomes of whoever waits for it.
pub async fn open_session(app: &SharedApp, opening: Opening, event: Event) -> Result<Opened, Undecided> {
    let app = app.clone();
    to_its_end(async move {
        let Opening { session, family, user, root, limit } = opening;
        let sessions = &app.accounts.sessions;
        // Before the store is asked: who is disabled while it writes must not find a session open afterwards.
        let expected = sessions.expect(&user)?;
        let opened = app.accounts.stores.sessions.open(&session, &family, limit, &event).await?;
        if let Opened::Done { evicted } = &opened {
            let entry = sessions.put_in(&session, expected)?;
            if let Some(root) = root {
                entry.pair(Purpose::Requests, &root);
            }
            for session in evicted {
                sessions.deny(&Scope::Session(*session), event.at)?;
            }
            if !evicted.is_empty() {
                sessions.log_has_grown();
            }
        }
        Ok(opened)
    })
    .await
}
