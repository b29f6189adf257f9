use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The address in one entry of a forwarding field: bare, in brackets, with or without a port or a zone.
///
/// `unknown`, obfuscated identifiers (`_hidden`, RFC 7239 §6.3), host names and anything else are no address.
pub(super) fn address(entry: &str) -> Option<IpAddr> {
    bare(entry).or_else(|| with_port(entry)).map(|address| address.to_canonical())
}

/// `192.0.2.1`, `2001:db8::1`, `fe80::1%eth0`, `[2001:db8::1]`.
fn bare(entry: &str) -> Option<IpAddr> {
    match entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) => without_zone(inside),
        None => entry.parse().ok().or_else(|| without_zone(entry)),
    }
}

fn without_zone(text: &str) -> Option<IpAddr> {
    let address = text.split_once('%').map_or(text, |(address, _zone)| address);
    address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// `192.0.2.1:47011`, `[2001:db8::1]:47011`, `[fe80::1%eth0]:47011`.
fn with_port(entry: &str) -> Option<IpAddr> {
    if let Ok(socket) = entry.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    let (address, port) = entry.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    without_zone(address.strip_prefix('[')?.strip_suffix(']')?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_brackets_zones_and_the_ipv4_mapping_are_taken_off() {
        for (entry, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:47011", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:47011", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%eth0]", "fe80::1"),
            ("[fe80::1%eth0]:47011", "fe80::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:c000:201]:80", "192.0.2.1"),
        ] {
            assert_eq!(address(entry), Some(expected.parse().unwrap()), "{entry}");
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        for entry in [
            "",
            " ",
            "unknown",
            "_hidden",
            "example.com",
            "192.0.2",
            "192.0.2.1.1",
            "192.0.2.256",
            "0300.0.2.1",
            "192.0.2.1:",
            "192.0.2.1:65536",
            "192.0.2.1:x",
            "192.0.2.1%eth0",
            "[192.0.2.1]",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]x",
            "[[2001:db8::1]]",
            "2001:db8::1::",
            "1",
            "0x7f000001",
            "192.0.2.1 ",
            "192.0.2.1\t",
            "127.1",
            "[]",
            "[%eth0]",
            "[]:80",
        ] {
            assert_eq!(address(entry), None, "{entry:?}");
        }
    }
}
