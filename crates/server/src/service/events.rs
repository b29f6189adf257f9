//! The event log, to be read: what operators and administrators see of it.

use core::time::Duration;

use countersign_store::port::{Recorded, Selection, StoreError};
use serde::{Deserialize, Serialize};

use crate::accounts::Accounts;

/// The most events in one answer.
pub const MOST_EVENTS: u32 = 1_000;

/// An event in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
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
    /// The session concerned, by its public name.
    pub session: Option<String>,
    /// Who caused it: an address, or `uid 1000`.
    pub actor: String,
    /// More of it, in fixed words.
    pub detail: String,
}

impl From<Recorded> for EventRow {
    fn from(Recorded { sequence, event }: Recorded) -> Self {
        Self {
            sequence,
            at_ms: event.at.as_millis(),
            event: event.kind.to_string(),
            user_id: event.user.map(|user| user.to_string()),
            keyid: event.key.map(|key| key.to_string()),
            session: event.session.map(|session| session.to_string()),
            actor: event.actor,
            detail: event.detail,
        }
    }
}

/// Some events, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct EventPage {
    /// Oldest first.
    pub events: Vec<EventRow>,
    /// The number after which to ask for more. Events that were passed over are not met again.
    pub next: u64,
}

/// The events that are asked for, at most [`MOST_EVENTS`].
pub async fn page(accounts: &Accounts, selection: Selection) -> Result<EventPage, StoreError> {
    let limit = selection.limit.min(MOST_EVENTS);
    // Before the look-up, or what is recorded meanwhile would be passed over.
    let last = *accounts.stores.events.last().borrow();
    let after = selection.after.unwrap_or_default();
    let events = accounts.stores.events.select(&Selection { limit, ..selection }).await?;
    let is_full = events.len() >= limit as usize;
    let met = events.last().map_or(after, |recorded| recorded.sequence);
    let next = if is_full { met } else { met.max(last) };
    Ok(EventPage { events: events.into_iter().map(EventRow::from).collect(), next })
}

/// The same, and where there are none yet waits for them, at most so long and not beyond the end of the guard.
pub async fn next_page(
    accounts: &Accounts,
    mut selection: Selection,
    patience: Duration,
) -> Result<EventPage, StoreError> {
    let mut last = accounts.stores.events.last();
    let enough = async {
        tokio::select! {
            () = accounts.ending.cancelled() => {}
            () = tokio::time::sleep(patience) => {}
        }
    };
    tokio::pin!(enough);
    loop {
        let found = page(accounts, selection.clone()).await?;
        if !found.events.is_empty() {
            return Ok(found);
        }
        let next = found.next;
        selection.after = Some(next);
        let there_is_more = tokio::select! {
            () = &mut enough => false,
            more = last.wait_for(|last| *last > next) => more.is_ok(),
        };
        if !there_is_more {
            return Ok(found);
        }
    }
}
