//! The event log, to be read.

use countersign_store::port::Recorded;
use serde::{Deserialize, Serialize};

use super::invitations::PAGE;
use super::{Asked, ControlError, Operation};
use crate::accounts::Accounts;

/// Lists events from the oldest on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListEvents {
    /// Begin after this sequence number.
    pub after: u64,
}

/// Lists the newest events, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LatestEvents {
    /// At most so many.
    pub limit: u32,
}

/// An event in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventRow {
    /// Its place in the log.
    pub sequence: u64,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What happened.
    pub event: String,
    /// The user concerned.
    pub user_id: Option<String>,
    /// The key concerned.
    pub keyid: Option<String>,
    /// Who caused it: an address, or `uid 1000`.
    pub actor: String,
    /// More of it, in fixed words.
    pub detail: String,
}

impl Operation for ListEvents {
    const NAME: &'static str = "list-events";
    type Reply = Vec<EventRow>;

    async fn run(self, accounts: &Accounts, _asked: &Asked) -> Result<Vec<EventRow>, ControlError> {
        Ok(accounts.stores.events.list(self.after, PAGE).await?.into_iter().map(row).collect())
    }
}

impl Operation for LatestEvents {
    const NAME: &'static str = "latest-events";
    type Reply = Vec<EventRow>;

    async fn run(self, accounts: &Accounts, _asked: &Asked) -> Result<Vec<EventRow>, ControlError> {
        Ok(accounts.stores.events.latest(self.limit.min(PAGE)).await?.into_iter().map(row).collect())
    }
}

fn row(recorded: Recorded) -> EventRow {
    let Recorded { sequence, event } = recorded;
    EventRow {
        sequence,
        at_ms: event.at.as_millis(),
        event: event.kind.to_string(),
        user_id: event.user.map(|user| user.to_string()),
        keyid: event.key.map(|key| key.to_string()),
        actor: event.actor,
        detail: event.detail,
    }
}
