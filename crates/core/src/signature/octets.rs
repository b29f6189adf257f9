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
/// The next multiple of three, so that whole groups can be written.
const ROOM: usize = 66;

/// What each character stands for; [`NO_DIGIT`] when it stands for nothing.
type Alphabet = [u8; 256];
const NO_DIGIT: u8 = 0xff;
const STANDARD: Alphabet = alphabet(b'+', b'/');
const URL_SAFE: Alphabet = alphabet(b'-', b'_');

const fn alphabet(sixty_two: u8, sixty_three: u8) -> Alphabet {
    let mut digits = [NO_DIGIT; 256];
    let mut character = 0;
    while character < 256 {
        let octet = character as u8;
        #[expect(clippy::indexing_slicing, reason = "the index is below 256, and this runs in the compiler")]
        {
            digits[character] = match octet {
                b'A'..=b'Z' => octet - b'A',
                b'a'..=b'z' => octet - b'a' + 26,
                b'0'..=b'9' => octet - b'0' + 52,
                _ if octet == sixty_two => 62,
                _ if octet == sixty_three => 63,
                _ => NO_DIGIT,
            };
        }
        character += 1;
    }
    digits
}

impl Octets {
    /// Decodes base64 with padding (RFC 4648 §4); `None` when it is not canonical or has more than 64 octets.
    #[inline]
    pub(super) fn padded(text: &[u8]) -> Option<Self> {
        let (digits, left) = match text {
            [digits @ .., b'=', b'='] => (digits, 2),
            [digits @ .., b'='] => (digits, 3),
            digits => (digits, 0),
        };
        if digits.len() % 4 == left { Self::decode(digits, &STANDARD) } else { None }
    }

    /// Decodes base64url without padding (RFC 4648 §5); `None` when it is not canonical or has more than 64 octets.
    #[inline]
    pub(super) fn unpadded(text: &[u8]) -> Option<Self> {
        Self::decode(text, &URL_SAFE)
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

    #[inline]
    fn decode(text: &[u8], alphabet: &Alphabet) -> Option<Self> {
        let digit = |character: u8| alphabet.get(usize::from(character)).copied().unwrap_or(NO_DIGIT);
        let (groups, rest) = text.as_chunks::<4>();
        let used = rest.len().saturating_sub(1);
        let length = groups.len() * 3 + used;
        if length > MOST || rest.len() == 1 {
            return None;
        }
        let mut octets = [0; ROOM];
        let mut all = 0;
        let mut places = octets.as_chunks_mut::<3>().0.iter_mut();
        for (four, three) in groups.iter().zip(places.by_ref()) {
            let four = four.map(digit);
            all |= four.iter().fold(0, |all, digit| all | digit);
            *three = join(four);
        }
        let mut four = [0; 4];
        four.iter_mut().zip(rest).for_each(|(place, character)| *place = digit(*character));
        all |= four.iter().fold(0, |all, digit| all | digit);
        let last = join(four);
        // The bits that no octet takes must be zero, or one value would have several spellings.
        let canonical = last.iter().skip(used).all(|unused| *unused == 0);
        if let Some(three) = places.next() {
            *three = last;
        }
        (canonical && all < 64).then_some(Self { octets, length: length as u8 })
    }
}

/// Three octets from the six bits of each of four digits.
const fn join([a, b, c, d]: [u8; 4]) -> [u8; 3] {
    [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
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
