//! Verifying a guard's access tokens elsewhere, without asking the guard about each.
//!
//! A token says who somebody was when it was issued. Whether it was taken back since is in the guard's feed of revocations,
//! which a [`Verifier`] follows with the key of a service: every poll is signed and so is every answer, so nobody between
//! can invent, hold back or replay an answer without the verifier noticing. What it knows is as old as the last poll that
//! was answered, counted from when that was **sent**; when that is [a second](Settings::silence) ago, it asks the guard about
//! each token or refuses, and before it has read the feed to its end for the first time it refuses everything.
//!
//! [`Checker`] is the whole of the decision without any I/O or clock.

mod checker;
mod feed;
mod follow;
mod online;
mod page;
#[cfg(test)]
mod samples;
mod settings;
mod table;
mod taken_back;
#[cfg(test)]
mod tests;
mod trouble;

use core::time::Duration;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use countersign_core::token::AccessClaims;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use self::checker::Looked;
pub use self::checker::{Accepted, Checker, Doubt, Evidence, Refused};
pub use self::feed::{Poll, Progress};
pub use self::page::{Page, Unreadable};
pub use self::settings::{Settings, WhenSilent};
pub use self::taken_back::Revocation;
pub use self::trouble::Trouble;
use crate::Client;

/// How long an answer of the guard's is waited for. One that is held up is worth little afterwards, and the next may get through.
const PATIENCE: Duration = Duration::from_secs(1);

/// Follows the feed of one guard and verifies its tokens. Clones share what they know; the last one to go ends it.
#[derive(Clone, Debug)]
pub struct Verifier {
    shared: Arc<Shared>,
    _following: Arc<Following>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    settings: Settings,
    checker: RwLock<Checker>,
    /// Wakes whoever follows it when something was taken back.
    news: watch::Sender<u64>,
    /// Wakes after each poll: what was wrong with it, if anything was.
    trouble: watch::Sender<Option<Trouble>>,
}

/// The task that follows the feed; it ends with this.
#[derive(Debug)]
struct Following(AbortHandle);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Verifier {
    /// Begins to follow the feed of the client's guard, on the present runtime of tokio. The client's key has to be that of a
    /// service.
    pub fn start(client: Client, settings: Settings) -> Self {
        let checker = RwLock::new(Checker::new(&settings));
        // A question changes nothing, so that no answer to it need be kept.
        let client = client.without_idempotency_keys();
        let (news, trouble) = (watch::Sender::default(), watch::Sender::default());
        let shared = Arc::new(Shared { client, settings, checker, news, trouble });
        let task = tokio::spawn(follow::follow(Arc::clone(&shared)));
        Self { shared, _following: Arc::new(Following(task.abort_handle())) }
    }

    /// Whether a token is good. Tokens of sessions that sign their requests are refused here, whoever shows them.
    pub async fn verify(&self, token: &str) -> Result<Accepted, Refused> {
        self.verify_with_proof(token, |_| false).await
    }

    /// The same, where the caller can tell whether the request that came with the token was signed by its session; see
    /// [`Checker::verify_with_proof`].
    pub async fn verify_with_proof(
        &self,
        token: &str,
        is_proven: impl FnOnce(&AccessClaims) -> bool,
    ) -> Result<Accepted, Refused> {
        let looked = self.shared.read().look(token, self.shared.client.clock.read(), is_proven);
        match (looked, self.shared.settings.when_silent) {
            (Looked::Certain(decided), _) => decided,
            (Looked::UnlessTakenBack(claims), WhenSilent::Ask) => online::ask(&self.shared, token, claims).await,
            (Looked::UnlessTakenBack(_), WhenSilent::Refuse) => Err(Refused::Unavailable(Doubt::Silent)),
        }
    }

    /// Whether tokens can be verified without asking.
    pub fn is_up_to_date(&self) -> bool {
        self.shared.read().is_up_to_date(self.shared.client.clock.read())
    }

    /// The sequence number up to which the guard's log of revocations was read. It counts as changed when something was taken
    /// back and only then, so that what goes on for long can look again whether its token is still good.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.shared.news.subscribe()
    }

    /// What is wrong, when the last poll told nothing or there is a public key that cannot be had. The log is told, too,
    /// whenever it is something else than before.
    pub fn last_error(&self) -> Option<Trouble> {
        self.shared.trouble.borrow().clone()
    }

    /// Completes once the feed was read to its end and the guard's public keys are here. Ends in the trouble when that can never
    /// be: the guard says that the key is not that of a service, or was revoked. Everything else may pass, and is waited for;
    /// [`last_error`](Self::last_error) says what it is.
    pub async fn is_ready(&self) -> Result<(), Trouble> {
        let mut polls = self.shared.trouble.subscribe();
        loop {
            // What is told from here on is looked at in the next round.
            let trouble = polls.borrow_and_update().clone();
            if self.knows_everything() {
                return Ok(());
            }
            if let Some(trouble) = trouble.filter(Trouble::is_final) {
                return Err(trouble);
            }
            // The sender is ours: it is there for as long as this is.
            let _ = polls.changed().await;
        }
    }

    fn knows_everything(&self) -> bool {
        let checker = self.shared.read();
        checker.was_read_to_its_end() && !checker.lacks_keys()
    }
}

impl Shared {
    /// Every change is whole when its lock is given back, so that one whose holder panicked is used on.
    fn read(&self) -> RwLockReadGuard<'_, Checker> {
        self.checker.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Checker> {
        self.checker.write().unwrap_or_else(PoisonError::into_inner)
    }
}
