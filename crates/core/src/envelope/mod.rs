//! The same messages without HTTP, for WebSockets and queues (protocol §8).
//!
//! An envelope is one JSON object. Whoever serves reads it ([`Envelope::read`]), finds the key by [`Envelope::keyid`], checks
//! MAC, addressee and time ([`Envelope::authenticate`]) and signs the answer ([`Envelope::answer`]). A client signs
//! ([`sign_envelope`]) and checks the answer against what it sent ([`SignedEnvelope::verify_answer`]).
//!
//! The reader is strict: each member once, none besides, one spelling for each value. What authenticates a message is the
//! same proof as for a request, so both share one replay guard. Their keys are derived under labels of their own, so no MAC
//! of one kind can stand for one of the other.

mod action;
mod answer;
mod covered;
mod json;
mod received;
mod sign;
#[cfg(test)]
mod tests;

pub use action::{Action, BadAction};
pub use answer::{AnswerEnvelope, VerifiedPacket};
pub use received::{Addressee, Envelope};
pub use sign::{EnvelopeParams, SignedEnvelope, sign_envelope};

/// An envelope that breaks a rule of the form, and which. The text holds nothing of the message. No key is known, so what
/// is answered is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub &'static str);

/// An envelope that cannot be signed, and which rule it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this envelope cannot be signed: {0}")]
pub struct Unsignable(pub &'static str);

/// The longest `kid`, `aud` and `username`, in octets. None is empty: nobody has no name.
const LONGEST_NAME: usize = 256;

/// The one version that there is.
const VERSION: u64 = 1;
