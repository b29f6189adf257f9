//! Reading the published vectors as messages.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use countersign_core::encoding::{b64, unhex};
use countersign_core::secret::{MacKey, Secret32};
use countersign_core::signature::{Authentication, Field, PathForm, Received, RequestHead, Unreadable};
use countersign_core::time::{Freshness, Timestamp};
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

/// A key for tests that need no vector.
pub(crate) fn key(octet: u8) -> MacKey {
    MacKey::new(&Secret32::new([octet; 32]))
}

/// A good request, not yet signed.
pub(crate) fn transfer() -> Message {
    let digest = "sha-256=:L/h9BUAUoCj7kY2XZZf3Aez6RmxiEgjkzUUKbbR6hRE=:";
    let fields = [
        ("host", "api.example.com"),
        ("content-type", "application/json"),
        ("content-length", "24"),
        ("idempotency-key", "\"0f3c9a52\""),
        ("accept", "*/*"),
        ("x-added", "by somebody"),
        ("content-digest", digest),
    ];
    Message {
        start_line: "POST /v1/transfers?dry=0 HTTP/1.1".into(),
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        body: br#"{"amount":25,"to":"bob"}"#.into(),
    }
}

/// The list of components of a good request.
pub(crate) const LIST: &str =
    r#"("@method" "@authority" "@path" "@query" "content-type" "content-digest" "idempotency-key")"#;
/// The parameters of a good request.
pub(crate) const PARAMS: &str = r#";created=1763780000;nonce="gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8";keyid="k7f3a9c2d4e5b6a1c";tag="countersign-req-1""#;

impl Message {
    /// With this `Signature-Input` and a `Signature` that holds nothing yet.
    pub(crate) fn unsealed(self, input: &str) -> Self {
        let message = self.without(&["signature", "signature-input"]);
        message.with("signature-input", input).with("signature", "cs=:AAAA:")
    }

    pub(crate) fn read(&self) -> Result<Received, Unreadable> {
        self.with_head(|head| Received::read(head, PathForm::Canonical))
    }

    /// With list and parameters of our choice and the MAC that belongs to them.
    pub(crate) fn signed(self, c2s: &MacKey, list_and_params: &str) -> Self {
        let input = format!("cs={list_and_params}");
        let unsealed = self.unsealed(&input);
        let mac = c2s.mac(&[unsealed.read().unwrap().signature_base().as_str().as_bytes()]);
        unsealed.without(&["signature"]).with("signature", &format!("cs=:{}:", b64(&mac)))
    }

    /// With another value of this field.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(own, _)| own == name);
        value.clone_into(&mut field.unwrap_or_else(|| panic!("{name} is absent")).1);
        self
    }

    pub(crate) fn authentication(&self, c2s: &MacKey, now: Timestamp) -> &'static str {
        match self.read().unwrap().authenticate(c2s, Freshness::DEFAULT, now) {
            Authentication::Authentic(_) => "authentic",
            Authentication::FutureDated(_) => "future-dated",
            Authentication::Stale => "stale",
            Authentication::BadSignature => "bad signature",
        }
    }
}
