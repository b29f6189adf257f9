use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;
use std::collections::BTreeSet;

use countersign_core::authority::{Authority, BadAuthority};

/// A host and at most a port as they stand in a URL, where the port matters even if it is 80 or 443.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostPort {
    /// In lower case; an IPv6 address in its canonical form and brackets.
    pub(super) host: Box<str>,
    pub(super) port: Option<u16>,
    pub(super) authority: Authority,
}

impl HostPort {
    pub(super) fn of_address(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self { host: host.into(), port: Some(address.port()), authority: Authority::from(address) }
    }
}

impl FromStr for HostPort {
    type Err = BadAuthority;

    fn from_str(text: &str) -> Result<Self, BadAuthority> {
        let authority: Authority = text.parse()?;
        let (host, _) = split(authority.as_str());
        let (_, port) = split(text);
        Ok(Self { host: host.into(), port: port.and_then(|digits| digits.parse().ok()), authority })
    }
}

/// Host and port of what has been read as an authority.
fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// The names that requests to us may carry; a request to any other is misdirected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities(BTreeSet<Authority>);

impl Authorities {
    /// That of the public URL, the extra ones, and the names of this machine's loopback when we listen there.
    pub(super) fn new(public: Authority, extra: &[Authority], listen: SocketAddr) -> Self {
        let loopback = ["localhost", "127.0.0.1", "[::1]"].into_iter().filter(|_| is_loopback(listen));
        let own = loopback.filter_map(|host| format!("{host}:{}", listen.port()).parse().ok());
        Self(own.chain(extra.iter().cloned()).chain([public]).collect())
    }

    /// Those of the administration listener: its address, and the names of this machine's loopback when it listens there.
    pub(super) fn of_operators(admin_listen: SocketAddr) -> Self {
        let loopback = ["localhost", "127.0.0.1", "[::1]"].into_iter().filter(|_| is_loopback(admin_listen));
        let own = loopback.filter_map(|host| format!("{host}:{}", admin_listen.port()).parse().ok());
        Self(own.chain(admin_listen.to_string().parse()).collect())
    }

    /// Our authority of this `Host`, in the spelling that is signed; `None` when it is not ours or not even one.
    ///
    /// Nearly all requests spell it as it is signed; only the others are read.
    pub fn recognise(&self, host: &str) -> Option<&Authority> {
        self.0.get(host).or_else(|| self.0.get(&host.parse::<Authority>().ok()?))
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
    fn host_and_port_of_a_url_are_kept_apart() {
        for (text, host, port) in [
            ("API.Example", "api.example", None),
            ("api.example:80", "api.example", Some(80)),
            ("api.example:8443", "api.example", Some(8443)),
            ("[0:0::1]", "[::1]", None),
            ("[0:0::1]:443", "[::1]", Some(443)),
        ] {
            let read: HostPort = text.parse().unwrap();
            assert_eq!((&*read.host, read.port), (host, port), "{text}");
        }
        let address = "[::1]:80".parse().unwrap();
        assert_eq!(HostPort::of_address(address), "[::1]:80".parse().unwrap());
    }
}
