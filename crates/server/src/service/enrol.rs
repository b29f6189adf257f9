//! A card is proven and a key agreed upon; nothing is kept until the key has signed its first request.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use countersign_core::account::{KeyOrigin, Role, TicketState};
use countersign_core::enrolment::pending::{Insertion, PENDING_LIFE, Pending};
use countersign_core::enrolment::{
    Accepted, Answers, CardKind, Claim, EnrolRefusal, Grant, Introduced, Knock, decoy_psk, ticket_psk,
};
use countersign_core::event::EventKind;
use countersign_core::id::{KeyId, TicketId};
use countersign_core::secret::Secret32;
use countersign_core::time::Timestamp;
use countersign_store::port::Noted;

use super::{Undecided, handshakes};
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
#[derive(Clone, Copy, Debug)]
struct Permission {
    role: Role,
    origin: KeyOrigin,
    spent: bool,
    /// Which of the group's keys was proven.
    rotation: Option<u64>,
}

/// Opens the first message of a handshake, judges it, and answers with the second (protocol §3).
pub async fn enrol(app: &Arc<App>, body: &[u8], from: IpAddr, now: Timestamp) -> Result<Enrolment, Undecided> {
    let Ok(knock) = Knock::read(body) else { return Ok(Enrolment::Malformed) };
    if let Some(answer) = answer_given(app, &knock, now) {
        return Ok(Enrolment::Answer(answer));
    }
    let (psk, permission) = card(app, knock.kind(), now).await?;
    let Some(introduced) = open(app, knock, psk).await? else { return Ok(Enrolment::DoesNotOpen) };
    let Some(permission) = permission else { return Ok(Enrolment::DoesNotOpen) };
    let claim = match introduced.claim(now) {
        _ if permission.spent => return refuse(app, introduced, EnrolRefusal::TicketUsed, from, now).await,
        Ok(claim) => claim,
        Err(refusal) => return refuse(app, introduced, refusal, from, now).await,
    };
    let stores = &app.accounts.stores;
    if stores.enrolments.note(introduced.message_hash(), claim.remember_until()).await? == Noted::Before {
        return Ok(Enrolment::DoesNotOpen);
    }
    if stores.users.named(&claim.username).await?.is_some() {
        return refuse(app, introduced, EnrolRefusal::Conflict, from, now).await;
    }
    accept(app, introduced, Acceptance { claim, permission, from, now }).await
}

/// The answer that this very message was given, while its enrolment waits: the network may have lost it.
fn answer_given(app: &App, knock: &Knock, now: Timestamp) -> Option<Vec<u8>> {
    let pending = app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner);
    pending.by_message(&knock.message_hash(), now).map(<[u8]>::to_vec)
}

/// The psk under which a message of this kind must open, and what it then permits. Where there is no such card the psk
/// is a decoy, so that an unknown ticket costs the same work and gets the same answer as a wrong one.
async fn card(app: &App, kind: CardKind, now: Timestamp) -> Result<(Secret32, Option<Permission>), Undecided> {
    let known = match kind {
        CardKind::Group => app.accounts.secrets.group().map(|Group { psk, rotation }| {
            let (role, origin) = (Role::User, KeyOrigin::GroupCard);
            (psk, Permission { role, origin, spent: false, rotation: Some(rotation) })
        }),
        CardKind::Ticket(id) => ticket(app, id, now).await?,
    };
    Ok(match known {
        Some((psk, permission)) => (psk, Some(permission)),
        None => (decoy_psk(&app.accounts.secrets.decoy, kind), None),
    })
}

/// A ticket that was taken back or has expired is as good as none; one that was used is refused by name, since whoever
/// holds it should learn that somebody else has used it.
async fn ticket(app: &App, id: TicketId, now: Timestamp) -> Result<Option<(Secret32, Permission)>, Undecided> {
    let Some(ticket) = app.accounts.stores.tickets.find(id).await? else { return Ok(None) };
    let spent = match ticket.state {
        TicketState::Open if now.as_secs() <= ticket.not_after.as_secs() => false,
        TicketState::Used { .. } => true,
        TicketState::Open | TicketState::Revoked { .. } => return Ok(None),
    };
    let psk = ticket_psk(&app.accounts.secrets.ticket, id, ticket.not_after, ticket.role);
    Ok(Some((psk, Permission { role: ticket.role, origin: KeyOrigin::Ticket(id), spent, rotation: None })))
}

/// The curve operations, on the bounded pool.
async fn open(app: &Arc<App>, knock: Knock, psk: Secret32) -> Result<Option<Introduced>, Undecided> {
    let shared = Arc::clone(app);
    handshakes::run(app, move || knock.open(&shared.accounts.secrets.enrolment, &psk, &shared.accounts.authority).ok())
        .await
}

/// What an acceptance is made of.
struct Acceptance {
    claim: Claim,
    permission: Permission,
    from: IpAddr,
    now: Timestamp,
}

async fn accept(app: &Arc<App>, introduced: Introduced, of: Acceptance) -> Result<Enrolment, Undecided> {
    let Acceptance { claim, permission, from, now } = of;
    let keyid = KeyId::from_random(edge::random());
    let message_hash = introduced.message_hash();
    let (named, s_rand, ephemeral) = (keyid.clone(), Secret32::new(edge::random()), Secret32::new(edge::random()));
    let accepted = handshakes::run(app, move || {
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
        origin: permission.origin,
        source: from,
        expires: now.saturating_add(PENDING_LIFE),
        message_hash,
        response: response.clone(),
    };
    let keyid = pending.keyid.clone();
    let inserted = app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(pending, now);
    if is_rotated_away(app, permission) {
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
fn is_rotated_away(app: &App, permission: Permission) -> bool {
    let is_current = |proven| app.accounts.secrets.group().is_some_and(|group| group.rotation == proven);
    permission.rotation.is_some_and(|proven| !is_current(proven))
}

async fn refuse(
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
    let answer = handshakes::run(app, move || introduced.refuse(refusal, &ephemeral).ok()).await?;
    Ok(answer.map_or(Enrolment::DoesNotOpen, Enrolment::Answer))
}
