//! Which paths and queries are let through.
//!
//! A path that two programs read in two ways is how one of them is made to guard `/admin` while the other serves it. The
//! signature covers the path's octets, and router and API get the same octets; so a path with two readings is refused,
//! not rewritten.

/// Which forms of a path are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathForm {
    /// Only those with a single reading (protocol §4).
    Canonical,
    /// Any visible ASCII: the route has opted in.
    Raw,
}

impl PathForm {
    /// Whether this form lets the path through.
    ///
    /// # Errors
    /// The rule that is broken, in words that hold nothing of the path.
    pub fn admits(self, path: &str) -> Result<(), &'static str> {
        match (self, path.as_bytes()) {
            (Self::Canonical, octets @ [b'/', ..]) => canonical(octets),
            (Self::Raw, octets @ [b'/', ..]) if octets.iter().all(is_of_a_path) => Ok(()),
            (Self::Raw, [b'/', ..]) => Err(NOT_A_PATH),
            _ => Err("a path begins with a slash"),
        }
    }
}

const NOT_A_PATH: &str = "a path is visible ASCII without ? and #";

/// Neither a query nor a fragment begins here, and nothing that is not visible stands in a request line.
const fn is_of_a_path(octet: &u8) -> bool {
    matches!(octet, 0x21..=0x7e) && !matches!(octet, b'?' | b'#')
}

/// Whether all octets are visible ASCII: no control, no space, nothing beyond.
pub(super) fn is_visible(octets: &[u8]) -> bool {
    octets.iter().fold(true, |visible, octet| visible & matches!(octet, 0x21..=0x7e))
}

fn canonical(mut rest: &[u8]) -> Result<(), &'static str> {
    while let Some((octet, after)) = rest.split_first() {
        rest = after;
        if octet.is_ascii_lowercase() {
            continue;
        }
        match octet {
            b'\\' => return Err("a path has no backslash"),
            b';' => return Err("a path has no semicolon"),
            b'/' if after.first() == Some(&b'/') => return Err("a path has no empty segment"),
            b'.' if ends_segment(after) => return Err("no segment of a path ends in a dot"),
            b'%' => rest = percent_encoded(after)?,
            octet if !is_of_a_path(octet) => return Err(NOT_A_PATH),
            _ => {}
        }
    }
    Ok(())
}

/// Also true of `.` and `..`, the segments that some programs resolve; and some drop a final dot or space.
fn ends_segment(after: &[u8]) -> bool {
    matches!(after.first(), None | Some(b'/'))
}

/// Reads the two digits after a `%`; what could have been written without it, or could be decoded into structure, is
/// refused.
fn percent_encoded(after: &[u8]) -> Result<&[u8], &'static str> {
    let (digits, rest) = after.split_first_chunk::<2>().ok_or("a percent sign is followed by two digits")?;
    let [Some(high), Some(low)] = digits.map(upper_hex) else {
        return Err("a percent sign is followed by two digits, in upper case");
    };
    match high << 4 | low {
        b'/' | b'\\' => Err("a path has no encoded slash or backslash"),
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
            Err("what needs no percent-encoding has none (RFC 3986 §2.3)")
        }
        0x00..=0x1f | 0x7f => Err("a path has no control characters"),
        0xc0 | 0xc1 => Err("a path has no overlong UTF-8: it hides dots and slashes"),
        b' ' if ends_segment(rest) => Err("no segment of a path ends in a space"),
        _ => Ok(rest),
    }
}

const fn upper_hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_one_reading_is_let_through() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/v1/transfers",
            "/.well-known/jwks.json",
            "/a..b/...c/.d",
            "/a%20b",
            "/caf%C3%A9",
            "/a%3Bb",
            "/100%25",
            "/a:b@c!$&'()*+,=~_-",
            "/%E2%82%AC/x",
        ] {
            assert_eq!(PathForm::Canonical.admits(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn a_path_with_two_readings_is_let_through_only_where_the_route_opts_in() {
        for path in [
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/./a",
            "/a/.",
            "/a/./b",
            "/..",
            "/../a",
            "/a/..",
            "/a/../b",
            "/...",
            "/a.",
            "/a./b",
            "/a\\b",
            "/\\",
            "/a;x=1/b",
            "/;",
            "/a;",
            "/%2e",
            "/%2E",
            "/a/%2e%2e/b",
            "/a/%2E%2E/b",
            "/a/.%2e/b",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a%5Cb",
            "/%00",
            "/a%00.json",
            "/%0A",
            "/%0D%0A",
            "/%1F",
            "/%7F",
            "/%61",
            "/%7E",
            "/%2D",
            "/%5F",
            "/%30",
            "/%5A",
            "/caf%c3%a9",
            "/a%3bb",
            "/%",
            "/a%2",
            "/%zz",
            "/%%41",
            "/%+1",
            "/%C0%AE%C0%AE/",
            "/%C1%9C",
            "/a%20",
            "/a%20/b",
            "/%20",
        ] {
            assert!(PathForm::Canonical.admits(path).is_err(), "{path}");
            assert_eq!(PathForm::Raw.admits(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn no_route_can_opt_into_what_is_no_path() {
        for path in
            ["", "a", "*", "http://a/", "/a b", "/ ", "/a ", "/\t", "/\0", "/a\r\nb", "/\x7f", "/é", "/a?b", "/a#b"]
        {
            assert!(PathForm::Canonical.admits(path).is_err(), "{path:?}");
            assert!(PathForm::Raw.admits(path).is_err(), "{path:?}");
        }
    }
}
