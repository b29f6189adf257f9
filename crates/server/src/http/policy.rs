//! Which header fields pass the proxy door, in either direction (protocol §4, last paragraphs).

use countersign_core::signature::{Disposition, Received};
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// The identity that the API behind is told; a client's own copy never passes.
pub const REMOTE_USER: HeaderName = HeaderName::from_static("remote-user");
/// The key that signed.
pub const REMOTE_KEY: HeaderName = HeaderName::from_static("remote-key");

/// Fields that concern one connection only (RFC 9110 §7.6.1), and `Expect`, which is answered here.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields by which a client could claim an identity, an origin, another method or another target.
const NEVER_FROM_CLIENTS: &[&str] = &[
    "client-ip",
    "forwarded",
    "remote-addr",
    "signature",
    "signature-input",
    "true-client-ip",
    "via",
    "x-challenge-response",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
    "x-security-level",
];

/// The same, by how the name begins.
const NEVER_FROM_CLIENTS_PREFIXES: &[&str] =
    &["countersign-", "remote-", "x-auth-request-", "x-authentik-", "x-forwarded-", "x-remote-"];

/// Fields of the API's answer that only we may speak.
const NEVER_FROM_THE_API: &[&str] =
    &["content-digest", "signature", "signature-input", "x-auth-required", "x-security-level"];

/// Removes from a request what the API behind must not get: what the signature does not cover, what concerns one
/// connection, and what only we may say. `unsigned` names fields that the route lets through uncovered.
/// Gives the number of end-to-end fields that were dropped for not being covered.
pub fn keep_for_api(headers: &mut HeaderMap, received: Option<&Received>, unsigned: &[HeaderName]) -> usize {
    let mut uncovered = 0;
    retain(headers, |name| {
        if !may_come_from_clients(name.as_str()) {
            return false;
        }
        let covered = received.is_none_or(|received| match received.disposition(name.as_str()) {
            Disposition::Covered | Disposition::Inert => true,
            Disposition::Uncovered => unsigned.contains(name) || is_framing(name.as_str()),
        });
        uncovered += usize::from(!covered);
        covered
    });
    uncovered
}

/// Removes from an answer what concerns one connection and what only we may say.
pub fn keep_for_client(headers: &mut HeaderMap) {
    retain(headers, |name| {
        let name = name.as_str();
        !HOP_BY_HOP.contains(&name) && !NEVER_FROM_THE_API.contains(&name) && !name.starts_with("countersign-")
    });
    drop_challenges(headers);
}

/// A challenge of ours in the API's `WWW-Authenticate` would make a client answer it.
fn drop_challenges(headers: &mut HeaderMap) {
    let ours = |value: &HeaderValue| {
        let scheme = value.as_bytes().split(|octet| *octet == b' ').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"HMAC-Challenge") || scheme.eq_ignore_ascii_case(b"Countersign")
    };
    if headers.get_all(http::header::WWW_AUTHENTICATE).iter().any(ours) {
        let others: Vec<_> = headers.get_all(http::header::WWW_AUTHENTICATE).iter().filter(|v| !ours(v)).cloned().collect();
        headers.remove(http::header::WWW_AUTHENTICATE);
        for value in others {
            headers.append(http::header::WWW_AUTHENTICATE, value);
        }
    }
}

/// `host` and `content-length` are covered as `@authority` and by the digest.
fn is_framing(name: &str) -> bool {
    matches!(name, "host" | "content-length")
}

/// A name with an underscore may reach an API as the twin of one with a hyphen, so none passes.
fn may_come_from_clients(name: &str) -> bool {
    !name.contains('_')
        && !HOP_BY_HOP.contains(&name)
        && !NEVER_FROM_CLIENTS.contains(&name)
        && !NEVER_FROM_CLIENTS_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn retain(headers: &mut HeaderMap, mut keep: impl FnMut(&HeaderName) -> bool) {
    let dropped: Vec<HeaderName> = headers.keys().filter(|name| !keep(name)).cloned().collect();
    for name in dropped {
        headers.remove(name);
    }
}
