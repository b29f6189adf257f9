//! One element of the `Forwarded` field (RFC 7239 §4).

use std::net::IpAddr;

use super::node;

/// The address in the element's `for`, if the element is well formed and has exactly one.
///
/// The element was cut out at commas. A comma inside of a quoted string leaves the quotes of both halves unbalanced, so
/// neither is well formed: text that somebody put further left can never reach into an element on its right.
pub(super) fn client(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.trim_matches([' ', '\t']).split_once('=')?;
        let value = unquoted(value)?;
        if name.eq_ignore_ascii_case("for") {
            let earlier = found.replace(node::address(value)?);
            if earlier.is_some() {
                return None;
            }
        }
    }
    found
}

/// The text of a token or of a quoted string. Node identifiers need no escapes, so a string with one is refused.
fn unquoted(value: &str) -> Option<&str> {
    let inside = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => value,
    };
    (!inside.contains(['"', '\\'])).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_for_of_a_well_formed_element_is_its_client() {
        for element in [
            "for=192.0.2.1",
            "For=192.0.2.1",
            "for=\"192.0.2.1:80\"",
            " for=192.0.2.1 ; proto=https;by=203.0.113.43",
            "proto=http;host=\"a.example\";FOR=\"192.0.2.1\"",
            "for=\"[::ffff:192.0.2.1]:123\"",
        ] {
            assert_eq!(client(element), Some("192.0.2.1".parse().unwrap()), "{element}");
        }
        assert_eq!(client("for=\"[2001:db8::1]:123\""), Some("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn everything_else_has_none() {
        for element in [
            "",
            "for",
            "for=",
            "for=unknown",
            "for=_hidden",
            "for=\"_gazonk\"",
            "by=192.0.2.1",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1;for=_x",
            "for=\"192.0.2.1",
            "for=192.0.2.1\"",
            "for=\"192.0.2.1\\\"",
            "for = 192.0.2.1",
            "for=192.0.2.1;",
            "192.0.2.1",
            "for=192.0.2.1;x",
            "for=\"\"192.0.2.1\"\"",
        ] {
            assert_eq!(client(element), None, "{element:?}");
        }
    }
}
