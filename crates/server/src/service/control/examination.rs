//! What the one who has the store open knows of its health; for `countersign doctor`.

use std::collections::BTreeMap;

use countersign_core::account::{KeyOrigin, KeyState};
use serde::{Deserialize, Serialize};

use super::{Asked, ControlError, Operation};
use crate::accounts::Accounts;
use crate::service::event_log;
use crate::service::rekey::survey;

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
    /// How far this machine's clock is behind the accept clock, in milliseconds, where that is more than the window: then
    /// signed requests are refused.
    pub clock_behind_ms: Option<u64>,
    /// The version of the key-encryption key under which secrets are sealed now, and the former ones that are there.
    pub kek_versions: (u32, Vec<u32>),
    /// How many secrets are sealed under another version, by that version.
    pub sealed_otherwise: BTreeMap<u32, u64>,
}

impl Operation for Examine {
    const NAME: &'static str = "examine";
    type Reply = Examination;

    async fn run(self, accounts: &Accounts, asked: &Asked) -> Result<Examination, ControlError> {
        let integrity = accounts.sqlite.integrity().await?;
        let log = event_log::verify(accounts, Vec::new()).await?;
        let seed_mode_keys =
            accounts.keyring.count(|key| key.origin == KeyOrigin::SeedMode && key.state == KeyState::Active)?;
        let keys = accounts.secrets.kek.keys();
        let others = survey(&*accounts.stores.sealings, keys.current()).await?;
        let mark = accounts.stores.accept_marks.load().await?;
        let behind =
            mark.map(|mark| mark.mark.since(asked.at)).filter(|behind| *behind > accounts.config.freshness.window());
        Ok(Examination {
            problems: integrity.problems().into_iter().chain(log.faults.iter().map(ToString::to_string)).collect(),
            sqlite: integrity.sqlite,
            seed_mode_keys,
            kek_versions: (keys.current(), keys.former().collect()),
            sealed_otherwise: others.versions,
            clock_behind_ms: behind.map(|behind| u64::try_from(behind.as_millis()).unwrap_or(u64::MAX)),
        })
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use countersign_core::replay::AcceptMark;
    use countersign_core::time::Timestamp;

    use super::*;
    use crate::config::{Overrides, Sources, load};
    use crate::data::DataDir;

    /// A mark at `mark`, as it is kept.
    fn mark(mark: Timestamp) -> AcceptMark {
        let at = mark.as_millis();
        let octets = [1, 0].into_iter().chain([at, 1, 5_000, 0, at, at].into_iter().flat_map(u64::to_be_bytes));
        AcceptMark::from_octets(&octets.collect::<Vec<_>>()).unwrap()
    }

    #[tokio::test]
    async fn a_clock_further_behind_the_accept_clock_than_the_window_is_found() {
        let home = tempfile::tempdir().unwrap();
        let data = Some(home.path().join("data").to_str().unwrap().to_owned());
        let sources = Sources { overrides: Overrides { data, ..Overrides::default() }, ..Sources::default() };
        let config = load(sources).unwrap().config;
        let directory = DataDir::open(&config.data).unwrap();
        let accounts = Accounts::open(config, &directory, &directory.lock().unwrap()).await.unwrap();
        let now = Timestamp::from_secs(1_763_780_000);
        let asked = Asked { actor: "a test".to_owned(), session: None, at: now };
        assert_eq!(Examine {}.run(&accounts, &asked).await.unwrap().clock_behind_ms, None, "never started");
        for (ahead, found) in [(5_000, None), (5_001, Some(5_001))] {
            accounts.stores.accept_marks.keep(&mark(now.saturating_add(Duration::from_millis(ahead)))).await.unwrap();
            assert_eq!(Examine {}.run(&accounts, &asked).await.unwrap().clock_behind_ms, found);
        }
    }
}
