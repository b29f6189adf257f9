//! `GET /openapi.json` on the administration listener.

use axum::response::{IntoResponse as _, Response};
use countersign_core::problem::Problem;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::http::openapi::described;
use crate::http::problem::Refused;

/// This description.
pub async fn openapi() -> Result<Response, Refused> {
    let document = described().ok_or(Problem::UNAVAILABLE)?;
    Ok(([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], document).into_response())
}
