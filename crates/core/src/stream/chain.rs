//! What ties a frame to its message and to the frames before it.

use subtle::ConstantTimeEq as _;

use super::TAG;
use crate::secret::MacKey;

const PURPOSE: &[u8] = b"countersign/chunk/1\0";

/// The state of one stream: the next frame holds in this state and in no other.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    key: MacKey,
    previous: [u8; 32],
    index: u64,
}

impl Chain {
    /// The chain that begins with the MAC of the message.
    pub(super) const fn new(key: MacKey, message: [u8; 32]) -> Self {
        Self { key, previous: message, index: 0 }
    }

    /// The tag of the next frame.
    pub(super) fn tag(&mut self, is_final: bool, data: &[u8]) -> [u8; TAG] {
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let index = self.index.to_be_bytes();
        let mac = self.key.mac(&[PURPOSE, &self.previous, &index, &[is_final.into()], &length.to_be_bytes(), data]);
        let mut tag = [0; TAG];
        tag.iter_mut().zip(mac).for_each(|(place, octet)| *place = octet);
        self.previous = [0; 32];
        self.previous.iter_mut().zip(tag).for_each(|(place, octet)| *place = octet);
        self.index = self.index.wrapping_add(1);
        tag
    }

    /// Whether `tag` is that of the next frame; takes equally long whether the first octet differs or the last.
    pub(super) fn holds(&mut self, is_final: bool, data: &[u8], tag: &[u8]) -> bool {
        self.tag(is_final, data).ct_eq(tag).into()
    }
}
