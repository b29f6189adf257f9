//! Verifying answers (protocol §5): only what the server said to this very request is believed.

use super::base::{BaseWriter, SignatureBase};
use super::component::{Component, Flag, Name};
use super::digest::ContentDigest;
use super::head::{ReceivedAnswer, StreamHead};
use super::input::{Member, Profile, Selected, select};
use super::interference::Interference;
use super::label::{self, byte_sequence};
use super::malformed::Malformed;
use super::nonce::Nonce;
use super::received::Unreadable;
use super::request::{STREAM, VERSION};
use super::sign::SignedRequest;
use crate::secret::MacKey;
use crate::time::{Freshness, Timestamp};

/// An answer that the holder of the key gave to this very request.
#[derive(Clone, Debug)]
pub struct VerifiedAnswer {
    server_time: Timestamp,
    covered: Vec<Box<str>>,
    mac: [u8; 32],
}

impl VerifiedAnswer {
    /// The server's clock when it signed.
    pub fn server_time(&self) -> Timestamp {
        self.server_time
    }

    /// The names of the answer's fields that the signature covers, in lower case. No other may be shown to the caller.
    pub fn covered(&self) -> impl Iterator<Item = &str> {
        self.covered.iter().map(|name| &**name)
    }

    /// The octets of the answer's signature, with which the frames of a streamed answer begin.
    pub fn mac(&self) -> [u8; 32] {
        self.mac
    }

    /// Whether the answer's field of this lower-case name is covered.
    pub fn covers(&self, field_name: &str) -> bool {
        self.covered().any(|name| name == field_name)
    }

    /// Whether the server signed between our sending and receiving, with W on either side. Both times are by our clock as
    /// corrected for this server.
    pub fn is_timely(&self, sent: Timestamp, received: Timestamp, freshness: Freshness) -> bool {
        let earliest = sent.saturating_sub(freshness.window());
        let latest = received.saturating_add(freshness.window());
        (earliest..=latest).contains(&self.server_time)
    }
}

impl SignedRequest {
    /// Checks that an answer is the server's own answer to this very request, and whole. Whether it came in time is
    /// [`VerifiedAnswer::is_timely`].
    ///
    /// # Errors
    /// Why the answer must not be believed.
    pub fn verify_answer(&self, s2c: &MacKey, answer: &ReceivedAnswer<'_>) -> Result<VerifiedAnswer, Interference> {
        let verified = self.verify_head(s2c, answer, "content-digest")?;
        body_is_whole(answer)?;
        Ok(verified)
    }

    /// The same for an answer whose body is a stream (protocol §9.2): its head alone is judged. What follows is for a
    /// [`FrameReader`](crate::stream::FrameReader), which begins with [`VerifiedAnswer::mac`].
    ///
    /// # Errors
    /// Why the answer must not be believed; that nobody asked for a stream, among others.
    pub fn verify_stream_answer(&self, s2c: &MacKey, answer: &StreamHead<'_>) -> Result<VerifiedAnswer, Interference> {
        let StreamHead { status, fields } = *answer;
        let answer = ReceivedAnswer { status, fields, body: &[], bodyless: false };
        let verified = self.verify_head(s2c, &answer, STREAM)?;
        let asked_for = self.sent.accepts_stream() && only(&answer, STREAM) == Some(VERSION);
        if asked_for { Ok(verified) } else { Err(Interference::BadMac) }
    }

    /// Verifies all but the body, which has to be vouched for by this component and no other.
    fn verify_head(
        &self,
        s2c: &MacKey,
        answer: &ReceivedAnswer<'_>,
        content: &str,
    ) -> Result<VerifiedAnswer, Interference> {
        let member = ours(answer)?;
        let octets = label::find(answer.fields, member.label)?;
        self.is_answered_by(&member, answer)?;
        let (base, covered) = self.base_of(&member, answer, content)?;
        if !s2c.verifies(&[base.as_str().as_bytes()], octets.as_slice()) {
            return Err(Interference::BadMac);
        }
        let server_time = only(answer, "countersign-time").and_then(millis).ok_or(Interference::BadMac)?;
        Ok(VerifiedAnswer { server_time, covered, mac: octets.as_slice().try_into().unwrap_or_default() })
    }

    /// Whether the answer claims to be to this request. This says what has happened; the MAC says that it is true.
    fn is_answered_by(&self, member: &Member<'_>, answer: &ReceivedAnswer<'_>) -> Result<(), Interference> {
        let parameters = &member.parameters;
        let signature = byte_sequence("", self.sent.octets.as_slice());
        let same = Nonce::read(parameters.nonce)?.as_slice() == self.nonce()
            && parameters.keyid.escaped == self.sent.escaped_keyid().as_bytes()
            && only(answer, "countersign-request").is_some_and(|value| value == signature.as_bytes());
        if same { Ok(()) } else { Err(Interference::WrongRequest) }
    }

    /// The base of an answer, over its own fields and our own copy of the request.
    fn base_of(
        &self,
        member: &Member<'_>,
        answer: &ReceivedAnswer<'_>,
        content: &str,
    ) -> Result<(SignatureBase, Vec<Box<str>>), Malformed> {
        let mut base = BaseWriter::with_capacity(4_096);
        let mut covered: Vec<&str> = Vec::new();
        let mut of_request: Vec<&str> = Vec::new();
        for component in &member.components {
            let name =
                str::from_utf8(component.name.as_bytes()).map_err(|_| Malformed("a component's name is malformed"))?;
            let list: &mut Vec<&str> = if component.flag == Flag::Request { &mut of_request } else { &mut covered };
            if list.contains(&name) {
                return Err(Malformed("a component is covered twice"));
            }
            list.push(name);
            match component.flag {
                Flag::Request => self.line_of_request(&mut base, component.identifier, name)?,
                Flag::Bare | Flag::ByteSequence => own_line(&mut base, component, answer)?,
            }
        }
        let required = ["@status", content, "countersign-time", "countersign-request"];
        let vouching = covered.iter().filter(|name| matches!(**name, "content-digest" | STREAM)).count();
        let complete = required.iter().all(|name| covered.contains(name))
            && vouching == 1
            && of_request.len() == self.sent.components().count()
            && member.parameters.expires.is_none();
        if !complete {
            return Err(Malformed("an answer covers what protocol §5 requires, and does not expire"));
        }
        let fields = covered.into_iter().filter(|name| !name.starts_with('@')).map(Into::into).collect();
        Ok((base.close(member.octets)?, fields))
    }

    /// Writes a component of the request, from our own copy.
    fn line_of_request(&self, base: &mut BaseWriter, identifier: &[u8], name: &str) -> Result<(), Malformed> {
        let value = self.sent.components().find_map(|(own, value)| (own == name).then_some(value));
        let value = value.ok_or(Malformed("the answer covers what the request does not"))?;
        base.line(identifier, b"", value.as_bytes());
        Ok(())
    }
}

/// The one signature with the tag of answers. Others may have signed too.
fn ours<'a>(answer: &ReceivedAnswer<'a>) -> Result<Member<'a>, Interference> {
    match select(answer.fields, &Profile::ANSWER) {
        Ok(Selected::Ours(member)) => Ok(member),
        Ok(Selected::Foreign(_) | Selected::Nothing) => Err(Interference::MissingSignature),
        Err(Unreadable::Unsigned | Unreadable::Malformed(_) | Unreadable::TooLarge(_)) => Err(Interference::BadMac),
    }
}

/// Writes a component of the answer itself.
pub(super) fn own_line(
    base: &mut BaseWriter,
    component: &Component<'_>,
    answer: &ReceivedAnswer<'_>,
) -> Result<(), Malformed> {
    let identifier = component.identifier;
    match (component.name, component.flag) {
        (Name::Status, Flag::Bare) => {
            base.line(identifier, b"", answer.status.to_string().as_bytes());
            Ok(())
        }
        (Name::Field(b"set-cookie"), Flag::Bare) => Err(Malformed("set-cookie has no combined value")),
        (Name::Field(name), Flag::Bare) => base.received(identifier, name, answer.fields).map(drop),
        (Name::Field(name), Flag::ByteSequence) => match base.byte_sequences(identifier, name, answer.fields) {
            0 => Err(Malformed("a covered field is absent")),
            _ => Ok(()),
        },
        _ => Err(Malformed("an answer has no such component")),
    }
}

fn body_is_whole(answer: &ReceivedAnswer<'_>) -> Result<(), Interference> {
    let mut check = only(answer, "content-digest").map_or(Ok(ContentDigest::ABSENT), ContentDigest::read)?.check();
    check.update(answer.body);
    if check.matches() && (answer.body.is_empty() || !answer.bodyless) {
        return Ok(());
    }
    let announced = only(answer, "content-length").and_then(decimal);
    let ends_early = !answer.bodyless && announced.is_some_and(|length| length > answer.body.len() as u64);
    Err(if ends_early { Interference::Truncated } else { Interference::Digest })
}

/// The value of a field that stands there once.
fn only<'a>(answer: &ReceivedAnswer<'a>, name: &str) -> Option<&'a [u8]> {
    let mut lines = answer.fields.iter().filter(|field| field.name == name);
    let first = lines.next()?;
    lines.next().is_none().then_some(first.value)
}

/// Milliseconds since the epoch, in their one spelling.
fn millis(value: &[u8]) -> Option<Timestamp> {
    let canonical = (13..=16).contains(&value.len()) && value.first() != Some(&b'0');
    decimal(value).filter(|_| canonical).map(Timestamp::from_millis)
}

fn decimal(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.len() <= 19 && value.iter().all(u8::is_ascii_digit);
    digits.then(|| value.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}
