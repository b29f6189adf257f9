use super::table::KEYS;

/// How a value is written in an environment variable, where everything is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it is.
    Text,
    /// Digits.
    Whole,
    /// `true` or `false`.
    Flag,
    /// Separated by commas.
    List,
    /// Digits, or digits and a unit.
    Size,
    /// As it is, and never shown.
    Secret,
}

/// A key of the configuration, as a person needs to know it.
#[derive(Debug)]
pub(super) struct Key {
    /// The full name; `route[].` stands for any `[[route]]`, and so for each of [`LISTS`].
    pub(super) name: &'static str,
    /// How it is written in the environment.
    pub(super) kind: Kind,
    /// What a value must be, as the end of "must be …".
    pub(super) shape: &'static str,
    /// The value, as in TOML, when nothing is written; empty if there is none.
    pub(super) default: &'static str,
    /// A good value, as in TOML.
    pub(super) example: &'static str,
}

impl Key {
    /// The key that stands at `path`; `route[3].path` is `route[].path`, and `trusted_proxies[1]` is `trusted_proxies`.
    pub(super) fn at(path: &str) -> Option<&'static Self> {
        let name = without_index(path);
        let found = |name: &str| KEYS.iter().find(|key| key.name == name);
        found(&name).or_else(|| name.rsplit_once('[').and_then(|(list, _)| found(list)))
    }

    /// The key of this variable without its prefix, lower-cased: `limits__idle_seconds`.
    pub(super) fn of_variable(tail: &str) -> Option<&'static Self> {
        let name = tail.replace("__", ".");
        KEYS.iter().find(|key| key.name == name && !key.is_of_a_list())
    }

    /// The list of tables in which it stands, if it stands in one.
    pub(super) fn list(&self) -> Option<&'static str> {
        LISTS.into_iter().find(|list| self.name.strip_prefix(list).is_some_and(|rest| rest.starts_with("[].")))
    }

    /// Whether it stands in a list of tables.
    pub(super) fn is_of_a_list(&self) -> bool {
        self.list().is_some()
    }

    /// Whether its value must not be shown.
    pub(super) fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// The last part of the name, as it stands in its section.
    pub(super) fn short_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// The name of its environment variable.
    pub(super) fn variable(&self) -> String {
        format!("COUNTERSIGN_{}", self.name.replace('.', "__").to_uppercase())
    }
}

/// The lists of tables, each written with two brackets: `[[route]]`.
pub(super) const LISTS: [&str; 3] = ["route", "envelope.action", "verifier"];

/// `list[3].field` taken apart.
pub(super) fn in_a_list(path: &str) -> Option<(&'static str, usize, &str)> {
    LISTS.into_iter().find_map(|list| {
        let (index, field) = path.strip_prefix(list)?.strip_prefix('[')?.split_once(']')?;
        Some((list, index.parse().ok()?, field))
    })
}

/// A path as the table names it: `route[3].path` is `route[].path`.
pub(super) fn without_index(path: &str) -> String {
    in_a_list(path).map_or_else(|| path.to_owned(), |(list, _, field)| format!("{list}[]{field}"))
}

/// What is no more alike than this is so by chance.
const NO_CHANCE: f64 = 0.8;

/// The key that is spelt most like `path`, however little. Where two sections have a key of that name, it is the one whose
/// section is more alike, or else stands first in the table.
pub(super) fn nearest(path: &str) -> Option<&'static Key> {
    let parts = |name: &str| {
        let (section, last) = name.rsplit_once('.').unwrap_or(("", name));
        (section.to_owned(), last.to_owned())
    };
    let (section, last) = parts(path);
    let likeness = |name: &str| {
        let (own_section, own_last) = parts(name);
        let whole = strsim::jaro_winkler(path, name);
        // A key in the wrong section: a little less than the same likeness of the whole. A list is no such section.
        let misplaced = strsim::jaro_winkler(&last, &own_last) * 0.99;
        let is_misplaced = misplaced > NO_CHANCE && path.contains("[].") == name.contains("[].");
        let either = if is_misplaced { whole.max(misplaced) } else { whole };
        (either, strsim::jaro_winkler(&section, &own_section))
    };
    KEYS.iter().rev().max_by(|one, other| {
        let (one, other) = (likeness(one.name), likeness(other.name));
        one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1))
    })
}

/// The names of the sections, to tell a section of ours that is no table from an unknown key.
pub(super) fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_found_through_typing_errors_and_in_another_section() {
        for (typed, meant) in [
            ("windw_seconds", "window_seconds"),
            ("trusted_proxy", "trusted_proxies"),
            ("limit.idle_seconds", "limits.idle_seconds"),
            ("idle_seconds", "limits.idle_seconds"),
            ("limits.max_conections", "limits.max_connections"),
            ("envelopes.max_connections", "envelope.max_connections"),
            ("loglevel", "log.level"),
            ("route[].acept", "route[].accept"),
            ("envelope.action[].nane", "envelope.action[].name"),
            ("public-url", "public_url"),
        ] {
            assert_eq!(nearest(typed).map(|key| key.name), Some(meant), "{typed}");
        }
    }

    #[test]
    fn a_path_leads_to_its_key_whatever_the_index() {
        assert_eq!(Key::at("route[12].path").map(|key| key.name), Some("route[].path"));
        assert_eq!(Key::at("route[0].forward_unsigned[2]").map(|key| key.name), Some("route[].forward_unsigned"));
        assert_eq!(Key::at("envelope.action[1].name").map(|key| key.name), Some("envelope.action[].name"));
        assert_eq!(Key::at("trusted_proxies[1]").map(|key| key.name), Some("trusted_proxies"));
        assert!(Key::at("limits").is_none() && Key::at("route").is_none() && Key::at("envelope.action").is_none());
    }

    #[test]
    fn every_name_stands_once() {
        let mut names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KEYS.len());
    }
}
