//! Nonces: 16 to 64 octets that a key never uses twice.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::malformed::Malformed;

/// A nonce, decoded. Its text is canonical, so one nonce cannot come back under a second spelling.
#[derive(Clone, Copy)]
pub(super) struct Nonce {
    octets: [u8; 64],
    length: usize,
}

impl Nonce {
    /// Reads canonical base64url of 16 to 64 octets.
    pub(super) fn read(text: &[u8]) -> Result<Self, Malformed> {
        let mut octets = [0; 64];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut octets) {
            Ok(length @ 16..=64) => Ok(Self { octets, length }),
            _ => Err(Malformed("a nonce is 16 to 64 octets in canonical base64url")),
        }
    }

    /// The octets, on which the replay guard is keyed.
    pub(super) fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

impl core::fmt::Debug for Nonce {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&crate::encoding::b64u(self.as_slice()))
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
