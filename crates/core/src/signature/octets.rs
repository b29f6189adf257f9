//! The octets of a signature, found in the field `Signature` by the label (RFC 9421 §4.2).

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::cursor::Cursor;
use super::head::Field;
use super::malformed::Malformed;

/// The octets of a signature, 1 to 64 of them. Only 32 can be an HMAC-SHA-256, but that is for `authenticate` to say.
#[derive(Clone, Copy)]
pub(super) struct SignatureOctets {
    octets: [u8; 64],
    length: usize,
}

impl SignatureOctets {
    /// Finds the one member of `Signature` with this label.
    pub(super) fn find(fields: &[Field<'_>], label: &[u8]) -> Result<Self, Malformed> {
        let mut found = None;
        for line in fields.iter().filter(|field| field.name == "signature") {
            let mut cursor = Cursor::new(line.value);
            loop {
                let key = cursor.key()?;
                cursor.expect(b"=", "Signature is malformed")?;
                let base64 = cursor.byte_sequence()?;
                if key == label && found.replace(Self::decode(base64)?).is_some() {
                    return Err(Malformed("two signatures have one label"));
                }
                if !cursor.next_member()? {
                    break;
                }
            }
        }
        found.ok_or(Malformed("Signature lacks the label of Signature-Input"))
    }

    fn decode(base64: &[u8]) -> Result<Self, Malformed> {
        let mut octets = [0; 64];
        match STANDARD.decode_slice(base64, &mut octets) {
            Ok(length @ 1..=64) => Ok(Self { octets, length }),
            _ => Err(Malformed("a signature is 1 to 64 octets in canonical base64")),
        }
    }

    /// Those of a MAC.
    pub(super) fn of(mac: &[u8; 32]) -> Self {
        let mut octets = [0; 64];
        octets.iter_mut().zip(mac).for_each(|(place, octet)| *place = *octet);
        Self { octets, length: mac.len() }
    }

    /// The octets as a byte sequence (RFC 9651 §4.1.8), the one spelling they can have had.
    pub(super) fn to_byte_sequence(self) -> String {
        byte_sequence(self.as_slice())
    }

    /// The octets.
    pub(super) fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

/// Octets as a byte sequence: base64 between colons.
pub(super) fn byte_sequence(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4 + 2);
    text.push(':');
    STANDARD.encode_string(octets, &mut text);
    text.push(':');
    text
}

impl fmt::Debug for SignatureOctets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::encoding::b64(self.as_slice()))
    }
}
