//! The keys of access tokens: shown, rotated, retired (docs/tokens.md).

use countersign_core::event::EventKind;
use countersign_core::time::Timestamp;
use countersign_core::token::TooYoung;
use serde::{Deserialize, Serialize};

use super::{Asked, ControlError, Operation};
use crate::accounts::Accounts;
use crate::edge;
use crate::service::rotate_token_key::rotate;

/// A key of access tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenKeyRow {
    /// Its name, as in `kid`.
    pub kid: String,
    /// What it is for.
    pub state: TokenKeyState,
    /// Since when it signs or is published, in milliseconds since the Unix epoch; none for a former key.
    pub since_ms: Option<u64>,
    /// When nothing that it has signed is good any more, for a former key.
    pub until_ms: Option<u64>,
}

/// What a key of access tokens is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKeyState {
    /// It signs.
    Current,
    /// It is published, and will sign.
    Next,
    /// What it has signed is still good.
    Former,
}

/// Shows the keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowTokenKeys {}

impl Operation for ShowTokenKeys {
    const NAME: &'static str = "show-token-keys";
    type Reply = Vec<TokenKeyRow>;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<Vec<TokenKeyRow>, ControlError> {
        Ok(shown(accounts, asked.at))
    }
}

/// Puts the next key in the place of the current one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RotateTokenKey {
    /// Although it may not be known everywhere yet.
    pub at_once: bool,
}

impl Operation for RotateTokenKey {
    const NAME: &'static str = "rotate-token-key";
    type Reply = Vec<TokenKeyRow>;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<Vec<TokenKeyRow>, ControlError> {
        let _alone = accounts.changing.lock().await;
        rotate(accounts, (&asked.actor, asked.at), self.at_once)
            .await?
            .map_err(|too_young| refusal(too_young, asked.at))?;
        Ok(shown(accounts, asked.at))
    }
}

/// Forgets the former keys: what they have signed is refused from now on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RetireTokenKeys {}

impl Operation for RetireTokenKeys {
    const NAME: &'static str = "retire-token-keys";
    type Reply = Vec<TokenKeyRow>;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<Vec<TokenKeyRow>, ControlError> {
        let _alone = accounts.changing.lock().await;
        let keys = &accounts.secrets.token_keys;
        keys.forget_expired(asked.at);
        let detail = "what the former keys have signed is refused".to_owned();
        let event = asked.event(EventKind::TokenKeyRetired, (None, None), detail);
        let hands = (&*accounts.stores.server_secrets, &accounts.secrets.kek);
        if keys.retire(hands, edge::random(), &event).await? == 0 {
            let message = "there is no former token key; one comes about by `countersign token-key rotate`";
            return Err(ControlError::new("conflict", message));
        }
        Ok(shown(accounts, asked.at))
    }
}

fn shown(accounts: &Accounts, now: Timestamp) -> Vec<TokenKeyRow> {
    let held = accounts.secrets.token_keys.held();
    let ring = held.ring().without_expired(now);
    let signing = [(TokenKeyState::Current, ring.signing()), (TokenKeyState::Next, ring.next())];
    let signing = signing.map(|(state, (key, since))| TokenKeyRow {
        kid: key.id().to_string(),
        state,
        since_ms: Some(since.as_millis()),
        until_ms: None,
    });
    let former = ring.former().iter().map(|former| TokenKeyRow {
        kid: former.key.id().to_string(),
        state: TokenKeyState::Former,
        since_ms: None,
        until_ms: Some(former.until.as_millis()),
    });
    signing.into_iter().chain(former).collect()
}

fn refusal(TooYoung { ready }: TooYoung, now: Timestamp) -> ControlError {
    let minutes = ready.since(now).as_secs().div_ceil(60);
    ControlError::new(
        "conflict",
        format!(
            "the next token key was published less than ten minutes ago, and not everybody who verifies tokens has it: try \
             again in {minutes} min, or take --at-once if the current key is known to somebody else"
        ),
    )
}
