//! The static key of the server: shown, announced, switched, retired (protocol §10).

use countersign_core::account::{RecoveryKind, Ticket, TicketState};
use countersign_core::encoding::hex;
use countersign_core::event::EventKind;
use countersign_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::invitations::PAGE;
use super::{Asked, ControlError, Operation};
use crate::accounts::Accounts;
use crate::edge;
use crate::service::Undecided;
use crate::static_keys::{NotNow, PublicKeys};

/// The static keys of a guard, and what names the older one of two.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerKeys {
    /// The public key in use, 64 hex digits.
    pub current: String,
    /// The announced one.
    pub next: Option<String>,
    /// The one whose place the current one took; what was handed out with it is still good.
    pub former: Option<String>,
    /// Since when cards name the newest, in milliseconds since the Unix epoch; none while there is one key only.
    pub cards_since_ms: Option<u64>,
    /// Open tickets that name an older key.
    pub older_tickets: u64,
    /// Open recovery cards that name an older key.
    pub older_recovery_cards: u64,
    /// Open recovery codes that name an older key.
    pub older_recovery_codes: u64,
}

/// Shows the keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowServerKeys {}

impl Operation for ShowServerKeys {
    const NAME: &'static str = "show-server-keys";
    type Reply = ServerKeys;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<ServerKeys, ControlError> {
        shown(accounts, asked.at).await
    }
}

/// Makes the next key and announces it in every signed answer. Cards name it from now on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnnounceServerKey {}

impl Operation for AnnounceServerKey {
    const NAME: &'static str = "announce-server-key";
    type Reply = ServerKeys;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<ServerKeys, ControlError> {
        let _alone = accounts.changing.lock().await;
        let event = asked.event(EventKind::ServerKeyAnnounced, (None, None), "cards name it from now on".to_owned());
        let keys = &accounts.secrets.static_keys;
        let hands = (&*accounts.stores.server_secrets, &accounts.secrets.kek);
        keys.announce(hands, edge::random(), &event).await?.map_err(refusal)?;
        shown(accounts, asked.at).await
    }
}

/// Puts the announced key in the place of the current one, which goes on opening what names it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SwitchServerKey {}

impl Operation for SwitchServerKey {
    const NAME: &'static str = "switch-server-key";
    type Reply = ServerKeys;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<ServerKeys, ControlError> {
        let _alone = accounts.changing.lock().await;
        let event = asked.event(EventKind::ServerKeySwitched, (None, None), "the former one is still good".to_owned());
        let keys = &accounts.secrets.static_keys;
        let hands = (&*accounts.stores.server_secrets, &accounts.secrets.kek);
        keys.switch(hands, [edge::random(), edge::random()], &event).await?.map_err(refusal)?;
        shown(accounts, asked.at).await
    }
}

/// Forgets the former key. What names it opens nothing any more: unless that is asked for, it is not done while there is
/// anything open that does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RetireServerKey {
    /// Revoke what names the former key.
    pub void_cards: bool,
}

impl Operation for RetireServerKey {
    const NAME: &'static str = "retire-server-key";
    type Reply = ServerKeys;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<ServerKeys, ControlError> {
        let _alone = accounts.changing.lock().await;
        let keys = &accounts.secrets.static_keys;
        let public = keys.public().ok_or(Undecided::SecretsInDoubt)?;
        let (Some(_), Some(since)) = (public.former, public.cards_since) else {
            return Err(refusal(NotNow::NoFormer));
        };
        let older = older_tickets(accounts, since, asked.at).await?;
        if !older.is_empty() && !self.void_cards {
            return Err(ControlError::new(
                "conflict",
                format!(
                    "{} open tickets, recovery cards or codes name the former key and would open nothing any more: wait \
                     until they are used or expired, or void them with --void-cards and hand out new ones",
                    older.len()
                ),
            ));
        }
        for ticket in older {
            let detail = format!("{}: it names the former server key", ticket.id);
            let event = asked.event(EventKind::TicketRevoked, (None, None), detail);
            accounts.stores.tickets.revoke(ticket.id, &event).await?;
        }
        let detail = "cards that name it open nothing any more".to_owned();
        let event = asked.event(EventKind::ServerKeyRetired, (None, None), detail);
        keys.retire(&*accounts.stores.server_secrets, &event).await?.map_err(refusal)?;
        shown(accounts, asked.at).await
    }
}

async fn shown(accounts: &Accounts, now: Timestamp) -> Result<ServerKeys, ControlError> {
    let public = accounts.secrets.static_keys.public().ok_or(Undecided::SecretsInDoubt)?;
    let PublicKeys { current, next, former, cards_since } = public;
    let older = match cards_since {
        Some(since) => older_tickets(accounts, since, now).await?,
        None => Vec::new(),
    };
    let count = |by: Option<RecoveryKind>| {
        older.iter().filter(|ticket| ticket.recovers.map(|recovers| recovers.by) == by).count() as u64
    };
    Ok(ServerKeys {
        current: hex(&current),
        next: next.map(|key| hex(&key)),
        former: former.map(|key| hex(&key)),
        cards_since_ms: cards_since.map(Timestamp::as_millis),
        older_tickets: count(None),
        older_recovery_cards: count(Some(RecoveryKind::Card)),
        older_recovery_codes: count(Some(RecoveryKind::Code)),
    })
}

/// What was handed out before `since` and can still be used.
async fn older_tickets(accounts: &Accounts, since: Timestamp, now: Timestamp) -> Result<Vec<Ticket>, ControlError> {
    let mut older = Vec::new();
    let mut after = None;
    loop {
        let page = accounts.stores.tickets.list(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(older) };
        after = Some(last.id);
        let is_older = |ticket: &Ticket| {
            ticket.state == TicketState::Open && ticket.created < since && ticket.not_after.as_secs() >= now.as_secs()
        };
        older.extend(page.into_iter().filter(is_older));
    }
}

fn refusal(why: NotNow) -> ControlError {
    ControlError::new(
        "conflict",
        match why {
            NotNow::Announced => {
                "a next server key is announced already; `countersign server-key switch` puts it in its place"
            }
            NotNow::NotRetired => {
                "the former server key is not retired yet, and there are two at a time; `countersign server-key retire` \
                 comes first"
            }
            NotNow::NoNext => "no next server key is announced; `countersign server-key next` makes one",
            NotNow::NoFormer => "there is no former server key; it comes about by `countersign server-key switch`",
        },
    )
}
