//! The first correctly signed request of a new key makes the account, or puts the key in the place of others.

use std::net::IpAddr;
use std::sync::PoisonError;

use countersign_core::account::{KeyOrigin, KeyRecord, KeyState, User, UserState};
use countersign_core::enrolment::pending::Pending;
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{KeyId, UserId};
use countersign_core::permission::Permissions;
use countersign_core::secret::{Root, Sealed};
use countersign_core::signature::Authentic;
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Refusal, Verdict};
use countersign_store::port::{Confirmation, Confirmed};

use super::{Undecided, recover, rotate, to_its_end};
use crate::app::{App, SharedApp};
use crate::edge;
use crate::keyring::principal;

/// Takes the name, consumes the ticket and keeps the key, or gives it the place of others, before the request is served.
pub async fn confirm(
    app: &SharedApp,
    request: &Authentic<'_>,
    from: IpAddr,
    now: Timestamp,
) -> Result<Verdict, Undecided> {
    let (app, keyid) = (app.clone(), request.keyid().to_owned());
    to_its_end(async move { confirm_pending(&app, &keyid, from, now).await }).await
}

async fn confirm_pending(app: &App, keyid: &str, from: IpAddr, now: Timestamp) -> Result<Verdict, Undecided> {
    let _alone = app.accounts.changing.lock().await;
    // Another request of this key may have been quicker; and the key may have been revoked since.
    if let Some(holder) = app.accounts.keyring.find(keyid)? {
        return Ok(holder.verdict(now));
    }
    let Some(pending) = waiting(app, keyid, now) else { return Ok(Verdict::Refuse(Refusal::UnknownKey)) };
    let verdict = match &pending.origin {
        KeyOrigin::GroupCard | KeyOrigin::Ticket(_) | KeyOrigin::SeedMode => newcomer(app, &pending, from, now).await?,
        KeyOrigin::Rotation(predecessor) => rotate::confirm(app, &pending, predecessor, from, now).await?,
        KeyOrigin::Recovery(ticket) => recover::confirm(app, &pending, *ticket, from, now).await?,
    };
    app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner).take(keyid, now);
    Ok(verdict)
}

/// What waits for this key's first request. It stays until the store has answered: an answer that got lost must leave the
/// client a second try.
fn waiting(app: &App, keyid: &str, now: Timestamp) -> Option<Pending> {
    app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner).by_keyid(keyid, now).cloned()
}

async fn newcomer(app: &App, pending: &Pending, from: IpAddr, now: Timestamp) -> Result<Verdict, Undecided> {
    let confirmation = confirmation(app, pending, now)?;
    let Confirmation { user, key } = &confirmation;
    let detail = format!("{} as {}", user.username, user.role);
    let confirmed = match keep(app, &confirmation, from, detail).await? {
        Confirmed::Done => None,
        Confirmed::NameTaken => Some(Refusal::NameTaken),
        Confirmed::TicketSpent => Some(Refusal::TicketSpent),
    };
    Ok(match confirmed {
        Some(refusal) => kept_before(app, &key.id, now).await?.unwrap_or(Verdict::Refuse(refusal)),
        None => Verdict::Admit(principal(user, &key.id)),
    })
}

/// Keeps a new user and key in the store, and then in memory. The caller holds
/// [`changing`](crate::accounts::Accounts::changing).
pub(super) async fn keep(
    app: &App,
    confirmation: &Confirmation,
    from: IpAddr,
    detail: String,
) -> Result<Confirmed, Undecided> {
    let Confirmation { user, key } = confirmation;
    let event = Event {
        at: user.created,
        kind: EventKind::Enrolled,
        user: Some(user.id),
        key: Some(key.id.clone()),
        session: None,
        actor: from.to_string(),
        detail,
    };
    let confirmed = app.accounts.stores.enrolments.confirm(confirmation, &event).await?;
    if confirmed == Confirmed::Done {
        app.accounts.keyring.put(user, key.clone())?;
    }
    Ok(confirmed)
}

/// The name, the ticket or the place may have gone to this very key, by a first try to which the store answered too late.
pub(super) async fn kept_before(app: &App, id: &KeyId, now: Timestamp) -> Result<Option<Verdict>, Undecided> {
    let Some(key) = app.accounts.stores.keys.find(id).await? else { return Ok(None) };
    app.accounts.reload_keys(key.user).await?;
    Ok(app.accounts.keyring.find(id.as_str())?.map(|holder| holder.verdict(now)))
}

/// The user and key to be.
fn confirmation(app: &App, pending: &Pending, now: Timestamp) -> Result<Confirmation, Undecided> {
    let user = User {
        id: UserId::from_random(edge::random()),
        username: pending.username.clone(),
        role: pending.role,
        state: UserState::Enabled,
        permissions: Permissions::default(),
        has_password: false,
        generation: 0,
        created: now,
    };
    Ok(Confirmation { key: key_of(app, pending, &user, now)?, user })
}

/// The key that waits, as it will be kept for this user.
pub(super) fn key_of(app: &App, pending: &Pending, user: &User, now: Timestamp) -> Result<KeyRecord, Undecided> {
    Ok(KeyRecord {
        id: pending.keyid.clone(),
        user: user.id,
        device: pending.device.clone(),
        root: seal_root(app, &pending.keyid, user, &pending.root)?,
        origin: pending.origin.clone(),
        state: KeyState::Active,
        created: now,
    })
}

/// Seals a root for the key and the user that it belongs to, and for no others.
pub(super) fn seal_root(app: &App, keyid: &KeyId, user: &User, root: &Root) -> Result<Sealed, Undecided> {
    let secret = root.secret().expose();
    Ok(app.accounts.secrets.kek.seal(keyid.as_str(), user.username.as_str(), secret, edge::random())?)
}
