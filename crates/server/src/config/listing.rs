use core::fmt;

use super::key::in_a_list;
use super::layer::Layer;
use super::origin::Origin;
use super::table::KEYS;

/// The configuration in force, key by key, each with where it comes from. Secrets are not in it.
#[derive(Clone, Debug)]
pub struct Listing(Vec<Entry>);

/// One key of a [`Listing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The full name: `limits.idle_seconds`, `route[0].path`.
    pub key: String,
    /// The value as in TOML; empty when there is none, `"(set)"` when it is a secret.
    pub value: String,
    /// Where it was written.
    pub origin: Origin,
}

impl Listing {
    pub(super) fn new(layer: &Layer) -> Self {
        let entries = |list| layer.at(list).and_then(toml::Value::as_array).map_or(0, Vec::len);
        let paths = KEYS.iter().flat_map(|key| {
            (0..key.list().map_or(1, entries)).map(move |index| (key, key.name.replace("[]", &format!("[{index}]"))))
        });
        let mut entries: Vec<_> = paths
            .map(|(key, path)| Entry {
                value: match layer.at(&path) {
                    Some(_) if key.is_secret() => "\"(set)\"".to_owned(),
                    Some(value) => value.to_string(),
                    None => key.default.to_owned(),
                },
                origin: if layer.at(&path).is_some() { layer.origins.of(&path) } else { Origin::Default },
                key: path,
            })
            .collect();
        // Keys in the order of the table, then each list entry by entry.
        entries.sort_by_key(|entry| in_a_list(&entry.key).map(|(list, index, _)| (list, index)));
        Self(entries)
    }

    /// All keys, those of lists last.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Entry { key, value, origin } in &self.0 {
            match value.as_str() {
                "" => writeln!(f, "# {key} is not set")?,
                value => writeln!(f, "{key} = {value}  # {origin}")?,
            }
        }
        Ok(())
    }
}
