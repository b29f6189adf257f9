//! Cards: whom to let in.

use countersign_core::account::{KeyOrigin, Recovers, RecoveryKind, Role, Ticket, TicketState, User, UserState};
use countersign_core::enrolment::{BadCard, Card, CardKind, recovery_psk, ticket_psk};
use countersign_core::event::EventKind;
use countersign_core::id::TicketId;
use countersign_core::time::Timestamp;
use countersign_store::port::Change;
use serde::{Deserialize, Serialize};

use super::users::named;
use super::{Asked, ControlError, Operation, not_found, unprocessable};
use crate::accounts::Accounts;
use crate::edge;
use crate::secrets::Group;
use crate::service::Undecided;

/// Asks for a card.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invite {
    /// Which kind of card.
    pub kind: InviteKind,
    /// `user`, `admin` or `service`; a group card is for users only.
    pub role: String,
}

/// Which kind of card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InviteKind {
    /// The shared key of the group: whoever holds the card can enrol, any number of times, until it is rotated.
    Group,
    /// For one person, once.
    Ticket,
}

/// A card to hand over in person.
#[derive(Clone, Serialize, Deserialize)]
pub struct Invitation {
    /// The card. It is a secret: whoever holds it can enrol.
    pub card: String,
    /// The public part of the ticket, by which it can be taken back.
    pub ticket: Option<String>,
    /// What its bearer becomes.
    pub role: String,
    /// The last second in which it can be used, as seconds since the Unix epoch; a group card has none.
    pub not_after: Option<u64>,
}

impl Operation for Invite {
    const NAME: &'static str = "invite";
    type Reply = Invitation;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<Invitation, ControlError> {
        let role: Role = self.role.parse().map_err(|error| unprocessable(format!("{error}")))?;
        match (self.kind, role) {
            (InviteKind::Ticket, role) => issue_ticket(accounts, asked, role).await,
            (InviteKind::Group, Role::User) => group_card(accounts),
            (InviteKind::Group, Role::Admin | Role::Service) => {
                Err(unprocessable("a group card makes users only; invite an admin or a service with --ticket"))
            }
        }
    }
}

fn group_card(accounts: &Accounts) -> Result<Invitation, ControlError> {
    let Group { psk, .. } = accounts
        .secrets
        .group()
        .ok_or_else(|| ControlError::new("unavailable", "restart the server: a fault left the group key in doubt"))?;
    let card = Card::new(CardKind::Group, psk, newest_key(accounts)?, &accounts.authority);
    Ok(Invitation { card: text(card)?, ticket: None, role: Role::User.to_string(), not_after: None })
}

async fn issue_ticket(accounts: &Accounts, asked: &Asked, role: Role) -> Result<Invitation, ControlError> {
    let not_after = Timestamp::from_secs(asked.at.saturating_add(accounts.config.ticket_validity).as_secs());
    let id = TicketId(edge::random());
    let ticket = Ticket { id, role, not_after, created: asked.at, state: TicketState::Open, recovers: None };
    let psk = ticket_psk(&accounts.secrets.ticket, id, not_after, role);
    let card = Card::new(CardKind::Ticket(id), psk, newest_key(accounts)?, &accounts.authority);
    let card = text(card)?;
    let event = asked.event(EventKind::TicketIssued, (None, None), format!("{id} for one {role}"));
    accounts.stores.tickets.issue(&ticket, &event).await?;
    Ok(Invitation { card, ticket: Some(id.to_string()), role: role.to_string(), not_after: Some(not_after.as_secs()) })
}

/// Asks for a recovery card: for a user who has lost every key it makes a new one and ends the others, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InviteBack {
    /// The user.
    pub username: String,
}

impl Operation for InviteBack {
    const NAME: &'static str = "invite-back";
    type Reply = Invitation;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<Invitation, ControlError> {
        recovery_card(accounts, asked, &self.username).await
    }
}

async fn recovery_card(accounts: &Accounts, asked: &Asked, name: &str) -> Result<Invitation, ControlError> {
    let user = named(accounts, name).await?;
    if user.state != UserState::Enabled {
        return Err(ControlError::new(
            "conflict",
            "this user is disabled, and a recovery card would not work; `countersign user enable` comes first",
        ));
    }
    let not_after = Timestamp::from_secs(asked.at.saturating_add(accounts.config.ticket_validity).as_secs());
    let id = TicketId(edge::random());
    let recovers = Some(Recovers { user: user.id, by: RecoveryKind::Card });
    let ticket = Ticket { id, role: user.role, recovers, not_after, created: asked.at, state: TicketState::Open };
    let psk = recovery_psk(&accounts.secrets.ticket, id, not_after, (user.role, &user.username));
    let card = Card::new(CardKind::Recovery(id), psk, newest_key(accounts)?, &accounts.authority);
    let card = text(card.map(|card| card.for_user(&user.username)))?;
    let detail = format!("{id} for {}", user.username);
    let event = asked.event(EventKind::RecoveryCardIssued, (Some(user.id), None), detail);
    accounts.stores.tickets.issue(&ticket, &event).await?;
    let (ticket, role) = (Some(id.to_string()), user.role.to_string());
    Ok(Invitation { card, ticket, role, not_after: Some(not_after.as_secs()) })
}

/// The static key of the server that stands on cards.
fn newest_key(accounts: &Accounts) -> Result<[u8; 32], ControlError> {
    accounts.secrets.static_keys.newest().ok_or_else(|| Undecided::SecretsInDoubt.into())
}

fn text(card: Result<Card, BadCard>) -> Result<String, ControlError> {
    card.map(|card| card.to_text().to_string()).map_err(|error| unprocessable(error.to_string()))
}

/// Lists the tickets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ListTickets {
    /// Begin after this one.
    pub after: Option<String>,
}

/// A ticket in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TicketRow {
    /// The public part.
    pub ticket: String,
    /// What its bearer becomes.
    pub role: String,
    /// `open`, `used`, `revoked` or `expired`.
    pub state: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// The last second in which it can be used, since the Unix epoch.
    pub not_after: u64,
    /// The key that it let in.
    pub key: Option<String>,
    /// `ticket`, `recovery-card` or `recovery-code`.
    #[serde(default)]
    pub kind: String,
    /// Whom it recovers, by name; none for a ticket, or when that user was deleted.
    #[serde(default)]
    pub username: Option<String>,
}

/// How many rows an operation gives at once; whoever wants more asks again after the last.
pub(super) const PAGE: u32 = 500;

impl Operation for ListTickets {
    const NAME: &'static str = "list-tickets";
    type Reply = Vec<TicketRow>;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<Vec<TicketRow>, ControlError> {
        let after = self.after.map(|id| ticket_id(&id)).transpose()?;
        let tickets = accounts.stores.tickets.list(after, PAGE).await?;
        let mut rows = Vec::with_capacity(tickets.len());
        for ticket in tickets {
            let user = match ticket.recovers {
                Some(Recovers { user, .. }) => accounts.stores.users.find(user).await?,
                None => None,
            };
            rows.push(row(ticket, user.filter(|user| user.state != UserState::Deleted), asked));
        }
        Ok(rows)
    }
}

fn row(ticket: Ticket, user: Option<User>, asked: &Asked) -> TicketRow {
    let kind = match ticket.recovers.map(|recovers| recovers.by) {
        None => "ticket",
        Some(RecoveryKind::Card) => "recovery-card",
        Some(RecoveryKind::Code) => "recovery-code",
    };
    let (state, key) = match ticket.state {
        TicketState::Open if asked.at.as_secs() > ticket.not_after.as_secs() => ("expired", None),
        TicketState::Open => ("open", None),
        TicketState::Used { key, .. } => ("used", Some(key.to_string())),
        TicketState::Revoked { .. } => ("revoked", None),
    };
    TicketRow {
        ticket: ticket.id.to_string(),
        role: ticket.role.to_string(),
        state: state.to_owned(),
        created_ms: ticket.created.as_millis(),
        not_after: ticket.not_after.as_secs(),
        key,
        kind: kind.to_owned(),
        username: user.map(|user| user.username.to_string()),
    }
}

/// Takes a ticket back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeTicket {
    /// Its public part.
    pub ticket: String,
}

impl Operation for RevokeTicket {
    const NAME: &'static str = "revoke-ticket";
    type Reply = ();

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<(), ControlError> {
        let id = ticket_id(&self.ticket)?;
        accounts.forget_pending(
            |pending| matches!(pending.origin, KeyOrigin::Ticket(of) | KeyOrigin::Recovery(of) if of == id),
        );
        let event = asked.event(EventKind::TicketRevoked, (None, None), id.to_string());
        match accounts.stores.tickets.revoke(id, &event).await? {
            Change::Made => Ok(()),
            Change::Already => Err(ControlError::new(
                "conflict",
                "this ticket has been used or revoked before; to end the key that it let in, use `countersign key revoke`",
            )),
            Change::Missing => Err(not_found("no ticket has this id; `countersign user invite list` shows them")),
        }
    }
}

fn ticket_id(text: &str) -> Result<TicketId, ControlError> {
    text.parse()
        .map_err(|_| unprocessable("a ticket id is 16 hex digits, as `countersign user invite list` shows them"))
}

/// Replaces the shared key of the group: the cards that carry the old one are void.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RotateGroup {}

impl Operation for RotateGroup {
    const NAME: &'static str = "rotate-group";
    type Reply = Invitation;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<Invitation, ControlError> {
        let _alone = accounts.changing.lock().await;
        let event = asked.event(EventKind::GroupRotated, (None, None), "group cards made before are void".to_owned());
        accounts.secrets.rotate_group(&*accounts.stores.server_secrets, edge::random(), &event).await?;
        accounts.forget_pending(|pending| pending.origin == KeyOrigin::GroupCard);
        group_card(accounts)
    }
}
