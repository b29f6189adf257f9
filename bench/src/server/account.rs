//! An account at a guard, got as a person gets one: by a card.

use std::path::Path;

use anyhow::Context as _;
use countersign_core::encoding::unhex;
use countersign_core::secret::{KeyPair, Root, Secret32};
use serde::Deserialize;

use super::guard::{Guard, countersign};

/// A key and its name.
pub(crate) struct Account {
    /// The name.
    pub(crate) keyid: String,
    /// The key, for both directions.
    pub(crate) keys: KeyPair,
}

#[derive(Deserialize)]
struct Shown {
    keyid: String,
    root: String,
}

impl Account {
    /// Enrols at a guard. The profile is kept in `home`.
    pub(crate) fn open(guard: &Guard, home: &Path) -> anyhow::Result<Self> {
        let data = guard.data().to_str().context("the path of the data directory is no text")?;
        let invited = countersign(home, &["user", "invite", "--ticket", "--role", "service", "--data", data])?;
        let card = invited.lines().next().context("no card")?;
        let server = format!("http://{}", guard.address());
        countersign(home, &["enrol", "--server", &server, "--card", card, "--username", "bench"])?;
        let shown: Shown = serde_json::from_str(&countersign(home, &["key", "show", "--danger-secret", "--json"])?)?;
        let root = unhex(&shown.root).and_then(|octets| octets.try_into().ok()).context("a root has 32 octets")?;
        let keys = Root::new(Secret32::new(root)).key_pair(&shown.keyid);
        Ok(Self { keyid: shown.keyid, keys })
    }
}
