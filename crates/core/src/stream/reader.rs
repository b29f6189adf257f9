use core::mem::take;

use super::chain::Chain;
use super::{HEADER, MOST_DATA, TAG};
use crate::secret::MacKey;

/// Why a stream is not believed. What was released before is verified; that it is all there is, is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenStream {
    /// A frame says that it is longer than any may be.
    #[error("a frame is longer than a stream may have")]
    TooLong,
    /// A frame says neither that it is the final one nor that it is not.
    #[error("a frame is marked neither as final nor as another")]
    BadMark,
    /// A tag does not hold: the frame was changed, or belongs to another place or another message.
    #[error("the tag of a frame does not hold")]
    BadTag,
    /// Something follows the final frame.
    #[error("something follows the final frame")]
    Trailing,
    /// The stream ends without a final frame.
    #[error("the stream ends without a final frame")]
    Truncated,
}

/// Reads the frames of one stream. It gives out what has been verified and nothing else, and after the first fault
/// nothing at all.
#[derive(Clone, Debug)]
pub struct FrameReader {
    chain: Chain,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Length and mark of a frame are coming in.
    Header {
        octets: [u8; HEADER],
        filled: usize,
    },
    /// Data and tag are coming in.
    Rest {
        octets: Vec<u8>,
        wanted: usize,
        is_final: bool,
    },
    /// The final frame was read.
    Complete,
    Broken(BrokenStream),
}

const START: State = State::Header { octets: [0; HEADER], filled: 0 };

impl FrameReader {
    /// Reads the frames of the message with this MAC, by the stream key of its direction.
    pub const fn new(key: MacKey, message: [u8; 32]) -> Self {
        Self { chain: Chain::new(key, message), state: START }
    }

    /// Takes octets off the front of `input` until a frame is whole, and gives its data if it holds; `None` when the input
    /// is spent before. The data of an empty frame is empty.
    ///
    /// # Errors
    /// The stream is broken here, and stays so.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, BrokenStream> {
        let read = self.advance(input);
        if let Err(broken) = read {
            self.state = State::Broken(broken);
        }
        read
    }

    /// Says that nothing more comes. Only then, and only if this is no error, was the stream whole.
    ///
    /// # Errors
    /// The final frame has not been read, or the stream was broken before.
    pub fn end(&self) -> Result<(), BrokenStream> {
        match self.state {
            State::Complete => Ok(()),
            State::Header { .. } | State::Rest { .. } => Err(BrokenStream::Truncated),
            State::Broken(broken) => Err(broken),
        }
    }

    /// Whether the final frame was read: nothing may come any more.
    pub const fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, BrokenStream> {
        if let State::Broken(broken) = self.state {
            return Err(broken);
        }
        while !input.is_empty() {
            match &mut self.state {
                State::Header { octets, filled } => {
                    let room = octets.get_mut(*filled..).unwrap_or_default();
                    let piece = front(input, room.len());
                    room.iter_mut().zip(piece).for_each(|(place, octet)| *place = *octet);
                    *filled += piece.len();
                    if *filled == HEADER {
                        self.state = rest_of(*octets)?;
                    }
                }
                State::Rest { octets, wanted, is_final } => {
                    octets.extend_from_slice(front(input, *wanted - octets.len()));
                    if octets.len() == *wanted {
                        let (octets, is_final) = (take(octets), *is_final);
                        return self.verified(octets, is_final).map(Some);
                    }
                }
                State::Complete => return Err(BrokenStream::Trailing),
                State::Broken(broken) => return Err(*broken),
            }
        }
        Ok(None)
    }

    fn verified(&mut self, mut octets: Vec<u8>, is_final: bool) -> Result<Vec<u8>, BrokenStream> {
        let Some((data, tag)) = octets.split_last_chunk::<TAG>() else { return Err(BrokenStream::BadTag) };
        if !self.chain.holds(is_final, data, tag) {
            return Err(BrokenStream::BadTag);
        }
        self.state = if is_final { State::Complete } else { START };
        octets.truncate(octets.len() - TAG);
        Ok(octets)
    }
}

/// Takes up to `most` octets off the front.
fn front<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (front, rest) = input.split_at_checked(most).unwrap_or((input, &[]));
    *input = rest;
    front
}

/// What follows such a header. Its length is judged before any memory is taken for it.
fn rest_of([a, b, c, d, mark]: [u8; HEADER]) -> Result<State, BrokenStream> {
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length > MOST_DATA {
        return Err(BrokenStream::TooLong);
    }
    let is_final = match mark {
        0 => false,
        1 => true,
        _ => return Err(BrokenStream::BadMark),
    };
    let wanted = length + TAG;
    Ok(State::Rest { octets: Vec::with_capacity(wanted), wanted, is_final })
}
