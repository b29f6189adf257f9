use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};
use serde::Deserialize;

use super::{forwarded, node};

/// The one place from which the client's address is taken when the peer is a trusted proxy.
///
/// There is no falling back from one to another: a proxy maintains one of them, and the others come from the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientIpSource {
    /// The peer of the connection itself.
    #[default]
    Peer,
    /// The `X-Forwarded-For` fields.
    XForwardedFor,
    /// The `for` parameters of the `Forwarded` fields (RFC 7239).
    Forwarded,
    /// The `X-Real-IP` field.
    XRealIp,
    /// The PROXY protocol header, version 1 or 2, with which a trusted proxy opens every connection.
    ProxyProtocol,
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

impl ClientIpSource {
    /// The addresses that the fields name, the one added last first. All lines of a field are one list (RFC 9110 §5.3);
    /// `None` stands for an entry that is no address.
    pub(super) fn entries_from_the_right(self, headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self {
            Self::XForwardedFor => (Some(X_FORWARDED_FOR), node::address),
            Self::Forwarded => (Some(header::FORWARDED), forwarded::client),
            Self::XRealIp => (Some(X_REAL_IP), node::address),
            Self::Peer | Self::ProxyProtocol => (None, node::address),
        };
        let lines = name.map(|name| headers.get_all(name).iter().rev());
        lines.into_iter().flatten().flat_map(|line| line.as_bytes().rsplit(|octet| *octet == b',')).map(move |entry| {
            let text = std::str::from_utf8(entry).ok()?;
            read(text.trim_matches([' ', '\t']))
        })
    }
}
