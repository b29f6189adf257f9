//! The process, and this description.
#![expect(dead_code, reason = "the functions stand for the handlers, which carry nothing of this")]

use countersign_core::problem::Problem;
use utoipa::OpenApi;

use super::problem::{ANY, refusals};

#[derive(OpenApi)]
#[openapi(paths(healthz, readyz, openapi))]
pub(super) struct Group;

refusals! {
    HealthzRefused = ANY;
    ReadyzRefused = ANY, &[Problem::WARMING_UP];
    OpenapiRefused = ANY;
}

/// The process runs.
#[utoipa::path(
    get,
    path = "/healthz",
    responses((status = 200, description = "`ok`", body = String), HealthzRefused),
)]
fn healthz() {}

/// Requests are being decided: the store answers and the accept clock runs.
#[utoipa::path(
    get,
    path = "/readyz",
    responses((status = 200, description = "`ready`", body = String), ReadyzRefused),
)]
fn readyz() {}

/// This description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    description = "It holds no secret and nothing of this guard's configuration, and is the same for everybody.",
    responses(
        (status = 200, description = "The document.", content_type = "application/json", body = Object),
        OpenapiRefused,
    )
)]
fn openapi() {}
