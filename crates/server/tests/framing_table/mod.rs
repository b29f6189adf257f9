//! The rows of `e2e/attacks/a-framing.toml`, for a bare listener and for the whole guard.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use serde::Deserialize;

/// An attack, and what comes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) why: String,
    pub(crate) raw: String,
    /// What a bare listener answers; nothing is said of it where only the whole guard can answer.
    pub(crate) answers: Option<Vec<u16>>,
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) served: usize,
    #[serde(default = "yes")]
    pub(crate) close: bool,
    /// What the guard's main listener answers, if something else.
    pub(crate) main: Option<Vec<u16>>,
    /// What its administration listener answers, if something else.
    pub(crate) admin: Option<Vec<u16>>,
    pub(crate) later: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Table {
    row: Vec<Row>,
}

const fn yes() -> bool {
    true
}

pub(crate) fn rows() -> Vec<Row> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../e2e/attacks/a-framing.toml");
    let table: Table = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    table.row
}

/// The octets that `raw` stands for: one per character, `{x*n}` written out.
pub(crate) fn octets(raw: &str) -> Vec<u8> {
    written_out(raw).chars().map(|octet| octet as u32 as u8).collect()
}

/// `text` with each `{x*n}` written out as n times x. Other braces stay.
pub(crate) fn written_out(text: &str) -> String {
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        written.push_str(before);
        let repeated = after.split_once('}').and_then(|(inside, after)| {
            let (unit, count) = inside.rsplit_once('*').filter(|_| !inside.contains('{'))?;
            Some((unit, count.parse().ok()?, after))
        });
        match repeated {
            Some((unit, count, after)) => {
                written.push_str(&unit.repeat(count));
                rest = after;
            }
            None => {
                written.push('{');
                rest = after;
            }
        }
    }
    written + rest
}
