//! WebSockets: the one upgrade that passes, on routes that opt in (protocol §4.7).

use axum::extract::Request;
use axum::response::Response;
use countersign_core::signature::Disposition;
use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::{Extensions, Method, StatusCode, Version};
use hyper::upgrade::OnUpgrade;

use super::{BodyLength, Signed};
use crate::http::policy;

/// Among the extensions of a request whose answer may be a 101. No other request has any upgrade about it.
#[derive(Clone, Copy, Debug)]
pub struct Upgradable;

/// Whether a request is a handshake that somebody has signed as one. What is none is a request like any other: a server
/// may pass over an offer of another protocol (RFC 9110 §7.8), and that is what becomes of it.
pub(super) fn offered(request: &Request, signed: &Signed<'_>) -> Option<Upgradable> {
    let is_handshake = signed.route.websocket
        && request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && signed.received.disposition("upgrade") == Disposition::Covered
        && is_websocket(request.headers())
        && names_upgrade(request.headers());
    is_handshake.then_some(Upgradable)
}

/// Leaves the upgrade that was offered with a request whose body was taken in and is empty, in our own words; takes it
/// out of any other.
pub(super) fn decide(request: &mut Request, offered: Option<Upgradable>) {
    let is_empty = matches!(request.extensions().get(), Some(BodyLength(0)));
    match offered {
        Some(upgradable) if is_empty => {
            announce(request.headers_mut());
            request.extensions_mut().insert(upgradable);
        }
        Some(_) | None => withhold(request.extensions_mut()),
    }
}

/// Takes out of a request what could make its connection another.
pub(super) fn withhold(extensions: &mut Extensions) {
    drop(extensions.remove::<OnUpgrade>());
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
