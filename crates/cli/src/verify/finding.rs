//! What there is to say about a request and its signature.

use core::fmt;

use countersign_core::signature::explain::{Body, Difference, Explanation, Finding as Mac, Mistake};
use countersign_core::signature::{Disposition, Received, SignatureBase};

use super::Keys;
use super::raw::RawRequest;

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

/// Everything there is to say: what is wrong first, then what explains it.
pub(super) fn findings(
    keys: &Keys,
    request: &RawRequest,
    received: &Received,
    explanation: &Explanation,
) -> Vec<Finding> {
    let mut faults = Vec::new();
    if let Some(keyid) = keys.keyid.as_deref().filter(|keyid| *keyid != received.keyid()) {
        faults.push(format!("the request names the key {:?}, and this is {keyid}", received.keyid()));
    }
    faults.extend(explanation.flaws.iter().cloned());
    if !matches!(explanation.mac, Mac::Holds) {
        faults.push("the MAC is not that of this signature base under this key".to_owned());
    }
    let mut notes = reasons(&explanation.mac, &explanation.base);
    match explanation.body {
        Body::Matches => {}
        Body::OtherDigest => {
            let length = request.body().len();
            faults.push(format!("content-digest is not that of the body, which has {length} octets here"));
        }
        Body::Broken { good, why } => faults.push(format!("the body is a stream and breaks after {good} frames: {why}")),
        Body::Unjudged => notes.push(
            "the body is a stream, and its frames are not judged: their key comes from the root, which is not in the key \
             file"
                .to_owned(),
        ),
    }
    notes.extend(explanation.path.map(|rule| format!("only a route with raw_path takes this path: {rule}")));
    notes.extend(dropped(request, received));
    faults.into_iter().map(Finding::Fault).chain(notes.into_iter().map(Finding::Note)).collect()
}

/// Why the MAC does not hold, as far as that can be found out.
fn reasons(mac: &Mac, base: &SignatureBase) -> Vec<String> {
    match mac {
        Mac::Holds => Vec::new(),
        Mac::Differs { lines, holds_over_theirs } => {
            let verdict = if *holds_over_theirs {
                "the MAC holds over the signer's base, so nothing else is wrong"
            } else {
                "the MAC does not hold over the signer's base either: something else was signed, or with another key"
            };
            lines.iter().map(difference).chain([verdict.to_owned()]).collect()
        }
        Mac::Mistake(found) => vec![mistake(found, base)],
        Mac::Unexplained => vec![
            "no single slip explains it: the key is another one, or more than one thing differs; with the signer's own \
             base (--base FILE) they are compared line by line"
                .to_owned(),
        ],
    }
}

fn difference(Difference { component, ours, theirs }: &Difference) -> String {
    match (ours, theirs) {
        (Some(here), Some(there)) => format!("{component} differs: here {here:?}, at the signer {there:?}"),
        (Some(here), None) => format!("{component} is not in the signer's base; here it is {here:?}"),
        (None, there) => {
            format!("{component} is in the signer's base only, as {:?}", there.as_deref().unwrap_or_default())
        }
    }
}

fn mistake(Mistake { component, deed, value }: &Mistake, base: &SignatureBase) -> String {
    let there = value.as_ref().map(|there| format!(": {there:?}")).unwrap_or_default();
    let here = base.lines().find(|(name, _)| name.trim_matches('"') == component && value.is_some());
    let here = here.map(|(_, here)| format!("; here it is {here:?}")).unwrap_or_default();
    format!("{component}: the signer {deed}{there}{here}")
}

/// Fields that nobody vouches for.
fn dropped(request: &RawRequest, received: &Received) -> Vec<String> {
    let fields = request.fields();
    let uncovered = fields.iter().filter(|field| {
        !matches!(field.name, "signature" | "signature-input" | "connection" | "te" | "keep-alive")
            && received.disposition(field.name) == Disposition::Uncovered
    });
    uncovered.map(|field| format!("{} is not covered, so the guard drops it", field.name)).collect()
}
