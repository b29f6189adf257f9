use core::fmt;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::key::{Key, Kind};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is the program's own.
    Default,
    /// In the configuration file, in this line (from one).
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line of the key.
        line: usize,
    },
    /// In the environment, under this name as it was spelt.
    Variable(String),
    /// On the command line, by this option.
    Option(&'static str),
}

impl Origin {
    /// How `key` is written correctly at this place.
    pub(super) fn example(&self, key: &Key) -> String {
        let bare = key.example.trim_matches('"');
        match (self, key.kind) {
            (Self::Variable(_), Kind::List) => {
                format!("{}={}", key.variable(), key.example.trim_matches(['[', ']']).replace(['"', ' '], ""))
            }
            (Self::Variable(_), _) => format!("{}={bare}", key.variable()),
            (Self::Option(option), _) => format!("{option} {bare}"),
            (Self::Default | Self::File { .. }, _) => format!("{} = {}", key.short_name(), key.example),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Option(option) => f.write_str(option),
        }
    }
}

/// Where each written key stands, by its full path (`limits.idle_seconds`, `route[0].path`).
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    pub(super) fn note(&mut self, path: String, origin: Origin) {
        self.0.insert(path, origin);
    }

    /// What stands in `later` wins.
    pub(super) fn overlay(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// Where `path` stands, or the thing that holds it (`trusted_proxies` for `trusted_proxies[1]`).
    pub(super) fn of(&self, path: &str) -> Origin {
        let mut holder = path;
        loop {
            match (self.0.get(holder), holder.rfind(['.', '['])) {
                (Some(origin), _) => return origin.clone(),
                (None, Some(end)) => holder = holder.get(..end).unwrap_or_default(),
                (None, None) => return Origin::Default,
            }
        }
    }
}
