//! How a user and a first key come into being: a card handed over in person, then one exchange over any network.
//!
//! The [`card`] carries a pre-shared key and the server's public key. With it the client opens a Noise handshake
//! ([`ClientHandshake`]), the server answers it ([`Knock`], [`Introduced`]), and both hold the same
//! [`Root`](crate::secret::Root), which no message has carried and which nobody can compute who was handed the same
//! card. What follows until the key's first signed request is [`pending`]. [`seed_mode`] is the registration of the
//! seed, kept for those who ask for it by name.

pub mod card;
mod client;
mod codes;
mod noise;
mod payload;
pub mod pending;
mod primitives;
mod recovery;
pub mod seed_mode;
mod server;
mod ticket;

pub use card::{BadCard, Card, CardKind};
pub use client::{ClientHandshake, EnrolError, Enrolled, Introduction, rotate_psk};
pub use codes::{AskForCodes, AskedForCodes, Coded, MAX_CODES};
pub use noise::HandshakeFailed;
pub use payload::{Answers, BadIntroduction, EnrolRefusal, MAX_DEVICE};
pub use primitives::public_key;
pub use recovery::{RecoveryCode, recovery_psk};
pub use server::{
    Accepted, Claim, DoesNotOpen, Grant, Introduced, Knock, MAX_BODY, Malformed, Message, TIME_TOLERANCE, within_a_day,
};
pub use ticket::{decoy_psk, ticket_psk};
