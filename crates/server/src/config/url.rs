use core::fmt;
use core::net::Ipv4Addr;
use core::str::FromStr;

use countersign_core::authority::{Authority, BadAuthority};
use http::uri;

use super::authority::HostPort;
use super::names::Listening;

/// The URL by which clients reach us: a scheme and an authority, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    secure: bool,
    at: HostPort,
}

impl PublicUrl {
    /// `http://` or `https://`, and the address we listen on.
    pub(super) fn of(Listening { address, tls }: Listening) -> Self {
        let mut at = HostPort::of_address(address);
        at.port = port_beside(tls, at.port);
        Self { secure: tls, at }
    }

    /// The authority that stands on cards and in the enrolment's prologue.
    pub fn authority(&self) -> &Authority {
        &self.at.authority
    }

    /// The host: a name, or an address, one of IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.at.host
    }

    /// Whether it is `https`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it names this machine itself.
    pub fn is_local(&self) -> bool {
        let is_loopback = |ip: Ipv4Addr| ip.is_loopback();
        matches!(&*self.at.host, "localhost" | "[::1]") || self.at.host.parse().is_ok_and(is_loopback)
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let secure = text.strip_prefix("https://").map(|rest| (true, rest));
        let (secure, rest) = secure
            .or_else(|| text.strip_prefix("http://").map(|rest| (false, rest)))
            .ok_or("it begins with http:// or https://")?;
        let mut at = host_and_port(rest)?;
        at.port = port_beside(secure, at.port);
        Ok(Self { secure, at })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.at)
    }
}

/// The API behind us: plain HTTP on a host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    at: HostPort,
    authority: uri::Authority,
}

impl Upstream {
    /// Host and port as they stand in the URI of a request to it.
    pub fn authority(&self) -> &uri::Authority {
        &self.authority
    }

    /// The host, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.at.host
    }

    /// The port, 80 if none is written.
    pub fn port(&self) -> u16 {
        self.at.port.unwrap_or(80)
    }
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") {
            return Err(
                "the guard speaks plain HTTP to the API behind it; let both stand on one machine or a private \
                        network, or put a TLS client such as stunnel between them"
                    .to_owned(),
            );
        }
        let at = host_and_port(text.strip_prefix("http://").ok_or("it begins with http://")?)?;
        let authority = at.to_string().parse().map_err(|_| "this is no host")?;
        Ok(Self { at, authority })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.at)
    }
}

/// The port that has to be said beside the scheme, whose own need not be.
fn port_beside(secure: bool, port: Option<u16>) -> Option<u16> {
    port.filter(|port| *port != if secure { 443 } else { 80 })
}

/// What follows `//`: a host, perhaps a port, perhaps the one slash that means no path.
fn host_and_port(rest: &str) -> Result<HostPort, String> {
    let bare = rest.strip_suffix('/').unwrap_or(rest);
    match bare.find(['/', '?', '#', '@', '\\']).and_then(|at| bare.as_bytes().get(at)) {
        Some(b'@') => Err("a user name or password does not belong in it".to_owned()),
        Some(b'?') => Err("a query does not belong in it".to_owned()),
        Some(b'#') => Err("a fragment does not belong in it".to_owned()),
        Some(_) => Err("a path does not belong in it: requests keep the path that was signed".to_owned()),
        None => bare.parse().map_err(|bad: BadAuthority| bad.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_scheme_and_an_authority() {
        for (text, url, authority) in [
            ("http://127.0.0.1:8470", "http://127.0.0.1:8470", "127.0.0.1:8470"),
            ("https://API.example/", "https://api.example", "api.example"),
            ("https://api.example:443", "https://api.example", "api.example"),
            ("http://api.example:443", "http://api.example:443", "api.example"),
            ("http://[::1]:80", "http://[::1]", "[::1]"),
        ] {
            let read: PublicUrl = text.parse().unwrap();
            assert_eq!((read.to_string().as_str(), read.authority().as_str()), (url, authority), "{text}");
        }
        for text in [
            "api.example",
            "ftp://a",
            "HTTP://a",
            "http://",
            "http:///",
            "http://a//",
            "http://a/b",
            "http://a?b",
            "http://a#b",
            "http://u:p@a",
            "http://a\\b",
            "http:// a",
            "http://a:0",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_upstream_is_plain_http_without_a_path() {
        let upstream: Upstream = "http://[::1]:3000/".parse().unwrap();
        assert_eq!((upstream.host(), upstream.port()), ("[::1]", 3000));
        assert_eq!(upstream.authority(), "[::1]:3000");
        assert_eq!("http://api".parse::<Upstream>().map(|api| api.port()), Ok(80));
        assert!("https://api".parse::<Upstream>().is_err_and(|reason| reason.contains("plain HTTP")));
        assert!("http://api/v1".parse::<Upstream>().is_err_and(|reason| reason.contains("path")));
        assert!("http://u:p@api".parse::<Upstream>().is_err_and(|reason| !reason.contains("u:p")));
    }
}
