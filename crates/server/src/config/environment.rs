//! The environment: `COUNTERSIGN_` and the key, with `__` for a dot, in any case.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use toml::Value;

use super::fault::Fault;
use super::key::{Key, Kind};
use super::layer::Layer;
use super::origin::Origin;
use super::secret::SecretText;

const PREFIX: &str = "COUNTERSIGN_";

/// What the environment says.
#[derive(Default)]
pub(super) struct Environment {
    pub(super) layer: Layer,
    /// `COUNTERSIGN_CONFIG`.
    pub(super) file: Option<PathBuf>,
    /// `COUNTERSIGN_KEK`, which is no key of the file and is never listed.
    pub(super) kek: Option<SecretText>,
}

impl Environment {
    /// Reads our variables and no others. `COUNTERSIGN_HOME` belongs to the client commands.
    pub(super) fn read(variables: impl IntoIterator<Item = (OsString, OsString)>, faults: &mut Vec<Fault>) -> Self {
        let mut read = Self::default();
        let mut seen = BTreeMap::new();
        for (name, value) in variables {
            let Some((name, tail)) = ours(name) else { continue };
            let origin = Origin::Variable(name.clone());
            if let Some(other) = seen.insert(tail.clone(), name) {
                faults.push(Fault::sentence(&origin, &format!("the same is set as {other} too; unset one of them")));
                continue;
            }
            match tail.as_str() {
                "home" => {}
                "config" => read.file = Some(value.into()),
                _ => read.variable(&tail, value, origin, faults),
            }
        }
        read
    }

    fn variable(&mut self, tail: &str, value: OsString, origin: Origin, faults: &mut Vec<Fault>) {
        let Ok(value) = value.into_string().map(SecretText::from) else {
            return faults.push(Fault::sentence(&origin, "the value is not UTF-8; write it in UTF-8"));
        };
        match Key::of_variable(tail) {
            _ if tail == "kek" => self.kek = Some(value),
            Some(key) => self.layer.set(key.name, typed(key.kind, value.expose()), origin),
            None if tail == "route" || tail.starts_with("route_") => faults.push(Fault::sentence(
                &origin,
                "routes are written as [[route]] in the configuration file only; name the file with COUNTERSIGN_CONFIG",
            )),
            None if tail.starts_with("envelope__action") => faults.push(Fault::sentence(
                &origin,
                "actions are written as [[envelope.action]] in the configuration file only; name the file with \
                 COUNTERSIGN_CONFIG",
            )),
            None => faults.push(Fault::unknown(&tail.replace("__", "."), &origin)),
        }
    }
}

/// A variable of ours: its name as spelt, and what follows the prefix in lower case.
fn ours(name: OsString) -> Option<(String, String)> {
    let name = name.into_string().ok()?;
    let tail = name.to_ascii_uppercase().strip_prefix(PREFIX)?.to_ascii_lowercase();
    Some((name, tail))
}

/// The value as TOML would have it. What does not fit stays text, and is then refused for its shape.
fn typed(kind: Kind, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    match kind {
        Kind::Text | Kind::Secret => as_text(),
        Kind::Whole | Kind::Size => text.parse().map_or_else(|_| as_text(), Value::Integer),
        Kind::Flag => text.parse().map_or_else(|_| as_text(), Value::Boolean),
        Kind::List => {
            let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            Value::Array(entries.map(|entry| Value::String(entry.to_owned())).collect())
        }
    }
}
