//! The PROXY protocol, versions 1 and 2: one header before the first octet of HTTP.

use std::net::IpAddr;

use proxy_header::{Error, ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What a trusted proxy said before HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Preamble {
    /// The client it speaks for; `None` for a connection of its own, such as a health check.
    pub(super) client: Option<IpAddr>,
    /// What came after the header.
    pub(super) rest: Vec<u8>,
}

/// The longest header that is read: addresses and the type-length-value fields that load balancers add.
const MAX_PREAMBLE: usize = 2 * 1024;

/// Reads the header. `None`: the peer closed the connection, or sent something else or too much, and nobody can say
/// whose requests would follow.
pub(super) async fn read_preamble(io: &mut (impl AsyncRead + Unpin)) -> Option<Preamble> {
    let mut received = Vec::with_capacity(256);
    while received.len() < MAX_PREAMBLE {
        if io.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
        match ProxyHeader::parse(&received, ParseConfig::default()) {
            Ok((header, length)) => {
                let client = header.proxied_address().map(|proxied| proxied.source.ip().to_canonical());
                let rest = received.get(length..)?.to_vec();
                return Some(Preamble { client, rest });
            }
            Err(Error::BufferTooShort) => {}
            Err(_) => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\x0a\x00\x00\x01\x30\x39\x00\x50";

    async fn read(mut octets: &[u8]) -> Option<Preamble> {
        read_preamble(&mut octets).await
    }

    #[tokio::test]
    async fn both_versions_name_the_client_and_leave_the_rest() {
        for header in [b"PROXY TCP4 192.0.2.1 10.0.0.1 12345 80\r\n", V2] {
            let preamble = read(&[header, b"GET / "].concat()).await.unwrap();
            assert_eq!(preamble, Preamble { client: Some("192.0.2.1".parse().unwrap()), rest: b"GET / ".to_vec() });
        }
        let mapped = read(b"PROXY TCP6 ::ffff:192.0.2.1 ::1 12345 80\r\n").await.unwrap();
        assert_eq!(mapped.client, Some("192.0.2.1".parse().unwrap()));
    }

    #[tokio::test]
    async fn a_proxy_on_its_own_behalf_names_nobody() {
        assert_eq!(read(b"PROXY UNKNOWN\r\nG").await, Some(Preamble { client: None, rest: b"G".to_vec() }));
        assert_eq!(
            read(b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00G").await,
            Some(Preamble { client: None, rest: b"G".to_vec() })
        );
    }

    #[tokio::test]
    async fn anything_else_is_nobody_s_connection() {
        let flood = [b"PROXY TCP4 ".as_slice(), &[b'1'; 3_000]].concat();
        let long = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff".as_slice(), &[0; 3_000]].concat();
        for octets in [
            &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"",
            b"PROXY TCP4 192.0.2.1 x 1 2\r\n",
            b"PROXY TCP",
            &V2[..20],
            &flood,
            &long,
        ] {
            assert_eq!(read(octets).await, None, "{:?}", octets.escape_ascii().to_string());
        }
    }
}
