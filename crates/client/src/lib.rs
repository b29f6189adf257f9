//! The Countersign client: sign every request, verify every answer.
//!
//! [`conversation`] does both without any I/O; [`Client`] puts it on the network, and [`SignAndVerify`] under a program
//! that already speaks `reqwest`. [`envelope`] is the same without HTTP. [`enrol`] gets a key in the first place.
//!
//! An answer that comes back from [`Client::call`] is the server's own answer to that very request, whatever stood
//! between. Everything else is a [`CallError`], so `?` never lets an unproven answer pass: no call falls back to an
//! unsigned one, and no unproven answer is shown unless it is asked for.
//!
//! A person's key opens a [`session`], whose own key signs all else; a program's key signs for itself.
//!
//! What is too long for memory goes by [`Client::upload`] and [`Client::download`], signed and verified frame by frame.

pub mod conversation;
mod credentials;
mod enrol;
pub mod envelope;
mod keys;
mod middleware;
mod persistence;
pub mod session;
mod stream;
mod target;
mod transport;
mod trust;
mod unsigned;
pub mod verifier;
mod websocket;

pub use conversation::{Conversation, Unverified, Verified};
pub use countersign_core::idempotency::{IdempotencyKey, MalformedKey};
pub use countersign_core::signature::Interference;
pub use credentials::{Credentials, Signer};
pub use enrol::{Enrolment, EnrolmentError, Person, enrol, enrol_in_seed_mode};
pub use keys::{KeyError, OwnKey, recovery_codes, rotate};
pub use middleware::{NotForUs, SignAndVerify};
pub use persistence::fresh_idempotency_key;
pub use reqwest::Upgraded;
pub use session::{
    BearerSession, LoginKey, PasswordLogin, Session, SessionApi, SessionError, SignedSession, SignedSessionBuilder,
    WantedProof, login_by_password,
};
pub use stream::{Download, Reply, Upload};
pub use target::{BadUrl, Server, Target};
pub use transport::{Answer, CallError, Client, Network, explain};
pub use trust::{CertificateAuthorities, NoCertificates};
pub use websocket::{Handshake, WebSocket};
