//! Why a signature does not hold: the debugging aid that signing schemes lack.
//!
//! A MAC says yes or no and nothing else. With the signer's own base at hand the difference is read off; without it, the
//! mistakes that signers make are made here one by one until the MAC holds. All of this needs the key: it tells nobody
//! anything who could not sign anyway.

mod body;
mod compare;
mod key;
mod text;
mod value;

pub use body::Body;
pub use compare::Difference;
pub use key::Keys;

use super::base::SignatureBase;
use super::head::RequestHead;
use super::path::PathForm;
use super::received::{Flaw, Received, Unreadable};
use super::request::STREAM;
use crate::secret::MacKey;

/// What every request must cover (protocol §4.1), beside a digest of its body or the mark of a stream.
const REQUIRED: [&str; 4] = ["@method", "@authority", "@path", "@query"];

/// What a look into the signature of a request shows.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The signature base as a verifier builds it from the request.
    pub base: SignatureBase,
    /// Whether the MAC holds over that base, or why not.
    pub mac: Finding,
    /// What is wrong whatever the MAC says, a sentence each.
    pub flaws: Vec<String>,
    /// Why only routes with `raw_path` take the path, if so.
    pub path: Option<&'static str>,
    /// Whether the body is the one that was signed.
    pub body: Body,
}

/// Whether a MAC holds, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It holds.
    Holds,
    /// It does not, and the signer's own base differs.
    Differs {
        /// Line by line, at least one.
        lines: Vec<Difference>,
        /// Whether the MAC holds over the signer's base: if not, that text is not what was signed, or the key is another.
        holds_over_theirs: bool,
    },
    /// It does not, but it would if one thing had been done otherwise.
    Mistake(Mistake),
    /// It does not, and no single mistake that we know explains it: the key is another one, or more than one thing differs.
    Unexplained,
}

/// The one thing that the signer seems to have done otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The component's name, `@signature-params`, `base` for the text as a whole, or `key`.
    pub component: String,
    /// What the signer did, as the rest of a sentence that begins with "the signer".
    pub deed: &'static str,
    /// The value that the signer used, where it can be shown.
    pub value: Option<String>,
}

/// Explains the signature of a request.
///
/// `signers_base` is the base as the signer has it, if it is known.
///
/// # Errors
/// The request cannot be read at all; the error says which rule it breaks.
pub fn explain(
    head: &RequestHead<'_>,
    body: &[u8],
    keys: &Keys<'_>,
    signers_base: Option<&str>,
) -> Result<Explanation, Unreadable> {
    let received = Received::read(head, PathForm::Raw)?;
    Ok(Explanation {
        mac: finding(&received, head, body, keys, signers_base),
        flaws: received.flaw.map(|flaw| sentences(flaw, &received.base)).unwrap_or_default(),
        path: PathForm::Canonical.admits(head.path).err(),
        body: body::judge(&received, body, keys),
        base: received.base,
    })
}

fn sentences(flaw: Flaw, base: &SignatureBase) -> Vec<String> {
    match flaw {
        Flaw::WrongTag => vec![r#"the signature has no tag="countersign-req-1""#.to_owned()],
        Flaw::MissingComponent => missing(base),
    }
}

/// Each component that every request must cover, and this one does not.
fn missing(base: &SignatureBase) -> Vec<String> {
    let covered = |name: &str| base.lines().any(|(own, _)| own.trim_matches('"') == name);
    let missing = REQUIRED.iter().copied().filter(|name| !covered(name));
    let content = (!covered("content-digest") && !covered(STREAM)).then_some("content-digest");
    missing.chain(content).map(|name| format!("{name} is not covered; every request must cover it")).collect()
}

fn finding(
    received: &Received,
    head: &RequestHead<'_>,
    body: &[u8],
    keys: &Keys<'_>,
    signers_base: Option<&str>,
) -> Finding {
    let c2s = MacKey::new(keys.c2s);
    let holds = |text: &str| c2s.verifies(&[text.as_bytes()], received.octets.as_slice());
    if holds(received.base.as_str()) {
        return Finding::Holds;
    }
    match signers_base {
        Some(theirs) if theirs != received.base.as_str() => {
            Finding::Differs { lines: compare::lines(received.base.as_str(), theirs), holds_over_theirs: holds(theirs) }
        }
        _ => value::mistake(received, head, body, &holds)
            .or_else(|| text::mistake(&received.base, &holds))
            .or_else(|| key::mistake(received, keys))
            .map_or(Finding::Unexplained, Finding::Mistake),
    }
}
