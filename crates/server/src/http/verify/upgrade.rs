//! WebSockets: the one upgrade that passes, on routes that opt in (protocol §4.7).

use axum::response::Response;
use countersign_core::signature::Disposition;
use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use hyper::upgrade::OnUpgrade;

use super::Signed;
use crate::http::policy;

/// Among the extensions of a request whose answer may be a 101. No other request has any upgrade about it.
#[derive(Clone, Copy, Debug)]
pub struct Upgradable;

/// Whether a request is a handshake that somebody has signed as one. What is none is a request like any other: a server
/// may pass over an offer of another protocol (RFC 9110 §7.8), and that is what becomes of it.
pub(super) fn wanted(parts: &Parts, signed: &Signed<'_>) -> Option<Upgradable> {
    let is_handshake = signed.route.websocket
        && parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && signed.received.disposition("upgrade") == Disposition::Covered
        && is_websocket(&parts.headers)
        && names_upgrade(&parts.headers);
    is_handshake.then_some(Upgradable)
}

/// Leaves a granted upgrade with the request, in our own words; takes out of any other what could lead to one.
pub(super) fn decide(parts: &mut Parts, granted: Option<Upgradable>) {
    match granted {
        Some(upgradable) => {
            announce(&mut parts.headers);
            parts.extensions.insert(upgradable);
        }
        None => drop(parts.extensions.remove::<OnUpgrade>()),
    }
}

/// A 101 that was asked for, fit to be signed; nothing where the API has answered in another way that is not final.
pub(super) fn settle(asked: Option<Upgradable>, mut response: Response) -> Option<Response> {
    let agrees = response.status() == StatusCode::SWITCHING_PROTOCOLS && is_websocket(response.headers());
    if asked.is_none() || !agrees {
        tracing::warn!(status = response.status().as_u16(), "the API answered with an upgrade that was not asked for");
        return None;
    }
    policy::keep_for_client(response.status(), response.headers_mut());
    announce(response.headers_mut());
    Some(response)
}

fn announce(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// WebSocket and nothing beside it.
fn is_websocket(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(UPGRADE).iter();
    let first = lines.next().map(HeaderValue::as_bytes);
    first.is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) && lines.next().is_none()
}

fn names_upgrade(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CONNECTION).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|option| option.trim().eq_ignore_ascii_case("upgrade"))
}
