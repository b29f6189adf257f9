//! The value of `Host`, RFC 9110 §7.2. Whether it is one of our authorities is not asked here.

use std::net::Ipv6Addr;

/// Whether this is `host[:port]` with an IPv6 address in brackets or a name or IPv4 address of letters, digits,
/// hyphens, dots, underscores and tildes. Other names that RFC 3986 allows (percent-encoded ones, sub-delimiters) exist
/// in no DNS and are read in different ways.
pub(super) fn is_host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').is_some_and(|(address, port)| {
            address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
        }),
        None => match text.split_once(':') {
            Some((name, port)) => is_name(name) && is_port(port),
            None => is_name(text),
        },
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~'))
}

/// RFC 3986 §3.2.3 lets a port be empty; nobody needs to send that.
fn is_port(port: &str) -> bool {
    port.bytes().all(|octet| octet.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_with_or_without_a_port_are_hosts() {
        for host in
            ["a", "good.example", "GOOD.example.", "a_b.c-d", "192.0.2.1:8470", "[::1]", "[2001:db8::1]:443", "a:0"]
        {
            assert!(is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn anything_that_could_be_read_in_two_ways_is_none() {
        for host in [
            "",
            ":80",
            "a:",
            "a:+80",
            "a:65536",
            "a:80:80",
            "good.example:80@evil",
            "user@good.example",
            "a/b",
            "a?b",
            "a#b",
            "a b",
            "a,b",
            "a\\b",
            "%61",
            "[::1",
            "::1",
            "[::1]x",
            "[::1]:",
            "[a]",
            "[v1.x]",
            "[fe80::1%25eth0]",
            "http://a",
            "a;b",
        ] {
            assert!(!is_host(host.as_bytes()), "{host:?}");
        }
        assert!(!is_host(&[b'a', 0xe9]));
    }
}
