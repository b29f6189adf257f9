//! A key asks for another in its place; and what becomes of the one that was replaced (protocol §10).

use std::net::IpAddr;
use std::sync::Arc;

use countersign_core::account::{KeyOrigin, KeyRecord, KeyState};
use countersign_core::enrolment::pending::Pending;
use countersign_core::enrolment::{EnrolRefusal, Message, rotate_psk};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::KeyId;
use countersign_core::succession::{end_once_used, may_rotate};
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Principal, Refusal, Verdict};
use countersign_store::port::{Change, Noted, Succeeded};

use super::confirm::{kept_before, key_of};
use super::enrol::{Acceptance, Enrolment, Permission, accept, answer_given, open, refuse};
use super::{Undecided, to_its_end};
use crate::app::{App, SharedApp};
use crate::keyring::Holder;

/// What a request for a successor gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The second message of the handshake: an acceptance or a refusal.
    Answer(Vec<u8>),
    /// The message does not open under the key that signed the request, or came before.
    DoesNotOpen,
    /// The message is none.
    Malformed,
    /// A key of the seed mode, whose successor would be known to whoever knows it; or no key at all, but a password, has
    /// opened the session.
    NotThisKey,
    /// Too many keys wait for their first request.
    Throttled,
}

/// Agrees with the holder of a key upon its successor, which is pending until it has signed its first request.
pub async fn rotate(
    app: &Arc<App>,
    signer: &Principal,
    body: &[u8],
    from: IpAddr,
    now: Timestamp,
) -> Result<Rotation, Undecided> {
    let Some(key) = signer.key() else { return Ok(Rotation::NotThisKey) };
    let Ok(message) = Message::of_key(key, body) else { return Ok(Rotation::Malformed) };
    if let Some(answer) = answer_given(app, &message, now) {
        return Ok(Rotation::Answer(answer));
    }
    let Some(holder) = app.accounts.keyring.find(key.as_str())? else { return Ok(Rotation::DoesNotOpen) };
    let record = holder.record();
    if record.origin == KeyOrigin::SeedMode {
        return Ok(Rotation::NotThisKey);
    }
    let psk = rotate_psk(key, &holder.root(&app.accounts.secrets.kek)?);
    let Some(introduced) = open(app, message, psk).await? else { return Ok(Rotation::DoesNotOpen) };
    let claim = match introduced.claim_as(&signer.username, now) {
        _ if !may_rotate(&record.origin, record.state) => {
            return Ok(refuse(app, introduced, EnrolRefusal::Conflict, from, now).await?.into());
        }
        Ok(claim) => claim,
        Err(refusal) => return Ok(refuse(app, introduced, refusal, from, now).await?.into()),
    };
    let enrolments = &app.accounts.stores.enrolments;
    if enrolments.note(introduced.message_hash(), claim.remember_until()).await? == Noted::Before {
        return Ok(Rotation::DoesNotOpen);
    }
    let origin = KeyOrigin::Rotation(key.clone());
    let user = Some(signer.username.clone());
    let permission = Permission { role: signer.role, origin, user, spent: false, rotation: None };
    Ok(accept(app, introduced, Acceptance { claim, permission, from, now }).await?.into())
}

impl From<Enrolment> for Rotation {
    fn from(enrolment: Enrolment) -> Self {
        match enrolment {
            Enrolment::Answer(answer) => Self::Answer(answer),
            Enrolment::DoesNotOpen => Self::DoesNotOpen,
            Enrolment::Malformed => Self::Malformed,
            Enrolment::Throttled => Self::Throttled,
        }
    }
}

/// The successor has signed its first request: it takes its place, and the other key ends in a day. The caller holds
/// [`changing`](crate::accounts::Accounts::changing).
pub(super) async fn confirm(
    app: &App,
    pending: &Pending,
    predecessor: &KeyId,
    from: IpAddr,
    now: Timestamp,
) -> Result<Verdict, Undecided> {
    let former = app.accounts.stores.keys.find(predecessor).await?;
    let user = match former {
        Some(former) => app.accounts.stores.users.find(former.user).await?,
        None => None,
    };
    let Some(user) = user else { return Ok(Verdict::Refuse(Refusal::NotTheSuccessor)) };
    let key = key_of(app, pending, &user, now)?;
    let detail = format!("in the place of {predecessor}");
    let event = event(&key, (EventKind::KeyRotated, detail), from, now);
    // Refused, it may still have been kept, by a first try to which the store answered too late: what is there decides.
    let (Succeeded::Done | Succeeded::NotTheSuccessor) = app.accounts.stores.successions.succeed(&key, &event).await?;
    let verdict = kept_before(app, &key.id, now).await?;
    Ok(verdict.unwrap_or(Verdict::Refuse(Refusal::NotTheSuccessor)))
}

/// A successor that is used for more than its confirmation lets its predecessor end sooner. The first such request waits
/// until that is kept; the others see that it has been.
pub(super) async fn note_use(
    app: &SharedApp,
    holder: &Arc<Holder>,
    from: IpAddr,
    now: Timestamp,
) -> Result<(), Undecided> {
    let Some(predecessor) = holder.unnoted_predecessor() else { return Ok(()) };
    let (app, predecessor) = (app.clone(), predecessor.clone());
    to_its_end(async move { hasten(&app, &predecessor, from, now).await }).await?;
    holder.note_use();
    Ok(())
}

async fn hasten(app: &App, predecessor: &KeyId, from: IpAddr, now: Timestamp) -> Result<(), Undecided> {
    let _alone = app.accounts.changing.lock().await;
    let Some(former) = app.accounts.keyring.find(predecessor.as_str())? else { return Ok(()) };
    let KeyState::Ending { at } = former.record().state else { return Ok(()) };
    let end = end_once_used(at, now);
    if end == at {
        return Ok(());
    }
    let detail = (EventKind::KeyEnding, "its successor is in use".to_owned());
    let event = event(former.record(), detail, from, now);
    match app.accounts.stores.successions.hasten(predecessor, end, &event).await? {
        Change::Made | Change::Already => app.accounts.reload_keys(former.principal().user).await,
        Change::Missing => Ok(()),
    }
}

/// Revokes the keys whose time is over. They have signed nothing since it was; this ends what goes on under them.
pub async fn end_keys(app: &App, now: Timestamp) -> Result<(), Undecided> {
    let mut outcome = Ok(());
    for id in app.accounts.keyring.take_ended(now)? {
        let _alone = app.accounts.changing.lock().await;
        app.accounts.deny_key(&id, now)?;
        if let Err(error) = end(app, &id, now).await {
            app.accounts.keyring.put_back(&id)?;
            outcome = Err(error);
        }
    }
    outcome
}

async fn end(app: &App, id: &KeyId, now: Timestamp) -> Result<(), Undecided> {
    let Some(holder) = app.accounts.keyring.find(id.as_str())? else { return Ok(()) };
    let user = holder.principal().user;
    let event = Event {
        at: now,
        kind: EventKind::KeyEnded,
        user: Some(user),
        key: Some(id.clone()),
        session: None,
        actor: "guard".to_owned(),
        detail: "another has its place".to_owned(),
    };
    app.accounts.stores.successions.end(id, &event).await?;
    app.accounts.reload_keys(user).await
}

/// The event that tells what a request did to this key.
pub(super) fn event(key: &KeyRecord, (kind, detail): (EventKind, String), from: IpAddr, now: Timestamp) -> Event {
    let (user, key) = (Some(key.user), Some(key.id.clone()));
    Event { at: now, kind, user, key, session: None, actor: from.to_string(), detail }
}
