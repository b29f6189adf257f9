//! Signed streams: bodies of any length, released frame by frame (protocol §9.2).
//!
//! A message that is a stream covers `countersign-stream` where others cover `content-digest`, and its body is a sequence
//! of frames: `u32 length ‖ u8 final ‖ data ‖ tag[16]`. Each tag covers the one before it, and the first covers the MAC of
//! the message itself. So a frame holds in one place of one message only, and whoever reads it may use it at once. That
//! nothing is missing is said by the final frame, and by that alone.
//!
//! [`FrameSigner`] writes frames, [`FrameReader`] reads them, from pieces of any size. Neither knows what carries them.

mod chain;
mod reader;
mod signer;
#[cfg(test)]
mod tests;

pub use reader::{BrokenStream, FrameReader};
pub use signer::FrameSigner;

/// The most octets of data in one frame. A reader refuses a longer one by its length alone, so a stream never needs more
/// memory than this and a few octets.
pub const MOST_DATA: usize = 65_536;

/// The octets of a frame besides its data.
pub const OVERHEAD: usize = HEADER + TAG;

/// Length and final mark.
const HEADER: usize = 5;

/// The tag at the end of each frame.
const TAG: usize = 16;
