//! For whom a request is: one that is for somebody else goes no further.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign_core::authority::Authority;
use countersign_core::problem::Problem;
use http::HeaderMap;
use http::header::HOST;

use super::problem::Refused;
use crate::app::SharedApp;

/// The authority of ours that a request named, in the spelling that is signed; among the extensions of every request.
#[derive(Clone, Debug)]
pub struct Addressed(pub Authority);

/// Lets through what names one of our authorities.
pub async fn addressed_to_us(State(app): State<SharedApp>, mut request: Request, next: Next) -> Response {
    let authorities = app.accounts.config.names.authorities();
    let Some(host) = host(request.headers()) else {
        return Refused::from(Problem::MALFORMED_REQUEST).into_response();
    };
    let Some(authority) = authorities.recognise(host).cloned() else {
        return Refused::from(Problem::MISDIRECTED).into_response();
    };
    request.extensions_mut().insert(Addressed(authority));
    next.run(request).await
}

/// The `Host` of a request that has exactly one.
fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() { None } else { Some(host) }
}
