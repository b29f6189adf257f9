use super::chain::Chain;
use super::{HEADER, MOST_DATA, OVERHEAD};
use crate::secret::MacKey;

/// Writes the frames of one stream.
#[derive(Clone, Debug)]
pub struct FrameSigner {
    chain: Chain,
}

impl FrameSigner {
    /// The frames of the message with this MAC, under the stream key of its direction.
    pub const fn new(key: MacKey, message: [u8; 32]) -> Self {
        Self { chain: Chain::new(key, message) }
    }

    /// The data as frames: one, or more when it is longer than [`MOST_DATA`]. No data is an empty frame: it says that the
    /// sender is there and has nothing to say.
    pub fn sign(&mut self, data: &[u8]) -> Vec<u8> {
        self.frames(data, false)
    }

    /// The last data, which may be empty, as frames, and with it the end of the stream. There is no frame after it.
    pub fn finish(mut self, data: &[u8]) -> Vec<u8> {
        self.frames(data, true)
    }

    fn frames(&mut self, data: &[u8], and_final: bool) -> Vec<u8> {
        let count = data.len().div_ceil(MOST_DATA).max(1);
        let mut octets = Vec::with_capacity(data.len() + count * OVERHEAD);
        let mut rest = data;
        for remaining in (0..count).rev() {
            let (piece, after) = rest.split_at_checked(MOST_DATA).unwrap_or((rest, &[]));
            self.frame(piece, and_final && remaining == 0, &mut octets);
            rest = after;
        }
        octets
    }

    fn frame(&mut self, data: &[u8], is_final: bool, octets: &mut Vec<u8>) {
        let tag = self.chain.tag(is_final, data);
        let [a, b, c, d] = (data.len() as u32).to_be_bytes();
        let header: [u8; HEADER] = [a, b, c, d, is_final.into()];
        octets.extend_from_slice(&header);
        octets.extend_from_slice(data);
        octets.extend_from_slice(&tag);
    }
}
