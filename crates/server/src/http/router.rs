//! Which address, which door: the only list of routes.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use countersign_core::problem::Problem;

use super::authority::addressed_to_us;
use super::problem::Refused;
use super::routes::{echo, enrol, health, whoami};
use super::verify::guard;
use crate::app::SharedApp;

/// Addresses on the main listener that are ours and not the API's.
const OURS: &[&str] =
    &["/api/auth", "/auth", "/oauth", "/.well-known/jwks.json", "/.well-known/oauth-authorization-server"];

/// The main listener: our own addresses, and the API behind the guard.
pub fn main_router(app: SharedApp) -> Router {
    let guarded = Router::new()
        .route("/api/auth/whoami", any(whoami::whoami))
        .fallback(beyond)
        .layer(from_fn_with_state(app.clone(), guard));
    Router::new()
        .route("/api/auth/enrol", post(enrol::enrol).fallback(only_post))
        .merge(guarded)
        .layer(from_fn_with_state(app.clone(), addressed_to_us))
        .with_state(app)
}

/// The administration listener.
pub fn admin_router(app: SharedApp) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz).fallback(only_get))
        .route("/readyz", get(health::readyz).fallback(only_get))
        .fallback(any(nothing_here))
        .with_state(app)
}

/// What is not ours belongs to the API behind.
async fn beyond(State(app): State<SharedApp>, request: Request) -> Response {
    if is_ours(request.uri().path()) {
        return Refused::from(Problem::NOT_FOUND).into_response();
    }
    match &app.upstream {
        Some(upstream) => upstream.forward(request).await.unwrap_or_else(|refused| refused.into_response()),
        None => echo::echo(request).await,
    }
}

/// Whether an address is one of ours or below one.
pub(crate) fn is_ours(path: &str) -> bool {
    OURS.iter().any(|ours| path.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

async fn nothing_here() -> Refused {
    Problem::NOT_FOUND.into()
}

async fn only_get() -> Refused {
    Refused::method_not_allowed("GET, HEAD")
}

async fn only_post() -> Refused {
    Refused::method_not_allowed("POST")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_segments_are_ours() {
        for path in ["/api/auth", "/api/auth/", "/api/auth/nothing", "/auth/verify/nginx", "/oauth/introspect"] {
            assert!(is_ours(path), "{path}");
        }
        for path in
            ["/", "/api", "/api/authors", "/authors", "/healthz", "/.well-known/security.txt", "/API/AUTH/enrol"]
        {
            assert!(!is_ours(path), "{path}");
        }
    }
}
