//! Ends sessions: in memory first, then in the store, then for whoever follows the log, and only then is anybody told.

use countersign_core::event::{Event, EventKind};
use countersign_core::id::{SessionRef, UserId};
use countersign_core::session::{EndReason, Scope};

use super::control::Asked;
use super::{Undecided, to_its_end};
use crate::accounts::Accounts;
use crate::app::SharedApp;

/// Ends these sessions for a request, whatever becomes of whoever waits for it; gives those that it has ended.
///
/// An error means that it may or may not be durable. In memory they have ended all the same; trying again is right.
pub async fn end(app: &SharedApp, scope: Scope, why: EndReason, asked: Asked) -> Result<Vec<SessionRef>, Undecided> {
    let app = app.clone();
    to_its_end(async move { end_in(&app.accounts, &scope, why, &asked).await }).await
}

/// The same for a caller that cannot be dropped half way.
pub async fn end_in(
    accounts: &Accounts,
    scope: &Scope,
    why: EndReason,
    asked: &Asked,
) -> Result<Vec<SessionRef>, Undecided> {
    let user = user_of(accounts, scope)?;
    accounts.sessions.deny(scope, asked.at)?;
    let kind = match scope {
        Scope::User(_) => EventKind::UserRevoked,
        Scope::Session(_) | Scope::Others { .. } | Scope::Key(_) => EventKind::SessionEnded,
    };
    let event = asked.event(kind, (user, None), why.to_string());
    let ended = accounts.stores.sessions.end(scope, why, &event).await?;
    // A session that was opened meanwhile has ended in the store, and came into memory after the others had ended there.
    for session in &ended {
        accounts.sessions.deny(&Scope::Session(*session), asked.at)?;
    }
    if let Scope::User(user) = scope
        && let Some(user) = accounts.stores.users.find(*user).await?
    {
        accounts.sessions.learn_user(&user)?;
    }
    accounts.sessions.log_has_grown();
    Ok(ended)
}

/// Ends everything that anybody was issued.
pub async fn end_everything(accounts: &Accounts, asked: &Asked) -> Result<(), Undecided> {
    accounts.sessions.deny_everybody();
    let event: Event = asked.event(EventKind::EpochRaised, (None, None), EndReason::Everybody.to_string());
    let epoch = accounts.stores.revocations.raise_epoch(&event).await?;
    accounts.sessions.learn_epoch(epoch);
    accounts.sessions.log_has_grown();
    Ok(())
}

fn user_of(accounts: &Accounts, scope: &Scope) -> Result<Option<UserId>, Undecided> {
    Ok(match scope {
        Scope::Session(session) => accounts.sessions.find(*session)?.map(|entry| entry.user()),
        Scope::Others { user, .. } | Scope::User(user) => Some(*user),
        Scope::Key(_) => None,
    })
}
