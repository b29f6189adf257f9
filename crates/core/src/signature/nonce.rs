//! Nonces: 16 to 64 octets that a key never uses twice.

use super::malformed::Malformed;
use super::octets::Octets;

/// A nonce, decoded. Its text is canonical, so one nonce cannot come back under a second spelling.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nonce(Octets);

impl Nonce {
    /// Reads canonical base64url of 16 to 64 octets.
    #[inline]
    pub(crate) fn read(text: &[u8]) -> Result<Self, Malformed> {
        match Octets::unpadded(text) {
            Some(octets) if octets.as_slice().len() >= 16 => Ok(Self(octets)),
            _ => Err(Malformed("a nonce is 16 to 64 octets in canonical base64url")),
        }
    }

    /// The octets, on which the replay guard is keyed.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::b64u;

    #[test]
    fn a_nonce_has_16_to_64_octets() {
        for (length, admitted) in
            [(0, false), (15, false), (16, true), (32, true), (64, true), (65, false), (200, false)]
        {
            let text = b64u(&vec![0xfb; length]);
            assert_eq!(Nonce::read(text.as_bytes()).is_ok(), admitted, "{length} octets");
        }
    }

    #[test]
    fn a_nonce_has_one_spelling() {
        let canonical = b64u(&[0xff; 16]);
        assert_eq!(Nonce::read(canonical.as_bytes()).unwrap().as_slice(), [0xff; 16]);
        for text in [
            format!("{canonical}=="),
            canonical.replace('_', "/"),
            format!("{}x", &canonical[..21]),
            format!(" {canonical}"),
            format!("{canonical}\n"),
        ] {
            assert!(Nonce::read(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
