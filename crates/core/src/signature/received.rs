//! A request as received: the strict parse, and the signature base that the MAC will be checked against.

use core::ops::Range;

use super::base::{BaseWriter, SignatureBase};
use super::component::{Component, Flag};
use super::digest::ContentDigest;
use super::field::{is_implied, is_inert};
use super::head::RequestHead;
use super::input::{Member, Profile, Selected, select};
use super::malformed::Malformed;
use super::nonce::Nonce;
use super::octets::SignatureOctets;
use super::parameters::unescape;
use super::path::{PathForm, is_visible};
use crate::time::Timestamp;

/// The most field lines that are read.
const MOST_FIELDS: usize = 64;

/// Why a request could not be read. None of this depends on any key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It carries no signature, or only those of others: answer an unsigned 401 with `Accept-Signature`.
    Unsigned,
    /// It breaks this rule: answer 400. The text holds nothing of the request.
    Malformed(&'static str),
    /// It has more of this than we read: answer 431.
    TooLarge(&'static str),
}

/// How a field of a request stands to its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The signature vouches for it: by name, or because it follows from what is covered (`host`, `content-length`).
    Covered,
    /// It is not covered, and may be passed on: nothing may depend on it (protocol §4, the inert list).
    Inert,
    /// It is not covered, and must be dropped and counted: somebody may have added it.
    Uncovered,
}

/// A request as it was received, after the strict parse. It owns what it needs and outlives the message.
#[derive(Clone, Debug)]
pub struct Received {
    pub(super) base: SignatureBase,
    pub(super) octets: SignatureOctets,
    pub(super) nonce: Nonce,
    pub(super) created: Timestamp,
    pub(super) expires: Option<Timestamp>,
    pub(super) flaw: Option<Flaw>,
    digest: ContentDigest,
    keyid: Range<usize>,
    unescaped_keyid: Option<Box<str>>,
}

/// What makes a signature bad whatever its MAC. It is carried to the end of the check, so that it costs and answers the
/// same as a wrong MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The only signature has another tag.
    WrongTag,
    /// One of the five components that every request must cover is not covered.
    MissingComponent,
}

impl Received {
    /// Reads the signature of a request and builds its signature base.
    ///
    /// # Errors
    /// The request carries no signature or breaks a rule of the profile. Another tag and a missing required component
    /// are no errors here: [`authenticate`](Self::authenticate) answers them like a wrong MAC.
    pub fn read(head: &RequestHead<'_>, paths: PathForm) -> Result<Self, Unreadable> {
        if head.fields.len() > MOST_FIELDS {
            return Err(Unreadable::TooLarge("fields"));
        }
        let (member, flaw) = match selected(head)? {
            Selected::Ours(member) => (member, None),
            Selected::Foreign(member) => (member, Some(Flaw::WrongTag)),
            Selected::Nothing => return Err(Unreadable::Unsigned),
        };
        target_is_well_formed(head, paths)?;
        let octets = SignatureOctets::find(head.fields, member.label)?;
        let (base, covered) = build(head, &member)?;
        let digest = if covered.digest { digest_of(head)? } else { ContentDigest::ABSENT };
        let flaw = flaw.or(if covered.all() { None } else { Some(Flaw::MissingComponent) });
        Self::new(base, octets, &member, digest, flaw).ok_or(Unreadable::Malformed("keyid is malformed"))
    }

    fn new(
        base: SignatureBase,
        octets: SignatureOctets,
        member: &Member<'_>,
        digest: ContentDigest,
        flaw: Option<Flaw>,
    ) -> Option<Self> {
        let parameters = &member.parameters;
        let start = base.as_str().len() - (member.octets.len() - parameters.keyid_at);
        let keyid = start..start + parameters.keyid.len();
        Some(Self {
            unescaped_keyid: unescape(base.as_str().get(keyid.clone())?),
            keyid,
            base,
            octets,
            nonce: parameters.nonce,
            created: Timestamp::from_secs(parameters.created),
            expires: parameters.expires.map(Timestamp::from_secs),
            digest,
            flaw,
        })
    }

    /// The `keyid` parameter, whatever its form: a name that nobody's key can have is simply unknown.
    pub fn keyid(&self) -> &str {
        self.unescaped_keyid.as_deref().unwrap_or_else(|| self.escaped_keyid())
    }

    /// As it stands between the quotes.
    pub(super) fn escaped_keyid(&self) -> &str {
        self.base.as_str().get(self.keyid.clone()).unwrap_or_default()
    }

    /// The covered content digest; one that no body matches when `content-digest` is not covered.
    pub fn content_digest(&self) -> &ContentDigest {
        &self.digest
    }

    /// The text that the MAC must cover.
    pub fn signature_base(&self) -> &SignatureBase {
        &self.base
    }

    /// Name and value of each component that is covered.
    pub(super) fn components(&self) -> impl Iterator<Item = (&str, &str)> {
        self.base
            .lines()
            .filter_map(|(identifier, value)| Some((identifier.strip_prefix('"')?.strip_suffix('"')?, value)))
    }

    /// How the field of this lower-case name stands to the signature. The fields of signatures themselves and those of
    /// the connection are for the caller to take out.
    pub fn disposition(&self, field_name: &str) -> Disposition {
        if is_implied(field_name) || self.components().any(|(name, _)| name == field_name) {
            Disposition::Covered
        } else if is_inert(field_name) {
            Disposition::Inert
        } else {
            Disposition::Uncovered
        }
    }
}

fn selected<'a>(head: &RequestHead<'a>) -> Result<Selected<'a>, Unreadable> {
    let has = |name: &str| head.fields.iter().any(|field| field.name == name);
    match (has("signature-input"), has("signature")) {
        (true, true) => select(head.fields, &Profile::REQUEST),
        (false, false) => Err(Unreadable::Unsigned),
        _ => Err(Unreadable::Malformed("Signature and Signature-Input come together")),
    }
}

fn target_is_well_formed(head: &RequestHead<'_>, paths: PathForm) -> Result<(), Malformed> {
    paths.admits(head.path).map_err(Malformed)?;
    if !head.query.is_none_or(|query| is_visible(query.as_bytes())) {
        return Err(Malformed("a query is visible ASCII"));
    }
    let named = |text: &str| !text.is_empty() && is_visible(text.as_bytes());
    if named(head.method) && named(head.authority) {
        Ok(())
    } else {
        Err(Malformed("method or authority is malformed"))
    }
}

fn digest_of(head: &RequestHead<'_>) -> Result<ContentDigest, Malformed> {
    let field = head.fields.iter().find(|field| field.name == "content-digest");
    field.map_or(Err(Malformed("a covered field is absent")), |field| ContentDigest::read(field.value))
}

/// Which of the five required components have been seen.
#[derive(Clone, Copy, Default)]
struct Covered {
    method: bool,
    authority: bool,
    path: bool,
    query: bool,
    digest: bool,
}

impl Covered {
    const fn all(self) -> bool {
        self.method & self.authority & self.path & self.query & self.digest
    }
}

/// Writes the base of a request: each component in the signer's order, then the octets that were received.
fn build(head: &RequestHead<'_>, member: &Member<'_>) -> Result<(SignatureBase, Covered), Malformed> {
    let mut covered = Covered::default();
    let mut base = BaseWriter::with_capacity(capacity(head, member));
    for component in &member.components {
        if component.flag != Flag::Bare {
            return Err(Malformed("a component of a request has a parameter"));
        }
        request_line(&mut base, component, head, &mut covered)?;
    }
    Ok((base.close(member.octets)?, covered))
}

fn request_line(
    base: &mut BaseWriter,
    component: &Component<'_>,
    head: &RequestHead<'_>,
    covered: &mut Covered,
) -> Result<(), Malformed> {
    let identifier = component.identifier;
    match component.name {
        b"@method" => {
            covered.method = true;
            base.line(identifier, &[head.method.as_bytes()]);
        }
        b"@authority" => {
            covered.authority = true;
            base.line(identifier, &[head.authority.as_bytes()]);
        }
        b"@path" => {
            covered.path = true;
            base.line(identifier, &[head.path.as_bytes()]);
        }
        b"@query" => {
            covered.query = true;
            // A target without `?` counts as one with an empty query (RFC 9421 §2.2.7).
            base.line(identifier, &[b"?", head.query.unwrap_or_default().as_bytes()]);
        }
        [b'@', ..] => return Err(Malformed("a derived component that the profile does not know is covered")),
        b"signature" | b"signature-input" => return Err(Malformed("a signature covers a signature")),
        name => {
            covered.digest |= name == b"content-digest";
            base.received(identifier, name, head.fields)?;
        }
    }
    Ok(())
}

/// Enough for names, values and the closing line, so that the base is allocated once.
fn capacity(head: &RequestHead<'_>, member: &Member<'_>) -> usize {
    let values: usize = head.fields.iter().map(|field| field.value.len()).sum();
    values
        + member.octets.len()
        + head.method.len()
        + head.authority.len()
        + head.path.len()
        + 64
        + head.query.map_or(0, str::len)
}
