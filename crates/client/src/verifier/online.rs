//! Asking the guard about one token (RFC 7662), signed both ways.

use bytes::Bytes;
use countersign_core::token::AccessClaims;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;

use super::checker::{Accepted, Doubt, Evidence, Refused};
use super::{PATIENCE, Revocation, Shared};

const INTROSPECT: &str = "/oauth/introspect";

#[derive(Deserialize)]
struct Introspected {
    active: bool,
}

/// Asks about a token that is good unless it was taken back since the feed is silent. No answer in time, or one that is not
/// proven to be the guard's, leaves the doubt.
pub(super) async fn ask(shared: &Shared, token: &str, claims: AccessClaims) -> Result<Accepted, Refused> {
    match tokio::time::timeout(PATIENCE, is_active(shared, token)).await {
        Ok(Some(true)) => Ok(Accepted { claims, by: Evidence::Guard }),
        Ok(Some(false)) => Err(Refused::Revoked(Revocation::Unnamed)),
        Ok(None) | Err(_) => Err(Refused::Unavailable(Doubt::Silent)),
    }
}

async fn is_active(shared: &Shared, token: &str) -> Option<bool> {
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, form)]);
    // What a token is made of needs no escape in a form.
    let body = Bytes::from(format!("token={token}"));
    let answer = shared.client.call(&Method::POST, INTROSPECT, headers, body).await.ok()?.verified;
    if answer.status != StatusCode::OK {
        return None;
    }
    serde_json::from_slice(&answer.body).ok().map(|Introspected { active }| active)
}
