//! The encodings of the wire: length-prefixed octets, base64 in its two spellings, hex.
//!
//! Decoders are canonical: one value has one spelling, so no two texts can stand for the same octets.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Appends `lp(x)`: the length as u32 big endian, then the octets.
pub fn put_lp(into: &mut Vec<u8>, octets: &[u8]) {
    let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
    into.extend_from_slice(&length.to_be_bytes());
    into.extend_from_slice(octets);
}

/// Reads fields off the front of a message; every method gives `None` when the message is too short.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader at the start of `octets`.
    pub fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// The next `count` octets.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    /// The next `N` octets, by value.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }

    /// The next octet.
    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    /// A big-endian u64.
    pub fn u64(&mut self) -> Option<u64> {
        self.array::<8>().map(u64::from_be_bytes)
    }

    /// A length-prefixed field.
    pub fn lp(&mut self) -> Option<&'a [u8]> {
        let length = self.array::<4>().map(u32::from_be_bytes)?;
        self.take(usize::try_from(length).ok()?)
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Whether everything was read: trailing octets are an error in every message of ours.
    pub fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}

/// Base64 with padding (RFC 4648 §4), as in structured fields.
pub fn b64(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

/// Decodes canonical padded base64.
pub fn unb64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Base64url without padding (RFC 4648 §5).
pub fn b64u(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// Decodes canonical unpadded base64url; unused trailing bits must be zero.
pub fn unb64u(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Lower-case hex.
pub fn hex(octets: &[u8]) -> String {
    octets
        .iter()
        .flat_map(|octet| [octet >> 4, octet & 15])
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}

/// Decodes lower-case hex.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |octet: &u8| match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let decoded = pairs.iter().map(|[high, low]| Some(nibble(high)? << 4 | nibble(low)?)).collect();
    if rest.is_empty() { decoded } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoders_refuse_a_second_spelling() {
        assert_eq!(unb64u("AAECAw"), Some(vec![0, 1, 2, 3]));
        for text in ["AAECAx", "AAECAw==", "AAEC Aw", "AAECA", "AA+C", "AAECAw\n"] {
            assert_eq!(unb64u(text), None, "{text:?}");
        }
        for text in ["AAECAw", "AAECAx==", "AAECAw=", "AA-CAw==", "AAECAw== "] {
            assert_eq!(unb64(text), None, "{text:?}");
        }
        for text in ["0", "0G", "AB", "0x00", " 00"] {
            assert_eq!(unhex(text), None, "{text:?}");
        }
        assert_eq!(unhex("00ff"), Some(vec![0, 255]));
    }

    #[test]
    fn a_reader_never_reads_past_the_end() {
        let mut message = Vec::new();
        put_lp(&mut message, b"alice");
        let mut reader = Reader::new(&message);
        assert_eq!(reader.lp(), Some(b"alice".as_slice()));
        assert!(reader.is_done());
        assert_eq!(reader.u8(), None);
        assert_eq!(Reader::new(&[0, 0, 0, 5, b'a']).lp(), None);
        assert_eq!(Reader::new(&[255, 255, 255, 255]).lp(), None);
    }
}
