//! Where a request goes, octet for octet as it was written.
//!
//! The signature covers the path and query as they stand in the request line. A URL library rewrites what it is given
//! (`/a/../b` becomes `/b`, a space `%20`), and then the octets that were signed would not be those that were sent. So
//! every URL is written out again after parsing and compared; one that came out different is refused before it is
//! signed.

use std::net::IpAddr;

use countersign_core::authority::{Authority, BadAuthority};
use reqwest::Url;

use crate::CertificateAuthorities;

/// The server to connect to: scheme, host and port, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    origin: String,
    authority: Authority,
    trusted: Option<CertificateAuthorities>,
}

impl Server {
    /// Reads the address of a server, such as `https://api.example.com` or `http://127.0.0.1:8470`.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let (url, path, query) = written(text)?;
        if path != "/" || query.is_some() {
            return Err(BadUrl::NotAServer);
        }
        let authority = authority_of(&url)?;
        Ok(Self { origin: url.origin().ascii_serialization(), authority, trusted: None })
    }

    /// The same server, which has to show a certificate that one of these authorities vouches for.
    #[must_use]
    pub fn trusting(self, authorities: Option<CertificateAuthorities>) -> Self {
        Self { trusted: authorities, ..self }
    }

    /// Who has to vouch for its certificate; without anybody, those that the system trusts.
    pub const fn trusted(&self) -> Option<&CertificateAuthorities> {
        self.trusted.as_ref()
    }

    /// Host and port: the name that this server has when it is called by its address.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Scheme, host and port, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether what is sent to it can be read on the way.
    pub fn is_plain(&self) -> bool {
        self.origin.starts_with("http:")
    }

    /// Whether it may be sent what nobody else must read: by TLS, or on this very machine.
    pub fn keeps_secrets(&self) -> bool {
        let is_loopback = |url: Url| match url.host_str() {
            Some("localhost") => true,
            Some(host) => host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback()),
            None => false,
        };
        !self.is_plain() || Url::parse(&self.origin).is_ok_and(is_loopback)
    }
}

/// The target of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
    path: String,
    query: Option<String>,
    authority: Authority,
}

impl Target {
    /// Reads a target: an absolute URL, or a path (with a query) at `server`.
    ///
    /// An absolute URL must be at `server`, or at `authority`, the name by which requests to it are signed: a request
    /// signed for one server is worth nothing to another, but shows it who calls and what.
    pub fn parse(text: &str, server: &Server, authority: &Authority) -> Result<Self, BadUrl> {
        let absolute = if text.starts_with('/') { format!("{}{text}", server.origin) } else { text.to_owned() };
        let target = Self::of(&absolute)?;
        if target.authority != server.authority && target.authority != *authority {
            return Err(BadUrl::OtherServer { named: target.authority, ours: server.authority.clone() });
        }
        Ok(target)
    }

    /// Reads an absolute URL.
    fn of(text: &str) -> Result<Self, BadUrl> {
        let (url, path, query) = written(text)?;
        let authority = authority_of(&url)?;
        Ok(Self { url, path, query, authority })
    }

    /// The target of a URL that somebody else has parsed; what it says is what will be sent.
    pub fn of_url(url: &Url) -> Result<Self, BadUrl> {
        Self::of(url.as_str())
    }

    /// The URL to connect to.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The path, as it will stand in the request line.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What follows the first `?`, as it will stand in the request line; `None` when there is no `?`.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Host and port.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }
}

/// An address that cannot be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL of HTTP, or none at all.
    #[error("not a URL: write http:// or https://, the host, and a path that starts with /")]
    NotHttp,
    /// The host is none that a request can be signed for.
    #[error(transparent)]
    Host(#[from] BadAuthority),
    /// A server has no path.
    #[error("the address of a server ends after its host and port; leave the path away")]
    NotAServer,
    /// `user:password@` would be sent as an unsigned header.
    #[error("a URL with a user name or password before the host cannot be signed; leave them away")]
    UserInfo,
    /// What follows `#` is never sent.
    #[error("a URL with # cannot be signed, since what follows it is never sent; write %23 if it belongs to the name")]
    Fragment,
    /// What would be sent differs from what was written.
    #[error("this URL would not be sent as it is written; write {as_sent}")]
    Rewritten {
        /// How it would be sent.
        as_sent: String,
    },
    /// The key is for another server.
    #[error("this key is for {ours}, and the URL names {named}; use the profile of that server, or only the path")]
    OtherServer {
        /// The authority in the URL.
        named: Authority,
        /// The authority that the key belongs to.
        ours: Authority,
    },
}

/// Parses an absolute URL; gives it with path and query exactly as written, and only if that is how they are sent.
fn written(text: &str) -> Result<(Url, String, Option<String>), BadUrl> {
    let (scheme, rest) = text.split_once("://").ok_or(BadUrl::NotHttp)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(BadUrl::NotHttp);
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, after) = rest.split_at_checked(end).ok_or(BadUrl::NotHttp)?;
    if host.contains('@') {
        return Err(BadUrl::UserInfo);
    }
    if after.contains('#') {
        return Err(BadUrl::Fragment);
    }
    let (path, query) = match after.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (after, None),
    };
    // RFC 9421 §2.2.6: an empty path is the path `/`, and so it is sent.
    let path = if path.is_empty() { "/" } else { path };
    let url = Url::parse(text).map_err(|_| BadUrl::NotHttp)?;
    if sent_as_written(&url, path, query) {
        Ok((url, path.to_owned(), query.map(str::to_owned)))
    } else {
        Err(BadUrl::Rewritten { as_sent: url.to_string() })
    }
}

/// Whether the request line will hold exactly this path and query. It is written by `http::Uri`, so that is what is asked.
fn sent_as_written(url: &Url, path: &str, query: Option<&str>) -> bool {
    url.as_str().parse::<http::Uri>().is_ok_and(|uri| uri.path() == path && uri.query() == query)
}

fn authority_of(url: &Url) -> Result<Authority, BadUrl> {
    let host = url.host_str().ok_or(BadUrl::NotHttp)?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok([host, &port].concat().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_by_tls_or_stay_on_this_machine() {
        for (text, keeps) in [
            ("https://api.example.com", true),
            ("http://127.0.0.1:8470", true),
            ("http://127.8.8.8", true),
            ("http://[::1]:8470", true),
            ("http://localhost", true),
            ("http://10.0.0.7:8470", false),
            ("http://api.example.com", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
        ] {
            assert_eq!(Server::parse(text).unwrap().keeps_secrets(), keeps, "{text}");
        }
    }

    fn server() -> Server {
        Server::parse("http://127.0.0.1:8470").unwrap()
    }

    fn target(text: &str) -> Result<Target, BadUrl> {
        Target::parse(text, &server(), &"api.example.com".parse().unwrap())
    }

    #[test]
    fn a_target_keeps_every_octet_of_path_and_query() {
        for (text, path, query) in [
            ("/v1/transfers?dry=0", "/v1/transfers", Some("dry=0")),
            ("/a?", "/a", Some("")),
            ("/a?b?c", "/a", Some("b?c")),
            ("/a//b;x=1/%2F", "/a//b;x=1/%2F", None),
            ("/gr%C3%BC%C3%9Fe", "/gr%C3%BC%C3%9Fe", None),
            ("http://127.0.0.1:8470", "/", None),
            ("HTTP://API.Example.com/x", "/x", None),
        ] {
            let target = target(text).unwrap();
            assert_eq!((target.path(), target.query()), (path, query), "{text}");
        }
    }

    #[test]
    fn what_would_be_sent_differently_is_refused_with_the_spelling_that_is_sent() {
        for (text, as_sent) in [
            ("/a/../b", "http://127.0.0.1:8470/b"),
            ("/a/%2e%2e/b", "http://127.0.0.1:8470/b"),
            ("/./a", "http://127.0.0.1:8470/a"),
            ("/a b", "http://127.0.0.1:8470/a%20b"),
            ("/grüße", "http://127.0.0.1:8470/gr%C3%BC%C3%9Fe"),
            ("/a\\b", "http://127.0.0.1:8470/a/b"),
            ("/a\tb", "http://127.0.0.1:8470/ab"),
            ("/a?b='c'", "http://127.0.0.1:8470/a?b=%27c%27"),
            ("/a ", "http://127.0.0.1:8470/a"),
        ] {
            assert_eq!(target(text), Err(BadUrl::Rewritten { as_sent: as_sent.to_owned() }), "{text:?}");
        }
    }

    #[test]
    fn a_url_of_another_server_is_refused() {
        for text in
            ["http://127.0.0.1:8471/x", "http://evil.example/x", "http://127.0.0.1/x", "https://api.example.com.evil/"]
        {
            assert!(matches!(target(text), Err(BadUrl::OtherServer { .. })), "{text}");
        }
        assert!(target("https://api.example.com/x").is_ok(), "the name that the key belongs to");
        assert!(target("http://127.0.0.1:8470/x").is_ok(), "the address that it is reached at");
    }

    #[test]
    fn user_names_fragments_and_other_schemes_are_refused() {
        assert_eq!(target("http://api.example.com@evil.example/"), Err(BadUrl::UserInfo));
        assert_eq!(target("http://u:p@127.0.0.1:8470/"), Err(BadUrl::UserInfo));
        assert_eq!(target("/a#b"), Err(BadUrl::Fragment));
        for text in ["", "x", "ftp://127.0.0.1:8470/", "http:/127.0.0.1:8470/", "http://", "127.0.0.1:8470/x"] {
            assert_eq!(target(text), Err(BadUrl::NotHttp), "{text}");
        }
    }

    #[test]
    fn a_server_has_one_name_and_keeps_its_port() {
        for (text, authority) in [
            ("http://API.example.com:80", "api.example.com"),
            ("https://api.example.com:443/", "api.example.com"),
            ("http://[::1]:8470", "[::1]:8470"),
        ] {
            assert_eq!(Server::parse(text).unwrap().authority().as_str(), authority, "{text}");
        }
        assert_eq!(Server::parse("https://api.example.com:80").unwrap().origin(), "https://api.example.com:80");
        assert!(matches!(Server::parse("http://api.example.com."), Err(BadUrl::Host(_))));
        assert_eq!(Server::parse("http://127.0.0.1:8470/api"), Err(BadUrl::NotAServer));
        assert_eq!(Server::parse("http://127.0.0.1:8470/").unwrap(), server());
    }
}
