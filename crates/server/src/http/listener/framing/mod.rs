//! A strict framer: where messages begin and end in the octets of a connection.
//!
//! hyper forgives much of what RFC 9112 calls an error or leaves open: two lengths, a length beside chunks, bare line
//! feeds, no `Host` or two. Whoever stands in front of us may read the same octets otherwise, and the difference is a
//! request that nobody checked. So octets reach hyper only after this framer has read them in the one way that leaves
//! no choice.

mod chunks;
mod fields;
mod head;
mod host;
mod octets;
mod request_line;
mod stream_head;
mod violation;

use self::chunks::Chunks;
pub(super) use self::head::Head;
use self::head::HeadScan;
pub(super) use self::stream_head::judge as judge_stream_head;
pub(super) use self::violation::Violation;
pub use crate::http::body_violation::BodyViolation;

/// The longest head, request line included.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// The longest request target.
pub(super) const MAX_TARGET: usize = 8 * 1024;
/// The most header fields.
pub(super) const MAX_FIELDS: usize = 64;

/// How the end of a body is found, RFC 9112 §6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// So many octets; 0 when neither field is there.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// The next piece of the octets that were given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A whole head.
    Head(Head),
    /// So many octets of the body, `last` when it ends with them.
    Body { length: usize, last: bool },
    /// All of it is the beginning of a head.
    Incomplete,
}

/// What is wrong with the octets that were given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// They are the head of a message that must be refused.
    Head(Violation),
    /// They stand in a body, and break this rule of its coding.
    Body(&'static str),
}

/// Where in its messages a connection is.
#[derive(Debug, Default)]
pub(super) struct Framer(Place);

#[derive(Debug)]
enum Place {
    /// In a head, or before one.
    Head(HeadScan),
    /// In a body, with so many octets to come.
    Length(u64),
    /// In a chunked body.
    Chunked(Chunks),
}

impl Default for Place {
    fn default() -> Self {
        Self::Head(HeadScan::default())
    }
}

impl Framer {
    /// Finds the next piece in `input`, which begins with the first octet that is in no piece yet.
    ///
    /// After [`Piece::Incomplete`] the same octets are given again, with more after them; after an error, nothing.
    pub(super) fn next(&mut self, input: &[u8]) -> Result<Piece, Broken> {
        match &mut self.0 {
            Place::Head(scan) => match scan.read(input).map_err(Broken::Head)? {
                None => Ok(Piece::Incomplete),
                Some(head) => {
                    self.0 = match head.body {
                        BodyFraming::Length(0) => Place::default(),
                        BodyFraming::Length(length) => Place::Length(length),
                        BodyFraming::Chunked => Place::Chunked(Chunks::START),
                    };
                    Ok(Piece::Head(head))
                }
            },
            Place::Length(left) => {
                let taken = (*left).min(input.len() as u64);
                *left -= taken;
                let last = *left == 0;
                Ok(self.body(usize::try_from(taken).unwrap_or(input.len()), last))
            }
            Place::Chunked(chunks) => {
                let length = chunks.read(input).map_err(Broken::Body)?;
                let last = *chunks == Chunks::End;
                Ok(self.body(length, last))
            }
        }
    }

    fn body(&mut self, length: usize, last: bool) -> Piece {
        if last {
            self.0 = Place::default();
        }
        Piece::Body { length, last }
    }

    /// Whether the next octet belongs to a body.
    pub(super) fn is_in_body(&self) -> bool {
        matches!(self.0, Place::Length(_) | Place::Chunked(_))
    }

    /// Whether the head that is being read, as far as it is known, is that of a HEAD request.
    pub(super) fn is_head_request(&self) -> bool {
        matches!(&self.0, Place::Head(scan) if scan.is_head_request())
    }
}

#[cfg(test)]
mod tests;
