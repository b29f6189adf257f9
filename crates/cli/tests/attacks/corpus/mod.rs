//! The tables of `e2e/attacks`, run against a whole guard.

mod enrolment;
mod framing;
mod signed;

use std::path::Path;

use serde::de::DeserializeOwned;

const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../e2e/attacks");

/// The rows of a table.
fn rows<R: DeserializeOwned>(name: &str) -> Vec<R> {
    #[derive(serde::Deserialize)]
    struct Table<R> {
        row: Vec<R>,
    }
    let text = std::fs::read_to_string(Path::new(TABLES).join(name)).unwrap();
    let table: Table<R> = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    table.row
}

/// Every name of a row is there once, and whoever is said to show a row is a test.
#[test]
fn every_row_has_a_name_of_its_own_and_names_tests_that_exist() {
    #[derive(serde::Deserialize)]
    struct Row {
        id: String,
        test: Option<String>,
    }
    let tests = sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/attacks")));
    for name in ["a-framing.toml", "b-signed.toml", "c-enrolment.toml"] {
        let mut ids = Vec::new();
        for Row { id, test } in rows(name) {
            assert!(!ids.contains(&id), "{id} twice");
            if let Some(test) = test {
                assert!(tests.contains(&format!("fn {test}(")), "{id}: {test} is no test");
            }
            ids.push(id);
        }
    }
}

/// All source text below a directory.
fn sources(directory: &Path) -> String {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.map(|path| if path.is_dir() { sources(&path) } else { std::fs::read_to_string(path).unwrap() });
    texts.collect()
}
