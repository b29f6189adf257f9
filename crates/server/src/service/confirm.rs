//! The first correctly signed request of a new key makes the account.

use std::net::IpAddr;
use std::sync::PoisonError;

use countersign_core::account::{KeyRecord, KeyState, User, UserState};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::{KeyId, UserId};
use countersign_core::secret::{Root, Sealed};
use countersign_core::signature::Authentic;
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Principal, Refusal, Verdict};
use countersign_store::port::{Confirmation, Confirmed};

use super::Undecided;
use crate::app::App;
use crate::edge;

/// Takes the name, consumes the ticket and keeps the key, before the request is served.
pub async fn confirm(app: &App, request: &Authentic<'_>, from: IpAddr, now: Timestamp) -> Result<Verdict, Undecided> {
    let _alone = app.accounts.changing.lock().await;
    if let Some(holder) = app.accounts.keyring.find(request.keyid())? {
        return Ok(Verdict::Admit(holder.principal().clone()));
    }
    let Some(confirmation) = confirmation(app, request.keyid(), now)? else {
        return Ok(Verdict::Refuse(Refusal::UnknownKey));
    };
    let event = Event {
        at: now,
        kind: EventKind::Enrolled,
        user: Some(confirmation.user.id),
        key: Some(confirmation.key.id.clone()),
        actor: from.to_string(),
        detail: format!("{} as {}", confirmation.user.username, confirmation.user.role),
    };
    let confirmed = app.accounts.stores.enrolments.confirm(&confirmation, &event).await?;
    let verdict = match confirmed {
        Confirmed::Done => {
            let principal = principal(&confirmation);
            app.accounts.keyring.put(&confirmation.user, confirmation.key)?;
            Verdict::Admit(principal)
        }
        Confirmed::NameTaken => Verdict::Refuse(Refusal::NameTaken),
        Confirmed::TicketSpent => Verdict::Refuse(Refusal::TicketSpent),
    };
    app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner).take(request.keyid(), now);
    Ok(verdict)
}

/// The user and key to be, if the enrolment is still waiting. It stays until the store has answered: an answer that got
/// lost must leave the client a second try.
fn confirmation(app: &App, keyid: &str, now: Timestamp) -> Result<Option<Confirmation>, Undecided> {
    let waiting = app.accounts.pending.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(pending) = waiting.by_keyid(keyid, now) else { return Ok(None) };
    let user = User {
        id: UserId::from_random(edge::random()),
        username: pending.username.clone(),
        role: pending.role,
        state: UserState::Enabled,
        generation: 0,
        created: now,
    };
    let root = seal_root(app, &pending.keyid, &user, &pending.root)?;
    let key = KeyRecord {
        id: pending.keyid.clone(),
        user: user.id,
        device: pending.device.clone(),
        root,
        origin: pending.origin,
        state: KeyState::Active,
        created: now,
    };
    Ok(Some(Confirmation { user, key }))
}

/// Seals a root for the key and the user that it belongs to, and for no others.
pub(super) fn seal_root(app: &App, keyid: &KeyId, user: &User, root: &Root) -> Result<Sealed, Undecided> {
    let secret = root.secret().expose();
    Ok(app.accounts.secrets.kek.seal(keyid.as_str(), user.username.as_str(), secret, edge::random())?)
}

fn principal(confirmation: &Confirmation) -> Principal {
    let Confirmation { user, key } = confirmation;
    Principal { user: user.id, username: user.username.clone(), role: user.role, key: key.id.clone() }
}
