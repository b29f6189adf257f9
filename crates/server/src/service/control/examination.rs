//! What the one who has the store open knows of its health; for `countersign doctor`.

use countersign_core::account::{KeyOrigin, KeyState};
use serde::{Deserialize, Serialize};

use super::{Asked, ControlError, Operation};
use crate::accounts::Accounts;

/// Asks for an examination of the store. The whole file is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Examine {}

/// What was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Examination {
    /// The version of SQLite.
    pub sqlite: String,
    /// What is wrong with the store, a sentence each.
    pub problems: Vec<String>,
    /// Active keys that came by seed mode: whoever holds the shared key can compute them.
    pub seed_mode_keys: u64,
}

impl Operation for Examine {
    const NAME: &'static str = "examine";
    type Reply = Examination;

    async fn run(self, accounts: &Accounts, _asked: &Asked) -> Result<Examination, ControlError> {
        let integrity = accounts.sqlite.integrity().await?;
        let seed_mode_keys =
            accounts.keyring.count(|key| key.origin == KeyOrigin::SeedMode && key.state == KeyState::Active)?;
        Ok(Examination { problems: integrity.problems(), sqlite: integrity.sqlite, seed_mode_keys })
    }
}
