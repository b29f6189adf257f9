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
/// The next multiple of six, so that two groups can be written at once.
const ROOM: usize = 66;

/// For each of the four places in a group, what each character adds to the group's 24 bits.
type Alphabet = [[u32; 256]; 4];
/// What a character adds that stands for nothing: a bit above those of any group.
const NO_DIGIT: u32 = 1 << 24;
static STANDARD: Alphabet = alphabet(b'+', b'/');
static URL_SAFE: Alphabet = alphabet(b'-', b'_');

#[expect(
    clippy::indexing_slicing,
    reason = "places are below 4 and characters below 256, and this runs in the compiler"
)]
const fn alphabet(sixty_two: u8, sixty_three: u8) -> Alphabet {
    let mut places = [[NO_DIGIT; 256]; 4];
    let mut character = 0;
    while character < 256 {
        let octet = character as u8;
        let digit = match octet {
            b'A'..=b'Z' => octet - b'A',
            b'a'..=b'z' => octet - b'a' + 26,
            b'0'..=b'9' => octet - b'0' + 52,
            _ if octet == sixty_two => 62,
            _ if octet == sixty_three => 63,
            _ => 64,
        };
        let mut place = 0;
        while place < 4 && digit < 64 {
            places[place][character] = (digit as u32) << (18 - 6 * place);
            place += 1;
        }
        character += 1;
    }
    places
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

    /// Eight digits make six octets.
    #[inline]
    fn decode(text: &[u8], alphabet: &Alphabet) -> Option<Self> {
        let (eights, rest) = text.as_chunks::<8>();
        let used = rest.len() * 6 / 8;
        let length = eights.len() * 6 + used;
        if length > MOST || rest.len() % 4 == 1 {
            return None;
        }
        let mut octets = [0; ROOM];
        let mut all = 0;
        let mut sixes = octets.as_chunks_mut::<6>().0.iter_mut();
        for (eight, six) in eights.iter().zip(sixes.by_ref()) {
            (*six, all) = join(eight, alphabet, all);
        }
        // The rest goes on with zeros, and the bits that no octet takes must be zero too: a value has one spelling.
        let mut eight = [b'A'; 8];
        eight.iter_mut().zip(rest).for_each(|(place, character)| *place = *character);
        let (last, all) = join(&eight, alphabet, all);
        let canonical = last.iter().skip(used).all(|unused| *unused == 0);
        if let Some(six) = sixes.next() {
            *six = last;
        }
        (canonical && all < NO_DIGIT).then_some(Self { octets, length: length as u8 })
    }
}

/// The octets of eight digits, and `all` with the bits of both groups added.
#[inline]
fn join(eight: &[u8; 8], alphabet: &Alphabet, all: u32) -> ([u8; 6], u32) {
    let [a, b, c, d, e, f, g, h] = *eight;
    let (high, low) = (bits([a, b, c, d], alphabet), bits([e, f, g, h], alphabet));
    let [_, _, six @ ..] = (u64::from(high) << 24 | u64::from(low)).to_be_bytes();
    (six, all | high | low)
}

/// The 24 bits of a group of four digits, or more when one of them is none.
#[inline]
fn bits(group: [u8; 4], alphabet: &Alphabet) -> u32 {
    let digits = alphabet.iter().zip(group);
    digits.fold(0, |bits, (place, character)| bits | place.get(usize::from(character)).copied().unwrap_or(NO_DIGIT))
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
