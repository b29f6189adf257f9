//! Profiles: a server, and what we are known by there: a key, a session, or both.
//!
//! The file with the key is written once and never changed. What is learnt later (how far the server's clock is ahead,
//! which static key it announces) stands in files beside it, and so do the session and the profile of a key that shall take its place,
//! until that is confirmed and one takes the name of the other.

mod file;
mod session;
#[cfg(test)]
mod tests;
mod written;

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use anyhow::Context as _;
use countersign_client::{Client, Conversation, Credentials, Enrolment, Server};
use countersign_core::authority::Authority;
use countersign_core::enrolment::Answers;
use countersign_core::id::KeyId;
use countersign_core::secret::Root;
use countersign_core::time::Timestamp;

pub(crate) use file::Shelf;
pub(crate) use session::Kept;

/// What a profile holds.
#[derive(Debug)]
pub(crate) struct Profile {
    /// Where to connect.
    pub(crate) server: Server,
    /// The name of the server in signatures.
    pub(crate) authority: Authority,
    /// Which answers it signs.
    pub(crate) answers: Answers,
    /// The user's name, as the server spells it.
    pub(crate) username: String,
    /// The key; none for somebody who logs in with a password.
    pub(crate) key: Option<ProfileKey>,
    /// The server's static key, when a card named it or the server announced it.
    pub(crate) server_key: Option<[u8; 32]>,
    /// How far the server's clock is ahead of ours, in milliseconds, as last seen.
    pub(crate) offset_ms: i64,
}

/// A key.
#[derive(Debug)]
pub(crate) struct ProfileKey {
    /// Its public name.
    pub(crate) keyid: KeyId,
    /// What its keys are derived from.
    pub(crate) root: Root,
    /// When it was given, by the server's clock.
    pub(crate) created: Timestamp,
}

impl Profile {
    /// The profile of a new key.
    pub(crate) fn new(server: Server, username: &str, enrolment: &Enrolment) -> anyhow::Result<Self> {
        let Enrolment { credentials, root, server_key, created, offset_ms } = enrolment.clone();
        let keyid = credentials.keyid.key().cloned().context("a session was enrolled as a key")?;
        let key = Some(ProfileKey { keyid, root, created });
        let (authority, answers) = (credentials.authority, credentials.answers);
        Ok(Self { server, authority, answers, username: username.to_owned(), key, server_key, offset_ms })
    }

    /// The profile of somebody without a key.
    pub(crate) fn without_key(server: Server, username: &str) -> Self {
        let (authority, answers) = (server.authority().clone(), Answers::AllSigned);
        Self { server, authority, answers, username: username.to_owned(), key: None, server_key: None, offset_ms: 0 }
    }

    /// The key, where there has to be one.
    pub(crate) fn key(&self) -> anyhow::Result<&ProfileKey> {
        self.key.as_ref().context("this profile has no key, only the session of a password; enrol to get one")
    }

    /// What a person types to log in with this profile, which is of this name.
    pub(crate) fn login_command(&self, name: &ProfileName) -> String {
        let mut command = "countersign login".to_owned();
        if name.0 != "default" {
            command = format!("{command} --profile {name}");
        }
        if self.key.is_none() {
            command = format!("{command} --username {}", self.username);
        }
        command
    }

    /// A client that signs with the key itself.
    pub(crate) fn key_client(&self) -> anyhow::Result<Client> {
        let ProfileKey { keyid, root, .. } = self.key()?;
        let mut credentials = Credentials::new(self.authority.clone(), keyid.clone().into(), root);
        credentials.answers = self.answers;
        Ok(Client::new(self.server.clone(), Conversation::new(credentials, self.offset_ms))?)
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
