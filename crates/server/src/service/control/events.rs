//! The event log: read, followed, held to its seals.

use core::time::Duration;

use countersign_core::event::{EventKind, SealedHead};
use countersign_core::id::UserId;
use countersign_core::time::Timestamp;
use countersign_store::port::Selection;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::sessions::reference;
use super::users::named;
use super::{Asked, ControlError, Operation, unprocessable};
use crate::accounts::Accounts;
use crate::service::event_log;
pub use crate::service::events::EventRow;
use crate::service::events::{EventPage, next_page, page};

/// How long somebody who follows the log is kept waiting for an event: less than the patience of whoever asks.
const WAIT: Duration = Duration::from_secs(20);

/// So many may follow the log through the control socket: fewer than it has seats, so that others are always heard.
static FOLLOWERS: Semaphore = Semaphore::const_new(8);

/// How many heads are listed at once.
const MOST_HEADS: u32 = 500;

/// Which events to list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ListEvents {
    /// The oldest after this sequence number; without one the newest.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: u32,
    /// Of these kinds only; of any where it is empty.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// About this user only: a name, or an id.
    #[serde(default)]
    pub user: Option<String>,
    /// About this session only, by its public name.
    #[serde(default)]
    pub session: Option<String>,
    /// Not from before this time, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub since_ms: Option<u64>,
}

/// Waits for events after a number, and lists them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FollowEvents {
    /// Which; with a number in `after`.
    pub events: ListEvents,
}

/// Some events of a log that is followed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Followed {
    /// They, and where to go on.
    pub page: EventPage,
    /// Whether a guard runs that may add more.
    pub goes_on: bool,
}

/// Seals the end of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SealEvents {}

/// Lists sealed heads, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListHeads {
    /// Begin after this sequence number.
    pub after: Option<u64>,
}

/// Holds the log to its chain, and to these heads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VerifyEvents {
    /// Heads that were kept elsewhere.
    pub heads: Vec<String>,
}

/// What was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VerifiedEvents {
    /// How many events there are.
    pub events: u64,
    /// The number of the last one.
    pub last: u64,
    /// The last one that was removed in its time; zero when none was.
    pub removed_through: u64,
    /// How many heads the log was held to.
    pub heads: u64,
    /// How many of these are of events that were removed in their time.
    pub unchecked_heads: u64,
    /// What is wrong, a sentence each; empty when nothing is.
    pub faults: Vec<String>,
    /// How much more is wrong.
    pub more_faults: u64,
}

impl Operation for ListEvents {
    const NAME: &'static str = "list-events";
    type Reply = EventPage;

    async fn run(self, accounts: &Accounts, _asked: &Asked) -> Result<EventPage, ControlError> {
        Ok(page(accounts, self.selection(accounts).await?).await?)
    }
}

impl Operation for FollowEvents {
    const NAME: &'static str = "follow-events";
    type Reply = Followed;

    async fn run(self, accounts: &Accounts, _asked: &Asked) -> Result<Followed, ControlError> {
        let seat = FOLLOWERS.try_acquire();
        let seat =
            seat.map_err(|_| unprocessable("the event log is followed by as many as may be; end one of them"))?;
        let page = next_page(accounts, self.events.selection(accounts).await?, WAIT).await?;
        drop(seat);
        Ok(Followed { page, goes_on: !accounts.ending.is_cancelled() })
    }
}

impl Operation for SealEvents {
    const NAME: &'static str = "seal-events";
    type Reply = String;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<String, ControlError> {
        Ok(event_log::seal(accounts, asked.at).await?.to_string())
    }
}

impl Operation for ListHeads {
    const NAME: &'static str = "list-event-heads";
    type Reply = Vec<String>;

    async fn run(self, accounts: &Accounts, _asked: &Asked) -> Result<Vec<String>, ControlError> {
        let heads = accounts.stores.event_chain.heads(self.after, MOST_HEADS).await?;
        Ok(heads.iter().map(ToString::to_string).collect())
    }
}

impl Operation for VerifyEvents {
    const NAME: &'static str = "verify-events";
    /// The whole log is read.
    const PATIENCE: Duration = Duration::from_secs(1_800);
    type Reply = VerifiedEvents;

    async fn run(self, accounts: &Accounts, _asked: &Asked) -> Result<VerifiedEvents, ControlError> {
        let heads = self.heads.iter().map(|head| head.parse::<SealedHead>()).collect::<Result<Vec<_>, _>>();
        let heads = heads.map_err(|malformed| unprocessable(malformed.to_string()))?;
        let found = event_log::verify(accounts, heads).await?;
        Ok(VerifiedEvents {
            events: found.rows,
            last: found.last,
            removed_through: found.pruned_through,
            heads: found.heads,
            unchecked_heads: found.unchecked_heads,
            faults: found.faults.iter().map(ToString::to_string).collect(),
            more_faults: found.more_faults,
        })
    }
}

impl ListEvents {
    async fn selection(self, accounts: &Accounts) -> Result<Selection, ControlError> {
        let kinds = self.kinds.iter().map(|kind| kind.parse::<EventKind>()).collect::<Result<_, _>>();
        let user = match self.user {
            None => None,
            Some(user) => Some(match user.parse::<UserId>() {
                Ok(id) => id,
                Err(_) => named(accounts, &user).await?.id,
            }),
        };
        let session = self.session.as_deref().map(reference).transpose()?;
        Ok(Selection {
            after: self.after,
            limit: self.limit,
            kinds: kinds
                .map_err(|_| unprocessable(format!("there are these kinds of events: {}", kinds_there_are())))?,
            user,
            session,
            since: self.since_ms.map(Timestamp::from_millis),
        })
    }
}

fn kinds_there_are() -> String {
    EventKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" ")
}
