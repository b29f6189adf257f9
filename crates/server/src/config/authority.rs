use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;
use std::collections::BTreeSet;

/// A host and at most a port, in the one spelling that is signed and compared: lower case, an IPv6 address in its
/// canonical form (RFC 5952) and brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostPort {
    pub(super) host: Box<str>,
    pub(super) port: Option<u16>,
}

/// Text that is no host with at most a port; the sentence says what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAuthority(&'static str);

impl FromStr for HostPort {
    type Err = BadAuthority;

    fn from_str(text: &str) -> Result<Self, BadAuthority> {
        let (host, port) = match text.strip_prefix('[').map(|inner| inner.split_once(']')) {
            Some(Some((address, rest))) => (ipv6(address)?, rest),
            Some(None) => return Err(BadAuthority("an IPv6 address stands between [ and ]")),
            None => {
                let end = text.find(':').unwrap_or(text.len());
                let (host, rest) = text.split_at_checked(end).unwrap_or((text, ""));
                (name(host)?, rest)
            }
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => Some(port_number(digits)?),
            None if port.is_empty() => None,
            None => return Err(BadAuthority("only a colon and a port may follow the host")),
        };
        Ok(Self { host, port })
    }
}

fn ipv6(address: &str) -> Result<Box<str>, BadAuthority> {
    let parsed: Ipv6Addr = address.parse().map_err(|_| BadAuthority("this is no IPv6 address"))?;
    Ok(format!("[{parsed}]").into())
}

fn name(host: &str) -> Result<Box<str>, BadAuthority> {
    let labels = host.strip_suffix('.').unwrap_or(host);
    let of_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(of_name);
    if !host.is_ascii() {
        return Err(BadAuthority("an international name is written in its ASCII form, xn--…"));
    }
    if host.len() > 254 || !labels.split('.').all(is_label) {
        return Err(BadAuthority("a host is letters, digits, hyphens and dots, or an IP address"));
    }
    // A name whose last label is a number is an IPv4 address or nothing (URL standard, host parsing).
    let ends_in_number = labels.rsplit('.').next().is_some_and(|last| last.bytes().all(|octet| octet.is_ascii_digit()));
    if ends_in_number && host.parse::<Ipv4Addr>().is_err() {
        return Err(BadAuthority("this is no IPv4 address"));
    }
    Ok(host.to_ascii_lowercase().into())
}

fn port_number(digits: &str) -> Result<u16, BadAuthority> {
    let canonical = !digits.starts_with('0') && digits.bytes().all(|octet| octet.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| canonical);
    number.ok_or(BadAuthority("a port is a number from 1 to 65535"))
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// What stands in `Host` and in the signed `@authority`: lower case, with `:80` and `:443` dropped (protocol §1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Authority(Box<str>);

impl Authority {
    /// The authority of an address we listen on.
    pub fn of_address(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self::from(&HostPort { host: host.into(), port: Some(address.port()) })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&HostPort> for Authority {
    fn from(from: &HostPort) -> Self {
        let port = from.port.filter(|port| !matches!(port, 80 | 443));
        Self(HostPort { host: from.host.clone(), port }.to_string().into())
    }
}

impl FromStr for Authority {
    type Err = BadAuthority;

    fn from_str(text: &str) -> Result<Self, BadAuthority> {
        text.parse().map(|read: HostPort| Self::from(&read))
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names that requests to us may carry; a request to any other is misdirected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities(BTreeSet<Authority>);

impl Authorities {
    /// That of the public URL, the extra ones, and the names of this machine's loopback when we listen there.
    pub(super) fn new(public: Authority, extra: &[Authority], listen: SocketAddr) -> Self {
        let loopback = ["localhost", "127.0.0.1", "[::1]"].into_iter().filter(|_| is_loopback(listen));
        let own = loopback.map(|host| Authority::from(&HostPort { host: host.into(), port: Some(listen.port()) }));
        Self(own.chain(extra.iter().cloned()).chain([public]).collect())
    }

    /// Our authority of this `Host`, in the spelling that is signed; `None` when it is not ours or not even one.
    pub fn recognise(&self, host: &str) -> Option<&Authority> {
        let asked = host.parse().ok()?;
        self.0.get(&asked)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Authority> {
        self.0.iter()
    }
}

/// Whether this address can be reached from this machine only.
pub(super) fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_has_one_spelling() {
        for (text, canonical) in [
            ("API.Example", "api.example"),
            ("api.example:80", "api.example"),
            ("api.example:443", "api.example"),
            ("api.example:8443", "api.example:8443"),
            ("api.example.", "api.example."),
            ("127.0.0.1:8470", "127.0.0.1:8470"),
            ("[0:0::1]:8470", "[::1]:8470"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(text.parse::<Authority>().map(|read| read.to_string()).as_deref(), Ok(canonical));
        }
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        for text in [
            "",
            ".",
            "a..b",
            "-é",
            "good.example:80@evil",
            "user@host",
            "a b",
            "a/b",
            "a:",
            "a:0",
            "a:080",
            "a:+80",
            "a:65536",
            "a:80:80",
            "[::1",
            "::1",
            "[::1]x",
            "[::1%eth0]",
            "[127.0.0.1]",
            "127.1",
            "1.2.3.4.5",
            "256.1.1.1",
            "127.0.0.1.",
            "a,b",
            "a\n",
            "http://a",
        ] {
            assert!(text.parse::<Authority>().is_err(), "{text:?}");
        }
    }
}
