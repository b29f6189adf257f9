//! Signing by hand: a second implementation of protocol §4, which signs whatever it is told to.

use std::time::Duration;

use countersign_core::encoding::{b64, b64u, unb64};
use countersign_core::secret::{KeyPair, MacKey, Root};
use countersign_core::signature::sha256_digest_field;
use countersign_server::edge;

/// A key, as its holder has it.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) keyid: String,
    pub(crate) root: Root,
    pub(crate) keys: KeyPair,
}

impl Key {
    pub(crate) fn new(keyid: &str, root: Root) -> Self {
        let keys = root.key_pair(keyid);
        Self { keyid: keyid.to_owned(), root, keys }
    }
}

/// A request before it is signed; everything can be set to what no client would.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) method: String,
    pub(crate) target: String,
    /// What stands in `Host`.
    pub(crate) host: String,
    /// What is signed as `@authority`.
    pub(crate) authority: String,
    /// Names as they are sent.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The components, if not all that there is to cover.
    pub(crate) cover: Option<Vec<String>>,
    pub(crate) created: String,
    pub(crate) expires: Option<String>,
    pub(crate) nonce: String,
    pub(crate) alg: Option<String>,
    pub(crate) keyid: String,
    pub(crate) tag: String,
    /// Sent after the signature, so that it does not cover them.
    pub(crate) uncovered: Vec<(String, String)>,
}

/// A fresh nonce of 32 octets.
pub(crate) fn fresh_nonce() -> String {
    b64u(&edge::random::<32>())
}

/// The second that is nearest: half a second off at most, so that a narrow window leaves some of it for a busy machine.
pub(crate) fn now_secs() -> u64 {
    edge::now().wall.saturating_add(Duration::from_millis(500)).as_secs()
}

impl Draft {
    pub(crate) fn new(method: &str, target: &str, authority: &str, keyid: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            host: authority.to_owned(),
            authority: authority.to_owned(),
            fields: Vec::new(),
            body: Vec::new(),
            cover: None,
            created: now_secs().to_string(),
            expires: None,
            nonce: fresh_nonce(),
            alg: Some("hmac-sha256".to_owned()),
            keyid: keyid.to_owned(),
            tag: "countersign-req-1".to_owned(),
            uncovered: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn with_uncovered(mut self, name: &str, value: &str) -> Self {
        self.uncovered.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this body, its length and its digest.
    pub(crate) fn with_body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        let length = body.len().to_string();
        self.with("Content-Length", &length).with("Content-Digest", &sha256_digest_field(body))
    }

    /// Without a body, which has a digest, too.
    pub(crate) fn without_body(self) -> Self {
        self.with("Content-Digest", &sha256_digest_field(b""))
    }

    /// All that protocol §4.1 wants covered, in the order in which it is sent.
    pub(crate) fn everything(&self) -> Vec<String> {
        let derived = ["@method", "@authority", "@path", "@query"].map(str::to_owned);
        let mut names = derived.to_vec();
        for name in self.fields.iter().map(|(name, _)| name.to_ascii_lowercase()) {
            let framing = matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection" | "expect");
            if !framing && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn value_of(&self, component: &str) -> String {
        let (method, target) = (&self.method, &self.target);
        value_of(component, (method, &self.authority, target), &self.fields)
    }

    /// Signs with the key that it names.
    pub(crate) fn sign(&self, key: &Key) -> Sent {
        self.sign_with(&key.keys.c2s)
    }

    /// Signs with any key at all.
    pub(crate) fn sign_with(&self, key: &MacKey) -> Sent {
        let cover = self.cover.clone().unwrap_or_else(|| self.everything());
        let quoted: Vec<_> = cover.iter().map(|name| format!("\"{name}\"")).collect();
        let expires = self.expires.as_ref().map(|at| format!(";expires={at}")).unwrap_or_default();
        let alg = self.alg.as_ref().map(|alg| format!(";alg=\"{alg}\"")).unwrap_or_default();
        let params = format!(
            "({});created={}{expires};nonce=\"{}\"{alg};keyid=\"{}\";tag=\"{}\"",
            quoted.join(" "),
            self.created,
            self.nonce,
            self.keyid,
            self.tag
        );
        let components: Vec<_> = cover.into_iter().map(|name| (name.clone(), self.value_of(&name))).collect();
        let mut base = String::new();
        for (name, value) in &components {
            base.push_str(&format!("\"{name}\": {value}\n"));
        }
        base.push_str(&format!("\"@signature-params\": {params}"));
        let signature = key.mac(&[base.as_bytes()]);
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.target, self.host);
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Signature-Input: cs={params}\r\nSignature: cs=:{}:\r\n", b64(&signature)));
        for (name, value) in &self.uncovered {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let (nonce, keyid) = (self.nonce.clone(), self.keyid.clone());
        Sent { head, body: self.body.clone(), components, signature: signature.to_vec(), nonce, keyid }
    }
}

/// The value of a component (RFC 9421 §2).
fn value_of(component: &str, (method, authority, target): (&str, &str, &str), fields: &[(String, String)]) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match component {
        "@method" => method.to_owned(),
        "@authority" => authority.to_owned(),
        "@path" => path.to_owned(),
        "@query" => format!("?{query}"),
        name => {
            let lines = fields.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
            lines.map(|(_, value)| value.trim()).collect::<Vec<_>>().join(", ")
        }
    }
}

/// A signed request, and what its answer has to fit.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Name and value of what is covered.
    pub(crate) components: Vec<(String, String)>,
    pub(crate) signature: Vec<u8>,
    pub(crate) nonce: String,
    pub(crate) keyid: String,
}

impl Sent {
    pub(crate) fn octets(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }

    /// With text of the head changed after signing. Whatever is to be changed must be there.
    pub(crate) fn replaced(&self, find: &str, put: &str) -> Self {
        assert!(self.head.contains(find), "{find:?} is not in {}", self.head);
        Self { head: self.head.replacen(find, put, 1), ..self.clone() }
    }

    /// The same request, as whoever receives it reads it: after a change, an answer has to fit what arrived. `None`
    /// when it cannot be read.
    pub(crate) fn as_received(&self) -> Option<Self> {
        let (line, _) = self.head.split_once("\r\n")?;
        let mut words = line.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let lines = super::wire::fields(self.head.as_bytes());
        let fields: Vec<(String, String)> = lines
            .into_iter()
            .map(|(name, value)| Some((name, String::from_utf8(value).ok()?)))
            .collect::<Option<_>>()?;
        let field = |name: &str| fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let input = field("signature-input")?;
        let (list, parameters) = input.split_once("=(")?.1.split_once(')')?;
        let authority = field("host")?.to_ascii_lowercase();
        let components = list.split(' ').filter(|name| !name.is_empty()).map(|name| {
            let name = name.trim_matches('"').to_owned();
            (name.clone(), value_of(&name, (method, &authority, target), &fields))
        });
        let text = |name: &str| Some(parameters.split_once(name)?.1.split_once("\";").map_or("", |(text, _)| text));
        Some(Self {
            components: components.collect(),
            signature: unb64(field("signature")?.split_once("=:")?.1.strip_suffix(':')?)?,
            nonce: text("nonce=\"")?.to_owned(),
            keyid: text("keyid=\"")?.to_owned(),
            ..self.clone()
        })
    }
}
