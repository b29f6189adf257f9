//! `GET /healthz` and `GET /readyz` on the administration listener.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::problem::Problem;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::app::SharedApp;
use crate::edge;
use crate::http::problem::Refused;

/// The process runs.
pub async fn healthz() -> Response {
    plain("ok\n")
}

/// Requests are being decided: the store answers and the accept clock runs.
pub async fn readyz(State(app): State<SharedApp>) -> Response {
    let store = app.accounts.stores.events.latest(1).await;
    match (store, app.replay.now(edge::now())) {
        (Ok(_), Ok(_)) => plain("ready\n"),
        (Err(error), _) => {
            tracing::error!(%error, "not ready: the store does not answer");
            Refused::from(Problem::UNAVAILABLE).into_response()
        }
        (_, Err(refusal)) => Refused::from(refusal.problem()).into_response(),
    }
}

fn plain(text: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")], text).into_response()
}
