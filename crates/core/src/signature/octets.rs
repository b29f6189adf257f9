//! Base64 of up to 64 octets, decoded on the stack: nonces, signatures and digests.
//!
//! Every request brings three of these before its MAC can be checked; this takes a third of the time of a general decoder.
//! Like all our decoders it is canonical, and the tests hold it against crate `base64`.

use core::fmt;

/// Octets on the stack, 64 at most.
#[derive(Clone, Copy)]
pub(super) struct Octets {
    octets: [u8; ROOM],
    length: u8,
}

const MOST: usize = 64;
/// The next multiple of six, so that whole groups can be written.
const ROOM: usize = 66;
/// Room for the digits of so many octets, in whole groups of sixteen.
const DIGITS: usize = 96;

impl Octets {
    /// Decodes base64 with padding (RFC 4648 §4); `None` when it is not canonical or has more than 64 octets.
    #[inline]
    pub(super) fn padded(text: &[u8]) -> Option<Self> {
        let (digits, left) = match text {
            [digits @ .., b'=', b'='] => (digits, 2),
            [digits @ .., b'='] => (digits, 3),
            digits => (digits, 0),
        };
        if digits.len() % 4 == left { Self::decode::<b'+', b'/'>(digits) } else { None }
    }

    /// Decodes base64url without padding (RFC 4648 §5); `None` when it is not canonical or has more than 64 octets.
    #[inline]
    pub(super) fn unpadded(text: &[u8]) -> Option<Self> {
        Self::decode::<b'-', b'_'>(text)
    }

    /// These octets.
    pub(super) fn of(from: &[u8; 32]) -> Self {
        let mut octets = [0; ROOM];
        octets.iter_mut().zip(from).for_each(|(place, octet)| *place = *octet);
        Self { octets, length: 32 }
    }

    /// The octets.
    pub(super) fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length.into()).unwrap_or_default()
    }

    fn decode<const SIXTY_TWO: u8, const SIXTY_THREE: u8>(text: &[u8]) -> Option<Self> {
        let length = text.len() / 4 * 3 + (text.len() % 4).saturating_sub(1);
        if length > MOST || text.len() % 4 == 1 {
            return None;
        }
        // The text goes on with zeros, so that there are whole groups only.
        let mut digits = [b'A'; DIGITS];
        digits.get_mut(..text.len())?.copy_from_slice(text);
        let mut all = [VALID; 16];
        for sixteen in digits.as_chunks_mut::<16>().0.iter_mut().take(text.len().div_ceil(16)) {
            for (digit, all) in sixteen.iter_mut().zip(&mut all) {
                *digit = value::<SIXTY_TWO, SIXTY_THREE>(*digit);
                *all &= *digit;
            }
        }
        let mut octets = [0; ROOM];
        let eights = digits.as_chunks::<8>().0.iter().take(text.len().div_ceil(8));
        for (six, eight) in octets.as_chunks_mut::<6>().0.iter_mut().zip(eights) {
            let [_, _, packed @ ..] = pack(u64::from_be_bytes(*eight)).to_be_bytes();
            *six = packed;
        }
        // The bits that no octet takes must be zero too: a value has one spelling.
        let is_canonical = octets.get(length..)?.first().is_none_or(|unused| *unused == 0);
        (all == [VALID; 16] && is_canonical).then_some(Self { octets, length: length as u8 })
    }
}

/// Set in the value of every digit, and in no other.
const VALID: u8 = 64;

/// The value of a digit, or zero. There are no branches and no tables, so that the compiler does sixteen at once.
const fn value<const SIXTY_TWO: u8, const SIXTY_THREE: u8>(digit: u8) -> u8 {
    ones_if(digit.wrapping_sub(b'A') < 26) & digit.wrapping_add(VALID.wrapping_sub(b'A'))
        | ones_if(digit.wrapping_sub(b'a') < 26) & digit.wrapping_add((VALID + 26).wrapping_sub(b'a'))
        | ones_if(digit.wrapping_sub(b'0') < 10) & digit.wrapping_add(VALID + 52 - b'0')
        | ones_if(digit == SIXTY_TWO) & (VALID + 62)
        | ones_if(digit == SIXTY_THREE) & (VALID + 63)
}

const fn ones_if(holds: bool) -> u8 {
    (holds as u8).wrapping_neg()
}

/// The low six bits of eight octets side by side: 48 bits.
const fn pack(eight: u64) -> u64 {
    let twos = eight & 0x003f_003f_003f_003f | (eight & 0x3f00_3f00_3f00_3f00) >> 2;
    let fours = twos & 0x0000_0fff_0000_0fff | (twos & 0x0fff_0000_0fff_0000) >> 4;
    fours & 0x00ff_ffff | (fours & 0x00ff_ffff_0000_0000) >> 8
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::encoding::hex(self.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::encoding::{b64, b64u, unb64, unb64u};

    fn padded(text: &str) -> Option<Vec<u8>> {
        Octets::padded(text.as_bytes()).map(|octets| octets.as_slice().to_vec())
    }

    fn unpadded(text: &str) -> Option<Vec<u8>> {
        Octets::unpadded(text.as_bytes()).map(|octets| octets.as_slice().to_vec())
    }

    #[test]
    fn up_to_64_octets_are_read_and_no_more() {
        for length in 0..=80 {
            let octets: Vec<u8> = (0..length).map(|place| place ^ 0xa5).collect();
            let expected = (length <= 64).then_some(octets.clone());
            assert_eq!(padded(&b64(&octets)), expected, "{length}");
            assert_eq!(unpadded(&b64u(&octets)), expected, "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_as_crate_base64_reads_it(text in "[A-Za-z0-9+/_=-]{0,90}|[ -~]{0,20}|[A-D]{0,6}={0,3}") {
            let short = |octets: &Vec<u8>| octets.len() <= 64;
            prop_assert_eq!(padded(&text), unb64(&text).filter(short));
            prop_assert_eq!(unpadded(&text), unb64u(&text).filter(short));
        }

        #[test]
        fn what_crate_base64_writes_is_read(octets in prop::collection::vec(any::<u8>(), 0..=64)) {
            prop_assert_eq!(padded(&b64(&octets)), Some(octets.clone()));
            prop_assert_eq!(unpadded(&b64u(&octets)), Some(octets));
        }
    }
}
