//! The Countersign client: sign every request, verify every answer.
//!
//! [`conversation`] does both without any I/O; [`Client`] puts it on the network, and [`SignAndVerify`] under a program
//! that already speaks `reqwest`. [`envelope`] is the same without HTTP. [`enrol`] gets a key in the first place.
//!
//! An answer that comes back from [`Client::call`] is the server's own answer to that very request, whatever stood
//! between. Everything else is a [`CallError`], so `?` never lets an unproven answer pass: no call falls back to an
//! unsigned one, and no unproven answer is shown unless it is asked for.

pub mod conversation;
mod credentials;
mod enrol;
pub mod envelope;
mod middleware;
mod target;
mod transport;

pub use conversation::{Conversation, Unverified, Verified};
pub use countersign_core::signature::Interference;
pub use credentials::Credentials;
pub use enrol::{Enrolment, EnrolmentError, Person, enrol, enrol_in_seed_mode};
pub use middleware::{NotForUs, SignAndVerify};
pub use target::{BadUrl, Server, Target};
pub use transport::{Answer, CallError, Client, Network, explain};
