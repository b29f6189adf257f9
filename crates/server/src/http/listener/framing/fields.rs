//! The header section as far as framing goes: field syntax, and the five fields that decide where a message ends and
//! what becomes of the connection (RFC 9112 §5, §6, §9).

use super::octets::{is_token, is_value, without_ows};
use super::request_line::Version;
use super::violation::Violation::{self, HeadTooLarge, Malformed};
use super::{BodyFraming, MAX_FIELDS, host};

/// What the fields read so far have said.
#[derive(Debug, Default)]
pub(super) struct Fields {
    count: usize,
    host: bool,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

impl Fields {
    /// Reads one field line, without its CRLF.
    pub(super) fn read(&mut self, line: &[u8]) -> Result<(), Violation> {
        self.count += 1;
        if self.count > MAX_FIELDS {
            return Err(HeadTooLarge);
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(Malformed("no line folding"));
        }
        let Some((name, value)) = split_at_colon(line) else { return Err(Malformed("a colon in every field")) };
        if !is_token(name) {
            return Err(Malformed("a field name that is a token, the colon directly after it"));
        }
        if !is_value(value) {
            return Err(Malformed("a field value of visible ASCII, spaces and tabs"));
        }
        self.note(name, without_ows(value))
    }

    fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Violation> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            4 if is("host") => self.note_host(value),
            7 if is("upgrade") => {
                self.upgrade = true;
                Ok(())
            }
            10 if is("connection") => check_connection(value),
            14 if is("content-length") => self.note_length(value),
            17 if is("transfer-encoding") => self.note_coding(value),
            _ => Ok(()),
        }
    }

    fn note_host(&mut self, value: &[u8]) -> Result<(), Violation> {
        if self.host {
            return Err(Malformed("one Host"));
        }
        self.host = true;
        if host::is_host(value) { Ok(()) } else { Err(Malformed("a Host that is host[:port]")) }
    }

    fn note_length(&mut self, value: &[u8]) -> Result<(), Violation> {
        if self.length.is_some() {
            return Err(Malformed("one Content-Length"));
        }
        self.length = Some(content_length(value).ok_or(Malformed("a Content-Length of digits"))?);
        Ok(())
    }

    fn note_coding(&mut self, value: &[u8]) -> Result<(), Violation> {
        if self.chunked {
            return Err(Malformed("one Transfer-Encoding"));
        }
        self.chunked = value.eq_ignore_ascii_case(b"chunked");
        if self.chunked { Ok(()) } else { Err(Malformed("no transfer coding but chunked")) }
    }

    /// Judges the section as a whole, at its empty line.
    pub(super) fn framing(&self, version: Version) -> Result<BodyFraming, Violation> {
        if !self.host {
            return Err(Malformed("a Host"));
        }
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Malformed("Content-Length or Transfer-Encoding, not both")),
            (true, None) if version == Version::Http10 => Err(Malformed("no Transfer-Encoding in HTTP/1.0")),
            (true, None) => Ok(BodyFraming::Chunked),
            (false, length) => Ok(BodyFraming::Length(length.unwrap_or(0))),
        }
    }

    /// Whether hyper will offer an upgrade to whoever answers. It does so for any `Upgrade` in HTTP/1.1.
    pub(super) fn offers_upgrade(&self, version: Version) -> bool {
        self.upgrade && version == Version::Http11
    }
}

fn split_at_colon(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = line.split_at_checked(memchr::memchr(b':', line)?)?;
    Some((name, rest.strip_prefix(b":")?))
}

/// `1*DIGIT` (RFC 9110 §8.6), small enough for every signed or unsigned 64-bit reader further on.
pub(super) fn content_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    let length = value.iter().try_fold(0_u64, |length, octet| {
        let digit = octet.is_ascii_digit().then(|| u64::from(octet - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })?;
    (length <= i64::MAX.unsigned_abs()).then_some(length)
}

/// Fields that `Connection` names vanish at the next hop, so it may name nothing but the connection's own options: else
/// a client could take our identity fields out of a request (RFC 9110 §7.6.1).
fn check_connection(value: &[u8]) -> Result<(), Violation> {
    let known = |option: &[u8]| {
        let option = without_ows(option);
        option.is_empty()
            || [&b"close"[..], b"keep-alive", b"te", b"upgrade"].iter().any(|known| option.eq_ignore_ascii_case(known))
    };
    if value.split(|octet| *octet == b',').all(known) {
        Ok(())
    } else {
        Err(Malformed("a Connection of close, keep-alive, te, upgrade"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<BodyFraming, Violation> {
        let mut fields = Fields::default();
        for line in lines {
            fields.read(line.as_bytes())?;
        }
        fields.framing(Version::Http11)
    }

    #[test]
    fn a_content_length_is_digits_that_fit() {
        for (text, length) in [("0", 0), ("4", 4), ("007", 7), ("9223372036854775807", i64::MAX.unsigned_abs())] {
            assert_eq!(read(&["Host: a", &format!("Content-Length:\t{text} ")]), Ok(BodyFraming::Length(length)));
        }
        for text in [
            "",
            "+4",
            "-4",
            "4 4",
            "4,4",
            "4, 4",
            "0x4",
            "4.0",
            "4e1",
            "\u{b}4",
            "9223372036854775808",
            "18446744073709551620",
            "4;",
            "\"4\"",
        ] {
            let answer = read(&["Host: a", &format!("Content-Length: {text}")]);
            assert!(matches!(answer, Err(Malformed(_))), "{text:?}");
        }
    }

    #[test]
    fn there_is_one_framing_or_the_message_is_malformed() {
        assert_eq!(read(&["Host: a"]), Ok(BodyFraming::Length(0)));
        assert_eq!(read(&["Host: a", "Transfer-Encoding: Chunked"]), Ok(BodyFraming::Chunked));
        for lines in [
            &["Host: a", "Content-Length: 4", "Transfer-Encoding: chunked"][..],
            &["Host: a", "Transfer-Encoding: chunked", "content-length: 0"],
            &["Host: a", "Content-Length: 4", "Content-Length: 4"],
            &["Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
            &["Host: a", "Transfer-Encoding: xchunked"],
            &["Host: a", "Transfer-Encoding: chunked, identity"],
            &["Host: a", "Transfer-Encoding: gzip, chunked"],
            &["Host: a", "Transfer-Encoding: chunked;q=1"],
            &["Host: a", "Transfer-Encoding: \u{b}chunked"],
            &["Host: a", "Transfer-Encoding:"],
            &["Content-Length: 4"],
            &["Host: a", "Host: a"],
        ] {
            assert!(matches!(read(lines), Err(Malformed(_))), "{lines:?}");
        }
    }

    #[test]
    fn a_field_is_a_token_a_colon_and_visible_ascii() {
        for line in ["A:", "A: ", "A:b", "x-y_z!#$%&'*+.^`|~9: \tb c\t", "A: \"~"] {
            assert!(read(&["Host: a", line]).is_ok(), "{line:?}");
        }
        for line in [
            " A: b",
            "\tA: b",
            "A : b",
            "A\t: b",
            ": b",
            "A",
            "A b: c",
            "A(: b",
            "\u{e9}: b",
            "A: b\rC: d",
            "A: \u{7f}",
            "A: \0",
        ] {
            assert!(matches!(read(&["Host: a", line]), Err(Malformed(_))), "{line:?}");
        }
        for octet in 0..=u8::MAX {
            let line = [b"A: b".as_slice(), &[octet], b"c"].concat();
            let good = octet == b'\t' || octet == b' ' || octet.is_ascii_graphic();
            assert_eq!(Fields::default().read(&line).is_ok(), good, "{octet:#x}");
        }
    }

    #[test]
    fn connection_names_connection_options_only() {
        for value in ["close", "Keep-Alive", "close, TE", "upgrade,close", "", "close,", " , keep-alive"] {
            assert!(read(&["Host: a", &format!("Connection: {value}")]).is_ok(), "{value}");
        }
        for value in
            ["x-auth-user", "close, content-digest", "keep-alive;x", "Upgrade, HTTP2-Settings", "close keep-alive"]
        {
            let answer = read(&["Host: a", &format!("Connection: {value}")]);
            assert!(matches!(answer, Err(Malformed(_))), "{value}");
        }
    }

    #[test]
    fn sixty_four_fields_are_the_most() {
        let lines = |count| std::iter::once("Host: a").chain(std::iter::repeat_n("A: b", count)).collect::<Vec<_>>();
        assert!(read(&lines(63)).is_ok());
        assert_eq!(read(&lines(64)), Err(HeadTooLarge));
    }
}
