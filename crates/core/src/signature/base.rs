//! The text that the MAC covers (RFC 9421 §2.5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::cursor::position;
use super::field::{is_single_valued, separator, trimmed};
use super::head::Field;
use super::malformed::Malformed;

/// A signature base: one line per covered component, closed by `@signature-params`.
///
/// It is ASCII without controls but for tabs and the line feeds that end the lines, so that no value can pass for a line
/// of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureBase {
    text: String,
    closing: usize,
}

const CLOSING: &[u8] = b"\"@signature-params\": ";

impl SignatureBase {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Identifier and value of each component, in the signer's order. Identifiers carry their quotes and parameters.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        let components = self.text.get(..self.closing).unwrap_or_default();
        components.split_terminator('\n').filter_map(|line| {
            let (identifier, value) = line.split_once(':')?;
            Some((identifier, value.strip_prefix(' ')?))
        })
    }

    /// Whether the component of this name is covered, without a parameter. It is asked once for each field of a request.
    pub(super) fn covers(&self, name: &str) -> bool {
        let mut rest = self.text.as_bytes().get(..self.closing).unwrap_or_default();
        while let Some(line) = rest.strip_prefix(b"\"") {
            if line.strip_prefix(name.as_bytes()).is_some_and(|after| after.starts_with(b"\": ")) {
                return true;
            }
            rest = line.get(position(line, b'\n') + 1..).unwrap_or_default();
        }
        false
    }

    /// How many octets the lines of the components have.
    pub(super) const fn closing(&self) -> usize {
        self.closing
    }

    /// List and parameters, as the signer wrote them.
    pub fn params(&self) -> &str {
        self.text.get(self.closing + CLOSING.len()..).unwrap_or_default()
    }
}

/// The lines of a field that were written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    first: usize,
    count: usize,
}

/// A signature base that is being written.
#[derive(Debug)]
pub(super) struct BaseWriter {
    text: Vec<u8>,
    lines: usize,
}

impl BaseWriter {
    /// A base that will have about this many octets.
    pub(super) fn with_capacity(octets: usize) -> Self {
        Self { text: Vec::with_capacity(octets), lines: 0 }
    }

    /// Writes a component that is no field; `mark` stands before its value.
    pub(super) fn line(&mut self, identifier: &[u8], mark: &[u8], value: &[u8]) {
        self.begin(identifier);
        self.text.extend_from_slice(mark);
        self.text.extend_from_slice(value);
        self.end();
    }

    /// Writes a field: its lines in the order received, combined into one value (RFC 9421 §2.1).
    pub(super) fn combined(&mut self, identifier: &[u8], name: &[u8], fields: &[Field<'_>]) -> Lines {
        self.begin(identifier);
        let mut lines = Lines::default();
        for (place, line) in fields.iter().enumerate().filter(|(_, field)| field.name.as_bytes() == name) {
            if lines.count == 0 {
                lines.first = place;
            } else {
                self.text.extend_from_slice(separator(line.name));
            }
            self.text.extend_from_slice(trimmed(line.value));
            lines.count += 1;
        }
        self.end();
        lines
    }

    /// Writes a field with `;bs`: each line as a byte sequence (RFC 9421 §2.1.3). Gives how many lines there were.
    pub(super) fn byte_sequences(&mut self, identifier: &[u8], name: &[u8], fields: &[Field<'_>]) -> usize {
        self.begin(identifier);
        let mut count = 0;
        for line in fields.iter().filter(|field| field.name.as_bytes() == name) {
            self.text.extend_from_slice(if count > 0 { b", :" } else { b":" });
            self.text.extend_from_slice(STANDARD.encode(trimmed(line.value)).as_bytes());
            self.text.push(b':');
            count += 1;
        }
        self.end();
        count
    }

    /// Writes a field of a message that was received; gives the place of its first line.
    ///
    /// A covered field that is absent is malformed rather than badly signed: no base can be made of such a message
    /// (RFC 9421 §2.5, step 2), and telling so tells nothing about any key.
    pub(super) fn received(
        &mut self,
        identifier: &[u8],
        name: &[u8],
        fields: &[Field<'_>],
    ) -> Result<usize, Malformed> {
        let Lines { first, count } = self.combined(identifier, name, fields);
        match count {
            0 => Err(Malformed("a covered field is absent")),
            1 => Ok(first),
            _ if str::from_utf8(name).is_ok_and(is_single_valued) => {
                Err(Malformed("a field that has one value is there twice"))
            }
            _ => Ok(first),
        }
    }

    /// The base that closes with list and parameters, octet for octet as they stand in `Signature-Input`, in pieces.
    pub(super) fn closed_by<'a>(&'a self, params: &'a [u8]) -> [&'a [u8]; 3] {
        [&self.text, CLOSING, params]
    }

    /// Closes the base of a message that was received: folded lines, controls and what lies beyond ASCII are refused.
    pub(super) fn close(self, params: &[u8]) -> Result<SignatureBase, Malformed> {
        const RULE: Malformed = Malformed("a covered value has a control, a line break or an octet beyond ASCII");
        let Self { text: mut octets, lines } = self;
        let closing = octets.len();
        octets.extend_from_slice(CLOSING);
        octets.extend_from_slice(params);
        // Sums of octets, for the compiler to count sixteen at a time.
        let plain =
            |octets: &[u8]| octets.iter().map(|octet| u8::from(matches!(octet, 0x20..=0x7e | b'\t'))).sum::<u8>();
        let plain: usize = octets.chunks(128).map(|octets| usize::from(plain(octets))).sum();
        if plain + lines != octets.len() {
            return Err(RULE);
        }
        String::from_utf8(octets).map(|text| SignatureBase { text, closing }).map_err(|_| RULE)
    }

    fn begin(&mut self, identifier: &[u8]) {
        self.text.extend_from_slice(identifier);
        self.text.extend_from_slice(b": ");
    }

    fn end(&mut self) {
        self.text.push(b'\n');
        self.lines += 1;
    }
}
