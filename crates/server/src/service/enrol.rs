//! A card is proven and a key agreed upon, for somebody new or for a user who recovers; nothing is kept until the key has signed its first request.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use countersign_core::account::{KeyOrigin, RecoveryKind, Role, Ticket, TicketState};
use countersign_core::enrolment::pending::{Insertion, PENDING_LIFE, Pending};
use countersign_core::enrolment::{
    Accepted, Answers, CardKind, Claim, EnrolRefusal, Grant, Introduced, Knock, Message, decoy_psk, ticket_psk,
};
use countersign_core::event::EventKind;
use countersign_core::id::{KeyId, TicketId};
use countersign_core::secret::Secret32;
use countersign_core::time::Timestamp;
use countersign_core::username::Username;
use countersign_store::port::Noted;

use super::{Undecided, recover};
use crate::app::App;
use crate::edge;
use crate::secrets::Group;

/// What the door answers to an enrolment message.
#[derive(Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// The second message of the handshake: an acceptance or a refusal, readable for whoever holds the card.
    Answer(Vec<u8>),
    /// The message does not open under any card that is valid now. Which part of it is wrong is nobody's business.
    DoesNotOpen,
    /// The message is not an enrolment at all.
    Malformed,
    /// Too many enrolments wait for their first request.
    Throttled,
}

/// What a card permits, once it is proven.
#[derive(Clone, Debug)]
pub(super) struct Permission {
    pub(super) role: Role,
    pub(super) origin: KeyOrigin,
    /// Whose key it will be, if that is a user already.
    pub(super) user: Option<Username>,
    pub(super) spent: bool,
    /// Which of the group's keys was proven.
    pub(super) rotation: Option<u64>,
}

/// Opens the first message of a handshake, judges it, and answers with the second (protocol §3).
pub async fn enrol(app: &Arc<App>, body: &[u8], from: IpAddr, now: Timestamp) -> Result<Enrolment, Undecided> {
    let Ok(knock) = Knock::read(body) else { return Ok(Enrolment::Malformed) };
    if let Some(answer) = answer_given(app, knock.message(), now) {
        return Ok(Enrolment::Answer(answer));
    }
    let kind = knock.kind();
    if kind.recovers() && !kind.ticket().is_some_and(|ticket| app.throttle.recovery(ticket)) {
        return Ok(Enrolment::Throttled);
    }
    let (psk, permission) = card(app, kind, now).await?;
    let opened = open(app, knock.message().clone(), psk).await?;
    let (Some(introduced), Some(permission)) = (opened, permission.clone()) else {
        recover::note_failure(app, permission.as_ref().map(|permission| &permission.origin), from, now).await?;
        return Ok(Enrolment::DoesNotOpen);
    };
    let claimed = match &permission.user {
        Some(user) => introduced.claim_as(user, now),
        None => introduced.claim(now),
    };
    let claim = match claimed {
        _ if permission.spent => return refuse(app, introduced, EnrolRefusal::TicketUsed, from, now).await,
        Ok(claim) => claim,
        Err(refusal) => return refuse(app, introduced, refusal, from, now).await,
    };
    let stores = &app.accounts.stores;
    if stores.enrolments.note(introduced.message_hash(), claim.remember_until()).await? == Noted::Before {
        return Ok(Enrolment::DoesNotOpen);
    }
    if permission.user.is_none() && stores.users.named(&claim.username).await?.is_some() {
        return refuse(app, introduced, EnrolRefusal::Conflict, from, now).await;
    }
    accept(app, introduced, Acceptance { claim, permission, from, now }).await
}

/// The answer that this very message was given, while its enrolment waits: the network may have lost it.
pub(super) fn answer_given(app: &App, message: &Message, now: Timestamp) -> Option<Vec<u8>> {
    let pending = app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner);
    pending.by_message(&message.hash(), now).map(<[u8]>::to_vec)
}

/// The psk under which a message of this kind must open, and what it then permits. Where there is no such card the psk
/// is a decoy, so that an unknown ticket costs the same work and gets the same answer as a wrong one.
async fn card(app: &App, kind: CardKind, now: Timestamp) -> Result<(Secret32, Option<Permission>), Undecided> {
    let known = match kind {
        CardKind::Group => app.accounts.secrets.group().map(|Group { psk, rotation }| {
            let (role, origin) = (Role::User, KeyOrigin::GroupCard);
            (psk, Permission { role, origin, user: None, spent: false, rotation: Some(rotation) })
        }),
        CardKind::Ticket(id) => ticket(app, id, now).await?,
        CardKind::Recovery(id) => recover::permission(app, (id, RecoveryKind::Card), now).await?,
        CardKind::Code(id) => recover::permission(app, (id, RecoveryKind::Code), now).await?,
    };
    Ok(match known {
        Some((psk, permission)) => (psk, Some(permission)),
        None => (decoy_psk(&app.accounts.secrets.decoy, kind), None),
    })
}

/// A ticket that was taken back or has expired is as good as none; one that was used is refused by name, since whoever
/// holds it should learn that somebody else has used it.
async fn ticket(app: &App, id: TicketId, now: Timestamp) -> Result<Option<(Secret32, Permission)>, Undecided> {
    let ticket = app.accounts.stores.tickets.find(id).await?;
    let Some(ticket) = ticket.filter(|ticket| ticket.recovers.is_none()) else { return Ok(None) };
    let Some(spent) = is_spent(&ticket, now) else { return Ok(None) };
    let psk = ticket_psk(&app.accounts.secrets.ticket, id, ticket.not_after, ticket.role);
    let origin = KeyOrigin::Ticket(id);
    Ok(Some((psk, Permission { role: ticket.role, origin, user: None, spent, rotation: None })))
}

/// Whether a ticket was used; `None` for one that was taken back or has expired, which is as good as none.
pub(super) fn is_spent(ticket: &Ticket, now: Timestamp) -> Option<bool> {
    match ticket.state {
        TicketState::Open if now.as_secs() <= ticket.not_after.as_secs() => Some(false),
        TicketState::Used { .. } => Some(true),
        TicketState::Open | TicketState::Revoked { .. } => None,
    }
}

/// The curve operations, on the bounded pool, with each static key that is accepted at present.
pub(super) async fn open(app: &Arc<App>, message: Message, psk: Secret32) -> Result<Option<Introduced>, Undecided> {
    let keys = app.accounts.secrets.static_keys.accepted().ok_or(Undecided::SecretsInDoubt)?;
    let authority = app.accounts.authority.clone();
    app.handshakes.run(move || keys.iter().find_map(|key| message.open(key, &psk, &authority).ok())).await
}

/// What an acceptance is made of.
pub(super) struct Acceptance {
    pub(super) claim: Claim,
    pub(super) permission: Permission,
    pub(super) from: IpAddr,
    pub(super) now: Timestamp,
}

/// Agrees upon a key, and keeps it pending.
pub(super) async fn accept(app: &Arc<App>, introduced: Introduced, of: Acceptance) -> Result<Enrolment, Undecided> {
    let Acceptance { claim, permission, from, now } = of;
    let keyid = KeyId::from_random(edge::random());
    let message_hash = introduced.message_hash();
    let (named, s_rand, ephemeral) = (keyid.clone(), Secret32::new(edge::random()), Secret32::new(edge::random()));
    let accepted = app.handshakes.run(move || {
        let grant = Grant { keyid: &named, s_rand, now, answers: Answers::AllSigned };
        introduced.accept(&grant, &ephemeral).ok()
    });
    let Some(Accepted { response, root }) = accepted.await? else {
        return Ok(Enrolment::DoesNotOpen);
    };
    let pending = Pending {
        keys: root.key_pair(keyid.as_str()),
        keyid,
        username: claim.username,
        role: permission.role,
        device: claim.device,
        root,
        origin: permission.origin.clone(),
        source: from,
        expires: now.saturating_add(PENDING_LIFE),
        message_hash,
        response: response.clone(),
    };
    let keyid = pending.keyid.clone();
    let inserted = app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(pending, now);
    if is_rotated_away(app, &permission) {
        app.accounts.forget_pending(|pending| pending.keyid == keyid);
        return Ok(Enrolment::DoesNotOpen);
    }
    Ok(match inserted {
        Insertion::Kept => Enrolment::Answer(response),
        Insertion::Repeated(first) => Enrolment::Answer(first),
        Insertion::SourceFull | Insertion::Full => Enrolment::Throttled,
    })
}

/// Whether the card was voided since it was proven. A rotation changes the key first and then forgets what is pending; so
/// an enrolment that comes too late to be forgotten finds another key here.
fn is_rotated_away(app: &App, permission: &Permission) -> bool {
    let is_current = |proven| app.accounts.secrets.group().is_some_and(|group| group.rotation == proven);
    permission.rotation.is_some_and(|proven| !is_current(proven))
}

/// Says no inside the handshake.
pub(super) async fn refuse(
    app: &Arc<App>,
    introduced: Introduced,
    refusal: EnrolRefusal,
    from: IpAddr,
    now: Timestamp,
) -> Result<Enrolment, Undecided> {
    if let Some(event) = app.folding.note(EventKind::EnrolmentRefused, refusal.code(), from, now) {
        app.accounts.stores.events.record(&event).await?;
    }
    let ephemeral = Secret32::new(edge::random());
    let answer = app.handshakes.run(move || introduced.refuse(refusal, &ephemeral).ok()).await?;
    Ok(answer.map_or(Enrolment::DoesNotOpen, Enrolment::Answer))
}
