//! A signature that is being made: the list of components grows along with the base.

use core::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How a value of `Signature-Input` or `Signature` of ours begins: with the label. Verifiers select by tag.
pub(super) const LABEL: &str = "cs=";

/// A value of `Signature-Input`: the label, the list of components and the parameters.
#[derive(Debug)]
pub(super) struct Draft(String);

impl Draft {
    pub(super) fn with_capacity(octets: usize) -> Self {
        let mut text = String::with_capacity(octets);
        text.push_str(LABEL);
        text.push('(');
        Self(text)
    }

    /// Adds a component to the list; gives its identifier, as the base needs it. `flag` is empty or begins with `;`.
    pub(super) fn component(&mut self, name: &str, flag: &str) -> &str {
        if !self.0.ends_with('(') {
            self.0.push(' ');
        }
        let start = self.0.len();
        self.0.extend(["\"", name, "\"", flag]);
        self.0.get(start..).unwrap_or_default()
    }

    /// Ends the list and begins the parameters.
    pub(super) fn created(&mut self, seconds: u64) {
        self.0.push_str(");created=");
        push_decimal(&mut self.0, seconds);
    }

    pub(super) fn expires(&mut self, seconds: u64) {
        self.0.push_str(";expires=");
        push_decimal(&mut self.0, seconds);
    }

    /// Ends the parameters; gives the whole value. `escaped_keyid` is what stands between the quotes.
    pub(super) fn finish(mut self, nonce: &[u8], escaped_keyid: &str, tag: &str) -> String {
        self.0.push_str(";nonce=\"");
        URL_SAFE_NO_PAD.encode_string(nonce, &mut self.0);
        self.0.extend(["\";alg=\"hmac-sha256\";keyid=\"", escaped_keyid, "\";tag=\"", tag, "\""]);
        self.0
    }
}

/// List and parameters of such a value, as they close the base.
pub(super) fn without_label(signature_input: &str) -> &str {
    signature_input.strip_prefix(LABEL).unwrap_or_default()
}

/// Appends a number in decimal.
pub(super) fn push_decimal(text: &mut String, number: u64) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{number}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_everybody_writes_them() {
        for number in [0, 1, 9, 10, 99, 100, 401, 1_763_780_000_183, u64::MAX - 1, u64::MAX] {
            let mut text = String::new();
            push_decimal(&mut text, number);
            assert_eq!(text, number.to_string());
        }
    }
}
