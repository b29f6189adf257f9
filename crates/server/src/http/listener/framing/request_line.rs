//! The request line, RFC 9112 §3.

use super::octets::{all, is_token};
use super::violation::Violation;
use super::{MAX_TARGET, Violation::Malformed};

/// The versions that are spoken.
///
/// 1.0 is taken, with `Host` and without transfer codings, because nginx speaks it to what is behind it unless told
/// otherwise, and so do the health checks of load balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http10,
    Http11,
}

/// What framing needs to know of a request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestLine {
    pub(super) version: Version,
    pub(super) is_head: bool,
}

/// Whether the line, of which perhaps only the beginning is there yet, has a target that is too long.
pub(super) fn target_is_too_long(line: &[u8]) -> bool {
    let target = || line.split(|octet| *octet == b' ').nth(1);
    line.len() > MAX_TARGET && target().is_some_and(|target| target.len() > MAX_TARGET)
}

impl RequestLine {
    /// Reads the line without its CRLF: `method SP target SP version`, single spaces only.
    pub(super) fn read(line: &[u8]) -> Result<Self, Violation> {
        let mut parts = line.split(|octet| *octet == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Malformed("a request line of three parts and two spaces"));
        };
        let version = match version {
            b"HTTP/1.1" => Version::Http11,
            b"HTTP/1.0" => Version::Http10,
            _ => return Err(Malformed("version HTTP/1.1 or HTTP/1.0")),
        };
        check_method(method)?;
        check_target(method, target)?;
        Ok(Self { version, is_head: method == b"HEAD" })
    }
}

/// Methods are case-sensitive (RFC 9110 §9.1). CONNECT and TRACE have no business here, and no others are known.
pub(super) fn check_method(method: &[u8]) -> Result<(), Violation> {
    match method {
        b"GET" | b"HEAD" | b"POST" | b"PUT" | b"PATCH" | b"DELETE" | b"OPTIONS" => Ok(()),
        _ if is_token(method) => Err(Violation::MethodNotAllowed),
        _ => Err(Malformed("a method that is a token")),
    }
}

/// Origin form, or `*` for OPTIONS. Absolute form is refused: a second authority beside `Host` is one too many.
pub(super) fn check_target(method: &[u8], target: &[u8]) -> Result<(), Violation> {
    if target == b"*" && method == b"OPTIONS" {
        return Ok(());
    }
    if !target.starts_with(b"/") {
        return Err(Malformed("a target in origin form"));
    }
    if !all(target, is_target) {
        return Err(Malformed("a target of visible ASCII that RFC 3986 or browsers leave unencoded"));
    }
    Ok(())
}

/// Besides what RFC 3986 allows, the brackets, braces, bar, caret and backslash that browsers and other clients send
/// raw. Never `#`, at which hyper would cut silently, nor the delimiters that are parsed in different ways.
const fn is_target(octet: u8) -> bool {
    matches!(octet, 0x21..=0x7e) && !matches!(octet, b'"' | b'#' | b'<' | b'>' | b'`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_methods_are_taken_in_upper_case_only() {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let line = format!("{method} / HTTP/1.1");
            assert_eq!(RequestLine::read(line.as_bytes()).unwrap().is_head, method == "HEAD");
            let lower = line.replace(method, &method.to_lowercase());
            assert_eq!(RequestLine::read(lower.as_bytes()), Err(Violation::MethodNotAllowed), "{lower}");
        }
        for line in ["TRACE / HTTP/1.1", "CONNECT a.example:443 HTTP/1.1", "PROPFIND / HTTP/1.1", "GETS / HTTP/1.1"] {
            assert_eq!(RequestLine::read(line.as_bytes()), Err(Violation::MethodNotAllowed), "{line}");
        }
    }

    #[test]
    fn every_other_form_of_the_line_is_malformed() {
        for line in [
            "",
            " ",
            "GET",
            "GET /",
            "GET / ",
            "GET  / HTTP/1.1",
            "GET /  HTTP/1.1",
            "GET / HTTP/1.1 ",
            " GET / HTTP/1.1",
            "GET\t/ HTTP/1.1",
            "GET /a b HTTP/1.1",
            "GET / HTTP/1.2",
            "GET / HTTP/2.0",
            "GET / HTTP/1",
            "GET / http/1.1",
            "GET / HTTP/01.1",
            "GET / HTTP/1.1\t",
            "PRI * HTTP/2.0",
            "GET * HTTP/1.1",
            "G@T / HTTP/1.1",
            " / HTTP/1.1",
            "GET http://a.example/ HTTP/1.1",
            "GET a.example HTTP/1.1",
            "GET ?q HTTP/1.1",
            "OPTIONS *x HTTP/1.1",
        ] {
            assert!(matches!(RequestLine::read(line.as_bytes()), Err(Malformed(_))), "{line:?}");
        }
    }

    #[test]
    fn a_target_has_visible_ascii_only_and_none_of_the_delimiters() {
        for octet in 0..=u8::MAX {
            let line = [b"GET /a".as_slice(), &[octet], b" HTTP/1.1"].concat();
            let good = octet.is_ascii_graphic() && !b"\"#<>`".contains(&octet);
            assert_eq!(RequestLine::read(&line).is_ok(), good, "{octet:#x}");
        }
    }

    #[test]
    fn a_target_of_8_kib_is_the_longest() {
        let line = |length: usize| format!("GET /{}", "a".repeat(length - 1)).into_bytes();
        assert!(!target_is_too_long(&line(MAX_TARGET)));
        assert!(target_is_too_long(&line(MAX_TARGET + 1)));
        assert!(!target_is_too_long(&[line(MAX_TARGET), b" HTTP/1.1".to_vec()].concat()));
        assert!(!target_is_too_long(&b"A".repeat(MAX_TARGET + 1)));
    }
}
