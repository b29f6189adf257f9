//! Authorities: the host and port that a request is meant for (RFC 9110 §4.2.3, RFC 3986 §3.2).

use core::fmt;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::str::FromStr;
use std::sync::Arc;

/// A host and port in their one spelling: lower case, addresses compressed, no default port.
///
/// It is what `@authority` covers. Two texts name the same authority exactly when they read as equal values. Copies
/// share the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Authority(Arc<str>);

impl Authority {
    /// As it stands in `@authority`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::borrow::Borrow<str> for Authority {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<SocketAddr> for Authority {
    /// The authority of an address that somebody listens on, when no name is known for it.
    fn from(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        match address.port() {
            80 | 443 => Self(host.into()),
            port => Self(format!("{host}:{port}").into()),
        }
    }
}

/// Text that is not an authority, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a host with an optional port: {0}")]
pub struct BadAuthority(pub &'static str);

impl FromStr for Authority {
    type Err = BadAuthority;

    /// Reads `host`, `host:port`, `[address]` or `[address]:port`. The ports 80 and 443 are dropped whatever the scheme:
    /// where TLS ends before us, nobody here can tell which of the two it was.
    fn from_str(text: &str) -> Result<Self, BadAuthority> {
        let (host, rest) = match text.strip_prefix('[') {
            Some(bracketed) => address(bracketed)?,
            None => name(text)?,
        };
        match rest.strip_prefix(':').map(port).transpose()? {
            None if rest.is_empty() => Ok(Self(host.into())),
            None => Err(BadAuthority("after the host comes a colon and a port, or nothing")),
            Some(80 | 443) => Ok(Self(host.into())),
            Some(port) => Ok(Self(format!("{host}:{port}").into())),
        }
    }
}

/// An IPv6 address up to its closing bracket, compressed (RFC 5952), and what follows.
fn address(bracketed: &str) -> Result<(String, &str), BadAuthority> {
    let (address, rest) = bracketed.split_once(']').ok_or(BadAuthority("the bracket is not closed"))?;
    let address: Ipv6Addr = address.parse().map_err(|_| BadAuthority("what stands in brackets is an IPv6 address"))?;
    Ok((format!("[{address}]"), rest))
}

/// A name or IPv4 address in lower case, and what follows. Names beyond ASCII come as punycode. A final dot would be a
/// second spelling, and `@` would put a user before the host.
fn name(text: &str) -> Result<(String, &str), BadAuthority> {
    let (name, rest) = text.split_at_checked(text.find(':').unwrap_or(text.len())).unwrap_or((text, ""));
    if name.is_empty() || name.len() > 253 {
        return Err(BadAuthority("a host has 1 to 253 characters"));
    }
    if name.split('.').any(str::is_empty) {
        return Err(BadAuthority("no label of a host is empty, the last included"));
    }
    if !name.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_')) {
        return Err(BadAuthority("a host is letters, digits, hyphens, underscores and dots"));
    }
    Ok((name.to_ascii_lowercase(), rest))
}

fn port(digits: &str) -> Result<u16, BadAuthority> {
    const BAD: BadAuthority = BadAuthority("a port is a number from 1 to 65535 without leading zeros");
    if digits.starts_with(['0', '+']) { Err(BAD) } else { digits.parse().map_err(|_| BAD) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_has_one_spelling() {
        for (text, canonical) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM", "api.example.com"),
            ("api.example.com:443", "api.example.com"),
            ("api.example.com:80", "api.example.com"),
            ("api.example.com:8470", "api.example.com:8470"),
            ("localhost:8470", "localhost:8470"),
            ("127.0.0.1:8470", "127.0.0.1:8470"),
            ("[::1]:8470", "[::1]:8470"),
            ("[::1]:443", "[::1]"),
            ("[2001:DB8:0:0::1]", "[2001:db8::1]"),
            ("xn--caf-dma.example", "xn--caf-dma.example"),
            ("my_host", "my_host"),
            ("a:65535", "a:65535"),
        ] {
            assert_eq!(text.parse::<Authority>().unwrap().as_str(), canonical, "{text}");
            assert_eq!(canonical.parse::<Authority>().unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn an_address_is_spelt_as_it_would_be_read() {
        for address in ["127.0.0.1:8470", "[::1]:8470", "192.0.2.7:80", "[2001:db8::1]:443"] {
            let authority = Authority::from(address.parse::<SocketAddr>().unwrap());
            assert_eq!(address.parse(), Ok(authority), "{address}");
        }
    }

    #[test]
    fn what_could_name_another_host_is_refused() {
        for text in [
            "",
            ":",
            ":80",
            "good.example:80@evil",
            "user@good.example",
            "user:pw@good.example",
            "good.example.",
            "good.example.:80",
            ".good.example",
            "good..example",
            "good.example:",
            "good.example:0",
            "good.example:00080",
            "good.example:+80",
            "good.example:-1",
            "good.example:65536",
            "good.example:8o",
            "good.example:80:80",
            "good.example:80 ",
            " good.example",
            "good example",
            "good.example/",
            "good.example/evil",
            "good.example?x",
            "good.example#x",
            "good.example\\evil",
            "good.example,evil",
            "good%2eexample",
            "good.example\0",
            "good.example\r\n",
            "http://good.example",
            "café.example",
            "ＧＯＯＤ.example",
            "[::1",
            "::1",
            "[]",
            "[::1]x",
            "[::1]:",
            "[::1]:x",
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]",
            "[127.0.0.1]",
            "[::1]]",
            "[[::1]]",
            "[v1.x]",
            &"a".repeat(254),
        ] {
            assert!(text.parse::<Authority>().is_err(), "{text:?}");
        }
    }
}
