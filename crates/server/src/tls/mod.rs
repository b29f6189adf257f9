//! TLS: the certificate that is shown, and what is agreed upon with a client (RFC 8446, RFC 5246).
//!
//! TLS 1.3 and 1.2 by rustls, no early data: what is sent in it can be replayed (RFC 8446 §8), and although the replay
//! guard would find that, nothing is gained by letting it come so far. HTTP/2 is chosen by ALPN and in no other way.

mod certificate;
mod error;
mod health;
mod pair;
mod terminal;

pub use certificate::Certificate;
pub use error::TlsError;
pub use health::Health;
pub use pair::Pair;
pub use terminal::{HTTP_2, Look, Offer, Terminal};

#[cfg(test)]
mod tests;
