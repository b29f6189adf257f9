//! Another key signs access tokens from now on.

use countersign_core::event::{Event, EventKind};
use countersign_core::time::Timestamp;
use countersign_core::token::TooYoung;

use super::Undecided;
use crate::accounts::Accounts;
use crate::edge;

/// Puts the next key in the place of the present one. Whoever calls this holds [`Accounts::changing`].
pub(crate) async fn rotate(
    accounts: &Accounts,
    (actor, at): (&str, Timestamp),
    at_once: bool,
) -> Result<Result<(), TooYoung>, Undecided> {
    let keys = &accounts.secrets.token_keys;
    let detail = format!("{} signs access tokens from now on", keys.held().ring().next().0.id());
    let event = Event {
        at,
        kind: EventKind::TokenKeyRotated,
        user: None,
        key: None,
        session: None,
        actor: actor.to_owned(),
        detail,
    };
    let hands = (&*accounts.stores.server_secrets, &accounts.secrets.kek);
    Ok(keys.rotate(hands, edge::random(), at_once, &event).await?)
}

/// What is due at `now`: a key that has signed for long enough gives way, and former ones are forgotten in their time.
pub(crate) async fn look_after(accounts: &Accounts, now: Timestamp) -> Result<(), Undecided> {
    let _alone = accounts.changing.lock().await;
    let keys = &accounts.secrets.token_keys;
    keys.forget_expired(now);
    let (_, since) = keys.held().ring().signing();
    if now < since.saturating_add(accounts.config.tokens.key_age) {
        return Ok(());
    }
    match rotate(accounts, ("guard", now), false).await? {
        Ok(()) => tracing::info!(kid = %keys.held().signing().id(), "another key signs access tokens from now on"),
        Err(TooYoung { .. }) => tracing::debug!("the next token key is not published for long enough"),
    }
    Ok(())
}
