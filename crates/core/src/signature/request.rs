//! The signature base of a request: each covered component in the signer's order (protocol §4).

use core::mem::replace;

use super::base::{BaseWriter, SignatureBase};
use super::component::{Component, Flag, Name};
use super::digest::ContentDigest;
use super::field::trimmed;
use super::head::RequestHead;
use super::input::Member;
use super::malformed::Malformed;
use super::path::{PathForm, is_visible};

/// What a signature covers: the four components that every request must cover, the two of which it must cover one, and
/// fields by the place of their first line, a bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Covered {
    method: bool,
    authority: bool,
    path: bool,
    query: bool,
    content_digest: bool,
    stream: bool,
    fields: u64,
}

/// The field that says that a body is a stream of frames, and its one value.
pub(super) const STREAM: &str = "countersign-stream";
pub(super) const VERSION: &[u8] = b"1";

/// The most field lines that are read.
pub(super) const MOST_FIELDS: usize = 64;

impl Covered {
    /// Whether none is missing.
    pub(super) const fn is_complete(self) -> bool {
        self.method && self.authority && self.path && self.query && (self.content_digest || self.stream)
    }

    /// Whether the signature says that the body is a stream (protocol §9.2). What is there and not covered says nothing:
    /// anybody may have added it.
    ///
    /// A body cannot be both a stream and one that has a digest: such a request would have two readings.
    pub(super) fn is_stream(self, head: &RequestHead<'_>) -> Result<bool, Malformed> {
        let field = head.fields.iter().find(|field| field.name == STREAM);
        match field.filter(|_| self.stream) {
            None => Ok(false),
            Some(_) if self.content_digest => Err(Malformed("a request covers content-digest or countersign-stream")),
            Some(field) if trimmed(field.value) == VERSION => Ok(true),
            Some(_) => Err(Malformed("countersign-stream is 1")),
        }
    }

    /// The digest that the signature vouches for; one that no body matches when it vouches for none.
    pub(super) fn digest(self, head: &RequestHead<'_>) -> Result<ContentDigest, Malformed> {
        let field = head.fields.iter().find(|field| field.name == "content-digest");
        match field {
            Some(field) if self.content_digest => ContentDigest::read(field.value),
            _ => Ok(ContentDigest::ABSENT),
        }
    }

    /// Writes a component, which must not have been covered before.
    pub(super) fn component(
        &mut self,
        base: &mut BaseWriter,
        component: &Component<'_>,
        head: &RequestHead<'_>,
    ) -> Result<(), Malformed> {
        let (covered, mark, value) = match component.name {
            Name::Method => (&mut self.method, "", head.method),
            Name::Authority => (&mut self.authority, "", head.authority),
            Name::Path => (&mut self.path, "", head.path),
            // A target without `?` counts as one with an empty query (RFC 9421 §2.2.7).
            Name::Query => (&mut self.query, "?", head.query.unwrap_or_default()),
            Name::Status => return Err(Malformed("a request has no status")),
            Name::Field(name) => return self.field(base, component.identifier, name, head),
        };
        base.line(component.identifier, mark.as_bytes(), value.as_bytes());
        if replace(covered, true) { Err(TWICE) } else { Ok(()) }
    }

    fn field(
        &mut self,
        base: &mut BaseWriter,
        identifier: &[u8],
        name: &[u8],
        head: &RequestHead<'_>,
    ) -> Result<(), Malformed> {
        let place = base.received(identifier, name, head.fields)?;
        let bit = 1 << (place % MOST_FIELDS);
        if self.fields & bit != 0 {
            return Err(TWICE);
        }
        self.fields |= bit;
        self.content_digest |= name == b"content-digest";
        self.stream |= name == STREAM.as_bytes();
        Ok(())
    }
}

const TWICE: Malformed = Malformed("a component is covered twice");

/// Writes the base of a request: its components, then list and parameters octet for octet as received.
pub(super) fn base_of(head: &RequestHead<'_>, member: &Member<'_>) -> Result<(SignatureBase, Covered), Malformed> {
    let mut covered = Covered::default();
    let mut base = BaseWriter::with_capacity(capacity(head, member));
    for component in &member.components {
        if component.flag != Flag::Bare {
            return Err(Malformed("a component of a request has a parameter"));
        }
        covered.component(&mut base, component, head)?;
    }
    Ok((base.close(member.octets)?, covered))
}

/// Checks what the base takes from the request line. The authority is one of the server's own: the caller has checked.
pub(super) fn target_is_well_formed(head: &RequestHead<'_>, paths: PathForm) -> Result<(), Malformed> {
    paths.admits(head.path).map_err(Malformed)?;
    if head.method.is_empty() || !head.method.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(Malformed("a method is a token"));
    }
    match head.query {
        Some(query) if !is_visible(query.as_bytes()) => Err(Malformed("a query is visible ASCII")),
        _ => Ok(()),
    }
}

/// Enough for names, values and the closing line, so that the base is allocated once.
fn capacity(head: &RequestHead<'_>, member: &Member<'_>) -> usize {
    let target = head.method.len() + head.authority.len() + head.path.len() + head.query.map_or(0, str::len);
    let values: usize = head.fields.iter().map(|field| field.value.len()).sum();
    // The values include that of `Signature-Input`, which makes room for the identifiers.
    target + values + member.octets.len() + 4 * member.components.len() + 32
}
