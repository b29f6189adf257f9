//! What there is to say about a request and its signature.

use core::fmt;

use countersign_core::signature::{Authentication, Disposition, Field, PathForm, Received, SignatureBase};
use countersign_core::time::{Freshness, Timestamp};

use super::Keys;
use super::guess::guess;
use super::raw::RawRequest;

const REQUIRED: [&str; 5] = ["@method", "@authority", "@path", "@query", "content-digest"];
const TAG: &str = r#"tag="countersign-req-1""#;

/// One thing to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The guard would refuse the request for it.
    Fault(String),
    /// It explains a fault, or is worth knowing.
    Note(String),
}

impl Finding {
    /// Whether the guard would refuse the request for it.
    pub(super) const fn is_fault(&self) -> bool {
        matches!(self, Self::Fault(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(text) => write!(f, "fault: {text}"),
            Self::Note(text) => write!(f, "note:  {text}"),
        }
    }
}

/// Everything there is to say, in the order of the guard's own checks.
pub(super) fn findings(keys: &Keys, request: &RawRequest, received: &Received, theirs: Option<&[u8]>) -> Vec<Finding> {
    let fields = request.fields();
    let base = received.signature_base();
    let mut found = Vec::new();
    if let Err(rule) = PathForm::Canonical.admits(request.head(&fields).path) {
        found.push(Finding::Note(format!("only a route with raw_path takes this path: {rule}")));
    }
    found.extend(mac_findings(keys, &fields, received));
    found.extend(theirs.map(|theirs| differences(base, theirs)).unwrap_or_default());
    let mut body = received.content_digest().check();
    body.update(request.body());
    if !body.matches() {
        let length = request.body().len();
        found.push(Finding::Fault(format!("content-digest is not that of the body, which has {length} octets here")));
    }
    found.extend(dropped(&fields, received));
    found
}

/// Key, tag, required components and MAC.
fn mac_findings(keys: &Keys, fields: &[Field<'_>], received: &Received) -> Vec<Finding> {
    let base = received.signature_base();
    let mut found = Vec::new();
    if let Some(keyid) = keys.keyid.as_deref().filter(|keyid| *keyid != received.keyid()) {
        found.push(Finding::Fault(format!("the request names the key {:?}, and this is {keyid}", received.keyid())));
    }
    if !base.params().contains(TAG) {
        found.push(Finding::Fault(format!("the signature has no {TAG}")));
    }
    for name in REQUIRED.iter().filter(|name| !base.lines().any(|(own, _)| own.trim_matches('"') == **name)) {
        found.push(Finding::Fault(format!("{name} is not covered; it is required")));
    }
    // Any time will do: a wrong MAC is found before the time is looked at.
    let judged = received.authenticate(&keys.c2s, Freshness::DEFAULT, Timestamp::from_millis(0));
    if found.is_empty() && matches!(judged, Authentication::BadSignature) {
        found.push(Finding::Fault("the MAC is not that of this signature base under this key".to_owned()));
        found
            .extend(guess(keys, fields, base).map(|guess| Finding::Note(format!("the MAC would be right if {guess}"))));
    }
    found
}

/// Fields that nobody vouches for.
fn dropped(fields: &[Field<'_>], received: &Received) -> Vec<Finding> {
    let uncovered = fields.iter().filter(|field| {
        !matches!(field.name, "signature" | "signature-input" | "connection" | "te" | "keep-alive")
            && received.disposition(field.name) == Disposition::Uncovered
    });
    uncovered.map(|field| Finding::Note(format!("{} is not covered, so the guard drops it", field.name))).collect()
}

/// Line by line, what the signer has covered and we have not, or otherwise.
fn differences(ours: &SignatureBase, theirs: &[u8]) -> Vec<Finding> {
    let theirs = String::from_utf8_lossy(theirs).replace("\r\n", "\n");
    let theirs: Vec<_> = theirs.trim_end_matches('\n').lines().map(split).collect();
    let ours: Vec<_> = ours.as_str().lines().map(split).collect();
    let value = |base: &[(&str, &str)], name: &str| {
        base.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
    };
    let mut found = Vec::new();
    for (name, here) in &ours {
        match value(&theirs, name) {
            None => found.push(format!("{name} is not in the signer's base; here it is {here:?}")),
            Some(there) if there != **here => {
                found.push(format!("{name} differs: here {here:?}, at the signer {there:?}"));
            }
            Some(_) => {}
        }
    }
    for (name, there) in theirs.iter().filter(|(name, _)| value(&ours, name).is_none()) {
        found.push(format!("{name} is in the signer's base only, as {there:?}"));
    }
    if found.is_empty() && ours != theirs {
        found
            .push("the signer's base has the same lines in another order; the order is that of Signature-Input".into());
    }
    if found.is_empty() {
        found.push("the signer's base is the same, so key or MAC differ".into());
    }
    found.into_iter().map(Finding::Note).collect()
}

fn split(line: &str) -> (&str, &str) {
    line.split_once(": ").unwrap_or((line, ""))
}
