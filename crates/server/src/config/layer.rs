use toml::{Table, Value};

use super::origin::{Origin, Origins};

/// What one source says: values by section, and where each was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    pub(super) values: Table,
    pub(super) origins: Origins,
}

impl Layer {
    /// Sets a key outside the lists of tables by its full name.
    pub(super) fn set(&mut self, name: &str, value: Value, origin: Origin) {
        let mut table = &mut self.values;
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                table.insert(part.to_owned(), value);
                break;
            }
            let section = table.entry(part.to_owned()).or_insert_with(|| Value::Table(Table::new()));
            match section {
                Value::Table(inner) => table = inner,
                _ => break,
            }
        }
        self.origins.note(name.to_owned(), origin);
    }

    /// The value at a path: `limits.idle_seconds`, `route[0].path`, `trusted_proxies[1]`.
    pub(super) fn at(&self, path: &str) -> Option<&Value> {
        let mut steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']'));
        let first = self.values.get(steps.next()?)?;
        steps.try_fold(first, |value, step| match value {
            Value::Array(entries) => entries.get(step.parse::<usize>().ok()?),
            other => other.get(step),
        })
    }

    /// This layer under a later one: what the later says wins, key by key; lists are replaced, not joined.
    pub(super) fn under(mut self, later: Self) -> Self {
        overlay(&mut self.values, later.values);
        self.origins.overlay(later.origins);
        self
    }
}

fn overlay(below: &mut Table, above: Table) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (Some(Value::Table(inner)), Value::Table(later)) => overlay(inner, later),
            (_, value) => {
                below.insert(name, value);
            }
        }
    }
}
