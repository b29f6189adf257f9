//! Reading the published vectors as messages.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use countersign_core::encoding::unhex;
use countersign_core::secret::{MacKey, Secret32};
use countersign_core::signature::{Field, RequestHead};
use serde_json::Value;

/// A message that owns its octets.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) start_line: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// From `http`: start line and field lines as text.
    pub(crate) fn of_lines(case: &Value) -> Self {
        let mut lines = case["http"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
        let start_line = lines.next().unwrap().to_owned();
        let fields = lines.map(|line| line.split_once(": ").unwrap());
        let fields = fields.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Self { start_line, fields, body: case["body"].as_str().unwrap_or_default().into() }
    }

    /// From `message`: start line and pairs of name and value.
    pub(crate) fn of_pairs(message: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let fields = message["headers"].as_array().unwrap().iter();
        let fields = fields.map(|pair| (text(&pair[0]).to_lowercase(), text(&pair[1]))).collect();
        Self { start_line: text(&message["start_line"]), fields, body: text(&message["body"]).into() }
    }

    pub(crate) fn fields(&self) -> Vec<Field<'_>> {
        self.fields.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect()
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        &self.fields.iter().find(|(own, _)| own == name).unwrap_or_else(|| panic!("{name} is absent")).1
    }

    pub(crate) fn status(&self) -> u16 {
        self.start_line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        self.fields.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Calls `f` with the head of this request.
    pub(crate) fn with_head<T>(&self, f: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        let mut words = self.start_line.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let fields = self.fields();
        let authority = self.fields.iter().find(|(name, _)| name == "host").map_or("", |(_, value)| value);
        f(&RequestHead { method, authority, path, query, fields: &fields })
    }
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub(crate) fn countersign() -> Value {
    json(include_str!("../../../../vectors/countersign.json"))
}

pub(crate) fn rfc9421() -> Value {
    json(include_str!("../../../../vectors/rfc9421_vectors.json"))
}

pub(crate) fn secret(hex: &Value) -> Secret32 {
    Secret32::new(unhex(hex.as_str().unwrap()).unwrap().try_into().unwrap())
}

pub(crate) fn mac_key(hex: &Value) -> MacKey {
    MacKey::new(&secret(hex))
}
