use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::key::{Key, nearest, without_index};
use super::origin::Origin;

/// Why there is no configuration to run with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file was named but cannot be read.
    #[error("cannot read the configuration file {}; check the path, or leave --config and COUNTERSIGN_CONFIG out", path.display())]
    Unreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something that is written is wrong; everything that was found is listed.
    #[error("{}", listed(.0))]
    Wrong(Vec<Fault>),
}

/// One thing that is wrong in the configuration: a sentence that names the key, the value's shape and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    /// The file is not TOML. The line itself is not shown, since it may hold a secret.
    pub(super) fn syntax(path: &Path, line: usize, message: &str) -> Self {
        Self(format!("{} line {line}: this is not TOML: {message}", path.display()))
    }

    /// No key has this path.
    pub(super) fn unknown(path: &str, origin: &Origin) -> Self {
        let path = without_index(path);
        let nearest = nearest(&path).map_or_else(String::new, |key| match origin {
            Origin::Variable(_) if !key.is_of_a_list() => format!("`{}`: {}", key.name, key.variable()),
            _ => format!("`{}`", key.name),
        });
        Self(format!("{origin}: unknown key `{path}`; the nearest known key is {nearest}"))
    }

    /// The value of the key at this path is not what it must be. What was found is shown unless it is a secret.
    pub(super) fn wrong(path: &str, origin: &Origin, found: Option<&str>, reason: &str) -> Self {
        let Some(key) = Key::at(path) else { return Self::sentence(origin, &format!("`{path}`: {reason}")) };
        let found = found.filter(|_| !key.is_secret()).map(|found| format!(", not {}", shown(found)));
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let example = origin.example(key);
        let entry = if path.ends_with(']') { "an entry of " } else { "" };
        Self(format!(
            "{origin}: `{path}` must be {entry}{}{}{reason}; write for example `{example}`",
            key.shape,
            found.unwrap_or_default()
        ))
    }

    /// Something about this place that the other sentences do not fit.
    pub(super) fn sentence(origin: &Origin, sentence: &str) -> Self {
        Self(format!("{origin}: {sentence}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `"value"`, escaped and cut, for a message; what looks like a URL with a password in it is not shown.
pub(super) fn shown(value: &str) -> String {
    const LONGEST: usize = 60;
    if value.contains('@') {
        return "the value given".to_owned();
    }
    let cut: String = value.chars().take(LONGEST).collect();
    format!("{cut:?}{}", if cut.len() < value.len() { "…" } else { "" })
}

fn listed(faults: &[Fault]) -> String {
    let lines = faults.iter().map(|Fault(sentence)| format!("\n  {sentence}"));
    format!("the configuration is wrong:{}", lines.collect::<String>())
}
