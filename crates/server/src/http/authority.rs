//! For whom a request is, as the protocol writes it.

use countersign_core::authority::Authority;
use http::header::HOST;
use http::request::Parts;

/// The authority of a request: lower case, default port dropped. None when it has not exactly one.
pub fn authority(parts: &Parts) -> Option<Authority> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() { None } else { host.parse().ok() }
}
