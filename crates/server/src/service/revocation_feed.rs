//! What was taken back, for programs elsewhere that verify tokens by themselves.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::session::{Revocation, Revoked};
use countersign_core::verdict::Prover;
use countersign_store::port::Head;
use serde::Serialize;
use tokio::time::sleep;

use super::Undecided;
use crate::accounts::Accounts;
use crate::app::App;

/// The most entries of one answer.
pub const MOST_ENTRIES: u32 = 512;

/// How long an answer waits for something to tell. With its way there and back it comes within the 250 ms that those who
/// follow rely upon.
const PATIENCE: Duration = Duration::from_millis(200);

/// How many polls of one key may wait at one time.
const POLLS: usize = 8;

/// An answer to a poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct FeedPage {
    /// How far the log has come, as read before the entries were.
    head: FeedHead,
    /// Oldest first, no more than fit into one answer.
    revocations: Vec<FeedEntry>,
    /// After which sequence number to ask next.
    next: u64,
    /// Whether there may be more of them now.
    more: bool,
    /// The thumbprints of the keys under which tokens are good now (RFC 7638), which are their `kid`s. This answer is signed,
    /// and so vouches for the JWK set, which is not.
    token_keys: Vec<String>,
}

/// How far the log has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct FeedHead {
    /// The current epoch: tokens of earlier ones are void.
    epoch: u32,
    /// The sequence number of the last entry.
    sequence: u64,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct FeedEntry {
    /// Grows from entry to entry. Some numbers are missing: what can hit no token any more is forgotten.
    sequence: u64,
    /// The epoch in which it was made; for `everybody`, the one that it began.
    epoch: u32,
    /// When, in milliseconds since the Unix epoch.
    at_ms: u64,
    /// What was taken back.
    #[serde(flatten)]
    what: FeedWhat,
}

/// What was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum FeedWhat {
    /// The tokens whose `sid` is this.
    Session {
        /// The public name of the session.
        session: String,
    },
    /// The tokens of this `sub` whose `gen` is lower.
    User {
        /// The user's UUID.
        user_id: String,
        /// The first generation that counts.
        generation: u32,
    },
    /// The tokens whose `epoch` is lower than the entry's.
    Everybody,
}

impl From<Revocation> for FeedEntry {
    fn from(entry: Revocation) -> Self {
        let what = match entry.what {
            Revoked::Session(session) => FeedWhat::Session { session: session.to_string() },
            Revoked::User { id, generation } => FeedWhat::User { user_id: id.to_string(), generation },
            Revoked::Everybody => FeedWhat::Everybody,
        };
        Self { sequence: entry.sequence, epoch: entry.epoch, at_ms: entry.at.as_millis(), what }
    }
}

/// What was taken back after this entry: at once if there is anything, else as soon as there is, or nothing after a while,
/// or when the guard stops.
///
/// A cursor beyond the end of the log is of a log that has been lost since; that is told at once.
pub async fn follow(app: &App, after: u64) -> Result<FeedPage, Undecided> {
    // Before the log is read: what is appended while it is being read wakes us.
    let mut log = app.accounts.sessions.log();
    let patience = sleep(PATIENCE);
    tokio::pin!(patience);
    loop {
        log.mark_unchanged();
        let page = page(&app.accounts, after).await?;
        if !page.revocations.is_empty() || page.next != after || patience.is_elapsed() || app.stopping.is_cancelled() {
            return Ok(page);
        }
        // When the time is over the log is read once more: an entry that nobody told of is late, and never lost.
        tokio::select! {
            changed = log.changed() => if changed.is_err() { return Ok(page) },
            () = &mut patience => {}
            () = app.stopping.cancelled() => {}
        }
    }
}

async fn page(accounts: &Accounts, after: u64) -> Result<FeedPage, Undecided> {
    // The head first: what comes in between the two is found by the next poll, and nothing lies before `next` unseen.
    let Head { epoch, sequence } = accounts.stores.revocations.head().await?;
    let entries = accounts.stores.revocations.after(after, MOST_ENTRIES).await?;
    let more = entries.len() as u64 >= u64::from(MOST_ENTRIES);
    let next = match entries.last() {
        Some(last) if more => last.sequence,
        Some(last) => last.sequence.max(sequence),
        None => sequence,
    };
    let head = FeedHead { epoch: epoch.number, sequence };
    let revocations = entries.into_iter().map(FeedEntry::from).collect();
    let token_keys = accounts.secrets.token_keys.held().verifying().iter().map(|key| key.id().to_string()).collect();
    Ok(FeedPage { head, revocations, next, more, token_keys })
}

/// How many polls of each key are waiting.
#[derive(Clone, Debug, Default)]
pub struct Polls(Arc<Mutex<HashMap<Prover, usize>>>);

/// The place of a poll that waits; it is free again when this is dropped.
#[derive(Debug)]
pub struct Poll {
    polls: Polls,
    of: Prover,
}

impl Polls {
    /// A place for one more of this key's, if it has not too many.
    pub fn begin(&self, of: &Prover) -> Option<Poll> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(of.clone()).or_default();
        if *count >= POLLS {
            return None;
        }
        *count += 1;
        Some(Poll { polls: self.clone(), of: of.clone() })
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        let mut waiting = self.polls.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::id::KeyId;

    use super::*;

    #[test]
    fn a_key_has_so_many_polls_and_no_more_and_takes_none_from_another() {
        let polls = Polls::default();
        let (one, other) = (Prover::Key(KeyId::from_random([1; _])), Prover::Key(KeyId::from_random([2; _])));
        let mut waiting: Vec<_> = (0..POLLS).map(|_| polls.begin(&one).unwrap()).collect();
        assert!(polls.begin(&one).is_none());
        assert!(polls.begin(&other).is_some());
        waiting.pop();
        assert!(polls.begin(&one).is_some());
        waiting.clear();
        assert!(polls.0.lock().unwrap().is_empty(), "nothing is kept of keys that do not poll");
    }
}
