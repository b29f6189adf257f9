//! The API that is guarded when there is none behind: it says what it was asked.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::problem::Problem;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use crate::http::identity::Identity;
use crate::http::problem::Refused;

/// Bodies are held to this size by the route already; the echo of a larger one could not be signed.
const LONGEST: usize = 4 * 1_024 * 1_024;

#[derive(Serialize)]
struct Echo<'a> {
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    headers: BTreeMap<&'a str, String>,
    body_b64: String,
    user: Option<&'a str>,
}

/// Answers with the request as it would have reached an API.
pub async fn echo(request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST).await else { return Refused::from(Problem::TOO_LARGE).into_response() };
    let echo = Echo {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: parts.headers.keys().map(|name| (name.as_str(), joined(&parts.headers, name))).collect(),
        body_b64: STANDARD.encode(&body),
        user: Identity::of(&parts.extensions).map(|identity| identity.username().as_str()),
    };
    match serde_json::to_vec(&echo) {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        Err(_) => Refused::from(Problem::UNAVAILABLE).into_response(),
    }
}

fn joined(headers: &http::HeaderMap, name: &http::HeaderName) -> String {
    let lines = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    lines.collect::<Vec<_>>().join(", ")
}
