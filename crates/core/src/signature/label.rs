//! The octets of a signature, found in the field `Signature` by the label (RFC 9421 §4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::cursor::Cursor;
use super::head::Field;
use super::malformed::Malformed;
use super::octets::Octets;

/// Finds the one member of `Signature` with this label: 1 to 64 octets. Only 32 can be an HMAC-SHA-256, but a signature of
/// another length costs and answers the same as a wrong one.
pub(super) fn find(fields: &[Field<'_>], label: &[u8]) -> Result<Octets, Malformed> {
    let mut found = None;
    for line in fields.iter().filter(|field| field.name == "signature") {
        let mut cursor = Cursor::new(line.value);
        loop {
            let is_ours = cursor.key()? == label;
            cursor.expect(b"=", "Signature is malformed")?;
            let base64 = cursor.byte_sequence()?;
            if is_ours && found.replace(base64).is_some() {
                return Err(Malformed("two signatures have one label"));
            }
            if !cursor.next_member()? {
                break;
            }
        }
    }
    let base64 = found.ok_or(Malformed("Signature lacks the label of Signature-Input"))?;
    let octets = Octets::padded(base64).filter(|octets| !octets.as_slice().is_empty());
    octets.ok_or(Malformed("a signature is 1 to 64 octets in canonical base64"))
}

/// Octets as a byte sequence (RFC 9651 §4.1.8) after `label`: base64 between colons, the one spelling they have.
pub(super) fn byte_sequence(label: &str, octets: &[u8]) -> String {
    let mut text = String::with_capacity(label.len() + octets.len().div_ceil(3) * 4 + 2);
    text.push_str(label);
    text.push(':');
    STANDARD.encode_string(octets, &mut text);
    text.push(':');
    text
}
