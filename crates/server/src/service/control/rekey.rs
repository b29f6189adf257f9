//! The exchange of the key-encryption key.

use core::time::Duration;
use std::error::Error as _;

use serde::{Deserialize, Serialize};

use super::{Asked, ControlError, Operation, unprocessable};
use crate::accounts::Accounts;
use crate::data::NotReplaced;
use crate::service::rekey::{self, Outcome, RekeyError};

/// Makes the next key-encryption key and seals everything anew under it; or goes on with what was begun before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rekey {}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rekeyed {
    /// The version that is current now.
    pub version: u32,
    /// The versions before.
    pub former: Vec<u32>,
    /// How many secrets were sealed anew.
    pub resealed: u64,
    /// How many rows were left alone, because they are not as the guard wrote them.
    pub left_alone: u64,
    /// Whether it had been begun before.
    pub resumed: bool,
    /// Whether it is over; otherwise the guard is stopping, and the next start goes on.
    pub finished: bool,
    /// Where the keys are kept.
    pub place: String,
    /// Whether the former versions are gone from there. Otherwise somebody has to remove them.
    pub removed: bool,
}

impl Operation for Rekey {
    const NAME: &'static str = "rekey";
    /// A store of millions of keys takes minutes.
    const PATIENCE: Duration = Duration::from_secs(24 * 3600);
    type Reply = Rekeyed;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<Rekeyed, ControlError> {
        let mut exchange = rekey::begin(accounts, &asked.actor).await.map_err(|error| refused(error, accounts))?;
        let outcome = exchange.to_its_end().await.map_err(|error| refused(error, accounts))?;
        let Outcome { version, former, resealed, distrusted, removed, finished } = outcome;
        let (place, _) = accounts.kek_keeper.place();
        let resumed = exchange.resumed;
        Ok(Rekeyed { version, former, resealed, left_alone: distrusted, resumed, finished, place, removed })
    }
}

fn refused(error: RekeyError, accounts: &Accounts) -> ControlError {
    let next = accounts.secrets.kek.current().saturating_add(1);
    match error {
        RekeyError::UnderWay => ControlError::new("conflict", error.to_string()),
        RekeyError::File(NotReplaced::NotOurs(place)) => unprocessable(format!(
            "the key-encryption key comes from {place}, which is not the guard's to write. Add the line `{next}:` and the \
             64 hex digits of `openssl rand -hex 32` beside the key that is there (which is version {} and may say so: `{}:` \
             before its hex digits), restart the guard, and run `countersign rekey` again: it says when the former one may go",
            next - 1,
            next - 1,
        )),
        RekeyError::File(_) | RekeyError::DoesNotOpen { .. } | RekeyError::Ring(_) | RekeyError::Undecided(_) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the key-encryption key was not exchanged");
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            let advice = if accounts.rekeying.is_unfinished() {
                "nothing is lost: both keys are kept, and a running guard tries again each minute"
            } else {
                "nothing was changed"
            };
            ControlError::new("unavailable", format!("{error}{cause}; {advice}"))
        }
    }
}
