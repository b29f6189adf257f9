//! Profiles: a key, and the server that it is for, kept in a file of its own.
//!
//! The file with the key is written once and never changed. What is learnt later (how far the server's clock is ahead,
//! which static key it announces) stands in files beside it, and so does the profile of a key that shall take its place,
//! until that is confirmed and one takes the name of the other.

mod file;
#[cfg(test)]
mod tests;
mod written;

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use anyhow::Context as _;
use countersign_client::{Client, Conversation, Credentials, Enrolment, Server};
use countersign_core::secret::Root;
use countersign_core::time::Timestamp;

pub(crate) use file::Shelf;

/// What a profile holds.
#[derive(Debug)]
pub(crate) struct Profile {
    /// Where to connect.
    pub(crate) server: Server,
    /// The user's name, as the server spells it.
    pub(crate) username: String,
    /// What requests are signed with, and under which name of the server.
    pub(crate) credentials: Credentials,
    /// What the keys are derived from.
    pub(crate) root: Root,
    /// The server's static key, when a card named it or the server announced it.
    pub(crate) server_key: Option<[u8; 32]>,
    /// When the key was given, by the server's clock.
    pub(crate) created: Timestamp,
    /// How far the server's clock is ahead of ours, in milliseconds, as last seen.
    pub(crate) offset_ms: i64,
}

impl Profile {
    /// The profile of a new key.
    pub(crate) fn new(server: Server, username: &str, enrolment: &Enrolment) -> Self {
        let Enrolment { credentials, root, server_key, created, offset_ms } = enrolment.clone();
        Self { server, username: username.to_owned(), credentials, root, server_key, created, offset_ms }
    }

    /// A client that signs with this profile's key.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let conversation = Conversation::new(self.credentials.clone(), self.offset_ms);
        Ok(Client::new(self.server.clone(), conversation)?)
    }
}

/// The name of a profile: 1 to 64 of `a-z A-Z 0-9 . _ -`, not beginning with a dot, so that it is a plain file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProfileName(String);

impl FromStr for ProfileName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let plain = text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"._-".contains(&octet));
        anyhow::ensure!(
            plain && !text.starts_with('.') && (1..=64).contains(&text.len()),
            "the name of a profile is 1 to 64 letters, digits, dots, hyphens or underscores, and begins with no dot"
        );
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where profiles are kept: `COUNTERSIGN_HOME`, else the platform's directory for configuration.
#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
pub(crate) fn home() -> anyhow::Result<PathBuf> {
    match std::env::var_os("COUNTERSIGN_HOME") {
        Some(home) if !home.is_empty() => Ok(home.into()),
        _ => directories::ProjectDirs::from("", "", "countersign")
            .map(|directories| directories.config_dir().to_owned())
            .context("this machine names no home directory; set COUNTERSIGN_HOME to where profiles shall be kept"),
    }
}
