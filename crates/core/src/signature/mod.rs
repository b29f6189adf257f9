//! RFC 9421 HTTP Message Signatures, in the profile of protocol §4 and §5.
//!
//! A guard reads a request ([`Received::read`]), finds the key by [`Received::keyid`], checks MAC and time
//! ([`Received::authenticate`]) and signs the answer ([`Received::sign_answer`]). A client signs ([`sign_request`]) and
//! checks the answer against what it sent ([`SignedRequest::verify_answer`]).
//!
//! All of it works on octets as received. What is signed and what is used are the same octets, so nothing can be read in
//! one way by the verifier and in another by the API behind it.

mod answer;
mod authentic;
mod base;
mod component;
mod cursor;
mod digest;
mod draft;
pub mod explain;
mod field;
mod foreign;
mod head;
mod input;
mod interference;
mod keyid;
mod label;
mod malformed;
mod nonce;
mod octets;
mod parameters;
mod path;
mod received;
mod request;
mod sign;
#[cfg(test)]
mod tests;
mod unbound;
mod verify;

pub use answer::AnswerFields;
pub(crate) use authentic::Signed;
pub use authentic::{Authentic, Authentication};
pub use base::SignatureBase;
pub use digest::{BodyCheck, ContentDigest, sha256_digest_field};
pub use head::{AnswerHead, Field, ReceivedAnswer, RequestHead, StreamHead};
pub use interference::Interference;
pub(crate) use nonce::Nonce;
pub use path::PathForm;
pub use received::{Disposition, Received, Unreadable};
pub use sign::{SignatureParams, SignedRequest, Unsignable, sign_request};
pub use unbound::{RegistrationAnswer, answer_registration, verify_registration_answer};
pub use verify::VerifiedAnswer;
