//! The configuration file: TOML, and in which line each key stands.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::fault::Fault;
use super::key::{Key, LISTS, is_section};
use super::layer::Layer;
use super::origin::{Origin, Origins};

/// What the file says. Keys that are not ours are faults, and left out of the layer.
pub(super) fn read(path: &Path, text: &str, faults: &mut Vec<Fault>) -> Layer {
    let parsed = DeTable::parse(text).and_then(|spanned| Ok((spanned, toml::from_str(text)?)));
    let (spanned, values) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            faults.push(Fault::syntax(path, line_of(text, start), error.message()));
            return Layer::default();
        }
    };
    let mut walk = Walk { path, text, faults, origins: Origins::default(), malformed: Vec::new() };
    walk.table("", spanned.get_ref());
    let Walk { origins, malformed, .. } = walk;
    let mut layer = Layer { values, origins };
    layer.values.retain(|name, _| malformed.iter().all(|bad| bad != name));
    layer
}

struct Walk<'a> {
    path: &'a Path,
    text: &'a str,
    faults: &'a mut Vec<Fault>,
    origins: Origins,
    /// Top-level names whose value has not even the right form.
    malformed: Vec<String>,
}

impl Walk<'_> {
    fn table(&mut self, above: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let path =
                if above.is_empty() { name.get_ref().to_string() } else { format!("{above}.{}", name.get_ref()) };
            let origin = Origin::File { path: self.path.to_owned(), line: line_of(self.text, name.span().start) };
            self.entry(&path, value.get_ref(), &origin);
            self.origins.note(path, origin);
        }
    }

    fn entry(&mut self, path: &str, value: &DeValue<'_>, origin: &Origin) {
        match value {
            _ if Key::at(path).is_some() => {}
            _ if LISTS.contains(&path) => self.list(path, value, origin),
            _ if path == "kek" => self.faults.push(Fault::sentence(
                origin,
                "`kek` is not written here: the key-encryption key stays out of the configuration file; name a file of \
                 its own with `kek_file`, or set COUNTERSIGN_KEK",
            )),
            DeValue::Table(inner) if is_section(path) || !inner.is_empty() => self.table(path, inner),
            _ if is_section(path) => {
                let remedy =
                    format!("`{path}` is a section: write [{path}] on a line of its own and its keys below it");
                self.malformed(path, &remedy, origin);
            }
            _ => self.faults.push(Fault::unknown(path, origin)),
        }
    }

    fn list(&mut self, list: &str, value: &DeValue<'_>, origin: &Origin) {
        let name = list.rsplit('.').next().unwrap_or(list);
        let DeValue::Array(entries) = value else {
            let remedy = format!("each {name} is written [[{list}]], with two brackets, and its keys below");
            return self.malformed(list, &remedy, origin);
        };
        for (index, entry) in entries.iter().enumerate() {
            let DeValue::Table(fields) = entry.get_ref() else {
                let remedy = format!("each {name} is a table: write [[{list}]] and its keys below");
                return self.malformed(list, &remedy, origin);
            };
            let path = format!("{list}[{index}]");
            let line = line_of(self.text, entry.span().start);
            self.origins.note(path.clone(), Origin::File { path: self.path.to_owned(), line });
            self.table(&path, fields);
        }
    }

    fn malformed(&mut self, name: &str, remedy: &str, origin: &Origin) {
        self.faults.push(Fault::sentence(origin, remedy));
        self.malformed.push(name.split('.').next().unwrap_or(name).to_owned());
    }
}

/// The line, from one, in which the octet at `offset` stands.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|octet| *octet == b'\n').count()
}
