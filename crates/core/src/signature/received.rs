//! A request as received: the strict parse, and the signature base that the MAC will be checked against.

use super::base::SignatureBase;
use super::digest::ContentDigest;
use super::field::{is_implied, is_inert};
use super::head::RequestHead;
use super::input::{Profile, Selected, select};
use super::keyid::Keyid;
use super::label;
use super::nonce::Nonce;
use super::octets::Octets;
use super::path::PathForm;
use super::request::{MOST_FIELDS, VERSION, base_of, target_is_well_formed};
use crate::time::Timestamp;

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
    pub(super) octets: Octets,
    pub(super) nonce: Nonce,
    pub(super) created: Timestamp,
    pub(super) expires: Option<Timestamp>,
    pub(super) flaw: Option<Flaw>,
    digest: ContentDigest,
    is_stream: bool,
    keyid: Keyid,
}

/// What makes a signature bad whatever its MAC. It is carried to the end of the check, so that it costs and answers the
/// same as a wrong MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The only signature has another tag.
    WrongTag,
    /// One of the components that every request must cover is not covered.
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
        let (member, wrong_tag) = match selected(head)? {
            Selected::Ours(member) => (member, None),
            Selected::Foreign(member) => (member, Some(Flaw::WrongTag)),
            Selected::Nothing => return Err(Unreadable::Unsigned),
        };
        target_is_well_formed(head, paths)?;
        let (base, covered) = base_of(head, &member)?;
        let incomplete = if covered.is_complete() { None } else { Some(Flaw::MissingComponent) };
        let parameters = &member.parameters;
        Ok(Self {
            octets: label::find(head.fields, member.label)?,
            nonce: Nonce::read(parameters.nonce)?,
            created: Timestamp::from_secs(parameters.created),
            expires: parameters.expires.map(Timestamp::from_secs),
            flaw: wrong_tag.or(incomplete),
            digest: covered.digest(head)?,
            is_stream: covered.is_stream(head)?,
            keyid: parameters.keyid.within(base.as_str().len() - member.octets.len()),
            base,
        })
    }

    /// The `keyid` parameter, whatever its form: a name that nobody's key can have is simply unknown.
    pub fn keyid(&self) -> &str {
        self.keyid.unescaped.as_deref().unwrap_or_else(|| self.escaped_keyid())
    }

    /// As it stands between the quotes.
    pub(super) fn escaped_keyid(&self) -> &str {
        self.base.as_str().get(self.keyid.place.clone()).unwrap_or_default()
    }

    /// The covered content digest; one that no body matches when `content-digest` is not covered.
    pub fn content_digest(&self) -> &ContentDigest {
        &self.digest
    }

    /// Whether the signature says that the body is a stream of frames; it then has no content digest (protocol §9.2).
    pub fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// Whether the signature says that the answer may be a stream (protocol §9.2).
    pub fn accepts_stream(&self) -> bool {
        self.components().any(|(name, value)| name == "countersign-accept-stream" && value.as_bytes() == VERSION)
    }

    /// The octets of the signature, with which the frames of a stream begin. One of another length than 32 octets never
    /// verifies, so it does not matter what is given for it.
    pub fn mac(&self) -> [u8; 32] {
        self.octets.as_slice().try_into().unwrap_or_default()
    }

    /// The text that the MAC must cover.
    pub fn signature_base(&self) -> &SignatureBase {
        &self.base
    }

    /// Name and value of each component that is covered.
    pub fn components(&self) -> impl Iterator<Item = (&str, &str)> {
        self.base
            .lines()
            .filter_map(|(identifier, value)| Some((identifier.strip_prefix('"')?.strip_suffix('"')?, value)))
    }

    /// Whether the field of this lower-case name may reach the API uncovered, so that nothing may depend on it.
    pub fn is_inert(field_name: &str) -> bool {
        is_inert(field_name)
    }

    /// How the field of this lower-case name stands to the signature. The fields of signatures themselves and those of
    /// the connection are for the caller to take out.
    pub fn disposition(&self, field_name: &str) -> Disposition {
        if is_implied(field_name) || self.base.covers(field_name) {
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
