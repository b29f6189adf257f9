//! What users see and do of their own keys (protocol §10).

use std::net::IpAddr;

use countersign_core::account::{KeyRecord, KeyState};
use countersign_core::event::{Event, EventKind};
use countersign_core::id::KeyId;
use countersign_core::succession::{TakeBack, take_back as judge};
use countersign_core::time::Timestamp;
use countersign_core::verdict::{Principal, Prover};
use countersign_store::port::TakenBack;
use serde::Serialize;

use super::control::{origin, state};
use super::{Undecided, to_its_end};
use crate::app::{App, SharedApp};

/// A user's keys, by id.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct OwnKeys {
    /// All of them, ended ones included.
    pub keys: Vec<OwnKey>,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema))]
pub struct OwnKey {
    /// Its public name.
    pub keyid: String,
    /// What the user calls the device.
    pub device: String,
    /// How it came to be: `group`, `ticket`, `seed-mode`, `rotation` or `recovery`.
    pub origin: &'static str,
    /// `active`, `ending` or `revoked`.
    pub state: &'static str,
    /// When it was confirmed, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// When it ends, or ended; null for one that is active.
    pub ends_at_ms: Option<u64>,
    /// The key in whose place it stands.
    pub predecessor: Option<String>,
    /// The key that stands in its place.
    pub successor: Option<String>,
    /// Whether it signed the request, or opened the session that did.
    pub this: bool,
}

/// Lists a user's own keys.
pub async fn list(app: &App, signer: &Principal) -> Result<OwnKeys, Undecided> {
    let keys = app.accounts.stores.keys.of_user(signer.user).await?;
    let rows = keys.iter().map(|key| row(key, &keys, signer));
    Ok(OwnKeys { keys: rows.collect() })
}

fn row(key: &KeyRecord, all: &[KeyRecord], signer: &Principal) -> OwnKey {
    let (state, ends) = state(key.state);
    let stands_in_its_place = |other: &&KeyRecord| {
        other.origin.predecessor() == Some(&key.id) && !matches!(other.state, KeyState::Revoked { .. })
    };
    OwnKey {
        keyid: key.id.to_string(),
        device: key.device.clone(),
        origin: origin(&key.origin),
        state,
        created_ms: key.created.as_millis(),
        ends_at_ms: ends.map(Timestamp::as_millis),
        predecessor: key.origin.predecessor().map(ToString::to_string),
        successor: all.iter().find(stands_in_its_place).map(|other| other.id.to_string()),
        this: Some(&key.id) == signer.key(),
    }
}

/// What became of a user's word against a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It has ended, and what came from it; or had before.
    Done,
    /// The user has no such key.
    NotTheirs,
    /// The key that signed came from it; it ends in its time.
    OwnAncestor,
}

/// Ends one of a user's own keys: "not me", or "no longer mine".
pub async fn take_back(
    app: &SharedApp,
    signer: &Principal,
    target: &KeyId,
    from: IpAddr,
    now: Timestamp,
) -> Result<Ended, Undecided> {
    let (app, signer, target) = (app.clone(), signer.clone(), target.clone());
    to_its_end(async move { end(&app, &signer, &target, from, now).await }).await
}

async fn end(app: &App, signer: &Principal, target: &KeyId, from: IpAddr, now: Timestamp) -> Result<Ended, Undecided> {
    let user = &signer.user;
    // Whoever knows the password speaks for every key, as the key itself could.
    let key = signer.key().unwrap_or(target);
    let _alone = app.accounts.changing.lock().await;
    // In memory first, so that nothing that they sign slips through.
    match judge(&app.accounts.stores.keys.of_user(*user).await?, target, key) {
        TakeBack::NotTheirs => return Ok(Ended::NotTheirs),
        TakeBack::OwnAncestor => return Ok(Ended::OwnAncestor),
        TakeBack::Ends { ended, .. } => ended.iter().try_for_each(|id| app.accounts.deny_key(id, now))?,
    }
    let event = Event {
        at: now,
        kind: EventKind::KeyTakenBack,
        user: Some(*user),
        key: Some(target.clone()),
        session: signer.session.as_ref().map(|session| session.reference),
        actor: from.to_string(),
        detail: word(signer),
    };
    let taken = app.accounts.stores.successions.take_back(*user, target, key, &event).await?;
    app.accounts.reload_keys(*user).await?;
    Ok(match taken {
        TakenBack::Ended(_) => Ended::Done,
        TakenBack::NotTheirs => Ended::NotTheirs,
        TakenBack::OwnAncestor => Ended::OwnAncestor,
    })
}

/// On whose word it is ended.
fn word(signer: &Principal) -> String {
    match &signer.prover {
        Prover::Key(key) => format!("by the word of {key}"),
        Prover::Session(_) => "by the word of the session".to_owned(),
    }
}
