//! Signing answers (protocol §5).

use super::base::{BaseWriter, SignatureBase};
use super::draft::{Draft, LABEL, push_decimal, without_label};
use super::field::{is_covered_in_answers, is_plain, is_single_valued};
use super::head::{AnswerHead, Field, StreamHead};
use super::input::Profile;
use super::label::byte_sequence;
use super::received::Received;
use super::request::STREAM;
use crate::secret::MacKey;
use crate::time::Timestamp;

/// The fields to add to an answer, all of them; `Content-Digest` or `Countersign-Stream` is the caller's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerFields {
    /// `Countersign-Time`: our clock in milliseconds.
    pub countersign_time: String,
    /// `Countersign-Request`: the request's signature as a byte sequence.
    pub countersign_request: String,
    /// `Signature-Input`.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
    /// The octets of the signature, with which the frames of a streamed answer begin.
    pub mac: [u8; 32],
}

impl AnswerFields {
    /// Whether a client reads so much of a signature. One that does not would take the answer for interference.
    pub fn is_readable(&self) -> bool {
        let components = self.signature_input.split(')').next().map_or(0, |list| list.split(' ').count());
        self.signature_input.len() <= Profile::ANSWER.octets && components <= Profile::ANSWER.components
    }
}

/// List and base of an answer, growing together.
struct Answer<'a> {
    draft: Draft,
    base: BaseWriter,
    fields: &'a [Field<'a>],
}

impl Received {
    /// Signs the answer to this request, good or bad, with the key for answers.
    ///
    /// Covered are the status, every end-to-end field and every component of the request. The request's own signature is
    /// among the fields: without it somebody could spoil the MAC on the way, collect a genuine refusal of the spoilt
    /// copy, and deliver it for the original, which they let act.
    pub fn sign_answer(&self, s2c: &MacKey, answer: &AnswerHead<'_>, now: Timestamp) -> AnswerFields {
        let AnswerHead { status, fields, content_digest } = *answer;
        self.sign(s2c, &StreamHead { status, fields }, ("content-digest", content_digest), now)
    }

    /// Signs the head of an answer whose body will be a stream of frames (protocol §9.2). `Countersign-Stream: 1`, which
    /// the caller adds, stands in the place of the digest.
    pub fn sign_stream_answer(&self, s2c: &MacKey, answer: &StreamHead<'_>, now: Timestamp) -> AnswerFields {
        self.sign(s2c, answer, (STREAM, "1"), now)
    }

    fn sign(&self, s2c: &MacKey, answer: &StreamHead<'_>, content: (&str, &str), now: Timestamp) -> AnswerFields {
        let mut countersign_time = String::with_capacity(16);
        push_decimal(&mut countersign_time, now.as_millis());
        let countersign_request = byte_sequence("", self.octets.as_slice());

        let mut signing = Answer::with_room_for(answer, &self.base);
        signing.status(answer.status);
        signing.field("content-type");
        signing.value(content.0, content.1);
        signing.field("cache-control");
        signing.value("countersign-time", &countersign_time);
        signing.value("countersign-request", &countersign_request);
        signing.other_fields();
        signing.request(self);

        let Answer { mut draft, base, .. } = signing;
        draft.created(now.as_secs());
        let signature_input = draft.finish(self.nonce.as_slice(), self.escaped_keyid(), "countersign-res-1");
        let mac = s2c.mac(&base.closed_by(without_label(&signature_input).as_bytes()));
        AnswerFields {
            countersign_time,
            countersign_request,
            signature_input,
            signature: byte_sequence(LABEL, &mac),
            mac,
        }
    }
}

impl<'a> Answer<'a> {
    /// Enough for most: the request's components come again, each with a flag, and so do its parameters.
    fn with_room_for(answer: &StreamHead<'a>, request: &SignatureBase) -> Self {
        let names: usize = answer.fields.iter().map(|field| field.name.len() + 8).sum();
        let values: usize = answer.fields.iter().map(|field| field.value.len()).sum();
        let draft = Draft::with_capacity(192 + names + request.params().len());
        let base = BaseWriter::with_capacity(352 + names + values + request.closing());
        Self { draft, base, fields: answer.fields }
    }

    fn status(&mut self, status: u16) {
        let mut digits = String::with_capacity(3);
        push_decimal(&mut digits, status.into());
        self.value("@status", &digits);
    }

    fn value(&mut self, name: &str, value: &str) {
        let identifier = self.draft.component(name, "");
        self.base.line(identifier.as_bytes(), b"", value.as_bytes());
    }

    /// Covers a field if it is there.
    fn field(&mut self, name: &str) {
        let lines = || self.fields.iter().filter(|field| field.name == name);
        let count = lines().count();
        if count == 0 {
            return;
        }
        // What cannot stand in a base as it is, or has no combined value, is covered as byte sequences.
        let as_bytes = name == "set-cookie"
            || (count > 1 && is_single_valued(name))
            || !lines().all(|field| is_plain(field.value));
        let identifier = self.draft.component(name, if as_bytes { ";bs" } else { "" });
        if as_bytes {
            self.base.byte_sequences(identifier.as_bytes(), name.as_bytes(), self.fields);
        } else {
            self.base.combined(identifier.as_bytes(), name.as_bytes(), self.fields);
        }
    }

    fn other_fields(&mut self) {
        let fields = self.fields;
        for (place, field) in fields.iter().enumerate() {
            let first = !fields.iter().take(place).any(|earlier| earlier.name == field.name);
            if first && is_covered_in_answers(field.name) && !matches!(field.name, "content-type" | "cache-control") {
                self.field(field.name);
            }
        }
    }

    fn request(&mut self, received: &Received) {
        for (name, value) in received.components() {
            let identifier = self.draft.component(name, ";req");
            self.base.line(identifier.as_bytes(), b"", value.as_bytes());
        }
    }
}
