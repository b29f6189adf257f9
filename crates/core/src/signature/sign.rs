//! Signing requests (protocol §4).

use super::draft::{Draft, LABEL};
use super::field::{is_hop_by_hop, is_implied, is_inert, is_signature};
use super::head::{Field, RequestHead};
use super::label::byte_sequence;
use super::octets::Octets;
use super::path::PathForm;
use super::received::{Received, Unreadable};
use super::request::STREAM;
use crate::secret::MacKey;

/// The parameters of a signature to be made.
#[derive(Clone, Copy, Debug)]
pub struct SignatureParams<'a> {
    /// The name of the key.
    pub keyid: &'a str,
    /// 32 random octets, never used before with this key.
    pub nonce: [u8; 32],
    /// Now, in seconds since the epoch, by the clock of the server that will read it.
    pub created_secs: u64,
    /// The last second in which the request may be accepted; at most W after `created_secs`.
    pub expires_secs: Option<u64>,
}

/// A request that cannot be signed, and which rule it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this request cannot be signed: {0}")]
pub struct Unsignable(pub &'static str);

impl From<Unreadable> for Unsignable {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Unsigned => Self("it has no signature"),
            Unreadable::Malformed(rule) => Self(rule),
            Unreadable::TooLarge(what) => Self(what),
        }
    }
}

/// A request that was signed, as its sender remembers it until the answer comes.
#[derive(Clone, Debug)]
pub struct SignedRequest {
    pub(super) sent: Received,
    nonce: [u8; 32],
    signature_input: String,
}

/// Signs a request. Its `content-digest` must be among its fields, for an empty body too; or `countersign-stream` in its
/// place, when the body will be a stream.
///
/// Covered is every end-to-end field that is sent, but those that follow from others and those on which nothing depends.
/// The base is built by the reader that verifiers use, so whatever is signed here is readable there.
///
/// # Errors
/// The request breaks a rule of the profile; a verifier would refuse it as malformed.
pub fn sign_request(
    c2s: &MacKey,
    params: &SignatureParams<'_>,
    head: &RequestHead<'_>,
) -> Result<SignedRequest, Unsignable> {
    let signature_input = signature_input(params, head);
    let mut fields: Vec<_> = head.fields.iter().copied().filter(|field| !is_signature(field.name)).collect();
    fields.push(Field { name: "signature-input", value: signature_input.as_bytes() });
    fields.push(Field { name: "signature", value: b"cs=:AA==:" });
    let mut sent = Received::read(&RequestHead { fields: &fields, ..*head }, PathForm::Raw)?;
    if sent.flaw.is_some() {
        return Err(Unsignable("content-digest is required, or countersign-stream in its place"));
    }
    sent.octets = Octets::of(&c2s.mac(&[sent.base.as_str().as_bytes()]));
    Ok(SignedRequest { sent, nonce: params.nonce, signature_input })
}

fn signature_input(params: &SignatureParams<'_>, head: &RequestHead<'_>) -> String {
    let mut draft = Draft::with_capacity(512);
    let first = ["@method", "@authority", "@path", "@query", "content-type", "content-digest", STREAM];
    for name in first.into_iter().filter(|name| name.starts_with('@') || has(head.fields, name)) {
        draft.component(name, "");
    }
    for (place, field) in head.fields.iter().enumerate() {
        let seen = first.contains(&field.name) || has(head.fields.get(..place).unwrap_or_default(), field.name);
        if !seen && must_be_covered(field.name) {
            draft.component(field.name, "");
        }
    }
    draft.created(params.created_secs);
    if let Some(expires) = params.expires_secs {
        draft.expires(expires);
    }
    let keyid = params.keyid.replace('\\', "\\\\").replace('"', "\\\"");
    draft.finish(&params.nonce, &keyid, "countersign-req-1")
}

fn has(fields: &[Field<'_>], name: &str) -> bool {
    fields.iter().any(|field| field.name == name)
}

fn must_be_covered(name: &str) -> bool {
    !is_implied(name) && !is_inert(name) && !is_signature(name) && !is_hop_by_hop(name)
}

impl SignedRequest {
    /// The value of `Signature-Input`.
    pub fn signature_input(&self) -> &str {
        &self.signature_input
    }

    /// The value of `Signature`.
    pub fn signature(&self) -> String {
        byte_sequence(LABEL, self.sent.octets.as_slice())
    }

    /// The nonce.
    pub fn nonce(&self) -> &[u8; 32] {
        &self.nonce
    }

    /// The name of the key.
    pub fn keyid(&self) -> &str {
        self.sent.keyid()
    }

    /// The octets of the signature, with which the frames of a streamed body begin.
    pub fn mac(&self) -> [u8; 32] {
        self.sent.mac()
    }
}
