//! Which address, which door: the only list of routes.

use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use countersign_core::problem::Problem;

use super::arrival::arriving;
use super::layer::VerifyLayer;
use super::listened::Listened;
use super::ours::{AUTHORIZATION_SERVER, INTROSPECT, JWKS, LOGIN, OURS, REFRESH, REVOKE};
use super::problem::Refused;
use super::routes::{
    enrol, keys, login, oauth, password, refresh, revocations, revoke_user, sessions, well_known, whoami,
};
use crate::app::SharedApp;

/// Our own addresses. What else is below them is 404, so that no API behind takes it for its own.
pub fn own_router(app: SharedApp) -> Router {
    let guarded = Router::new()
        .route("/api/auth/whoami", any(whoami::whoami))
        .route("/api/auth/keys", any(keys::keys))
        .route("/api/auth/keys/{keyid}", any(keys::key))
        .route("/api/auth/recovery-codes", any(keys::recovery_codes))
        .route(LOGIN, any(login::login))
        .route(REFRESH, any(refresh::refresh))
        .route("/api/auth/revoke", any(sessions::log_out))
        .route("/api/auth/sessions", any(sessions::list))
        .route("/api/auth/sessions/revoke-others", any(sessions::revoke_others))
        .route("/api/auth/sessions/{ref}", any(sessions::revoke))
        .route("/api/auth/password", any(password::password))
        .route("/api/auth/revoke-user/{user_id}", any(revoke_user::revoke_user))
        .route("/api/auth/revocations", any(revocations::follow))
        .route(INTROSPECT, any(oauth::introspect))
        .route(REVOKE, any(oauth::revoke));
    let nowhere = OURS.iter().flat_map(|ours| [(*ours).to_owned(), format!("{ours}/"), format!("{ours}/{{*rest}}")]);
    let nowhere = nowhere.filter(|path| path != JWKS && path != AUTHORIZATION_SERVER);
    let guarded = nowhere.fold(guarded, |router, path| router.route(&path, any(nothing_here)));
    Router::new()
        .route("/api/auth/enrol", post(enrol::enrol).fallback(only_post))
        .route(JWKS, get(well_known::jwks).fallback(only_get))
        .route(AUTHORIZATION_SERVER, get(well_known::authorization_server).fallback(only_get))
        .route_layer(from_fn_with_state(app.clone(), arriving))
        .merge(guarded.route_layer(VerifyLayer::new(app.clone())).route_layer(Extension(Listened::Ours)))
        .with_state(app)
}

async fn nothing_here() -> Refused {
    Problem::NOT_FOUND.into()
}

pub(super) async fn only_get() -> Refused {
    Refused::method_not_allowed("GET, HEAD")
}

async fn only_post() -> Refused {
    Refused::method_not_allowed("POST")
}

#[cfg(feature = "standalone")]
mod standalone {
    use std::convert::Infallible;

    use axum::extract::Request;
    use axum::response::{IntoResponse as _, Response};
    use axum::routing::{any, get};
    use axum::{Extension, Router};
    use tower::{Layer as _, service_fn};

    use super::{nothing_here, only_get, own_router};
    use crate::app::SharedApp;
    use crate::http::envelope;
    use crate::http::layer::VerifyLayer;
    use crate::http::listened::Listened;
    use crate::http::problem::Refused;
    use crate::http::routes::{admin, echo, events, health};

    /// The main listener: our own addresses, and the API behind the guard.
    pub fn main_router(app: SharedApp) -> Router {
        let ours = own_router(app.clone()).merge(envelope::router(&app));
        let layer = VerifyLayer::new(app.clone());
        let beyond = service_fn(move |request| {
            let app = app.clone();
            async move { Ok::<_, Infallible>(beyond(&app, request).await) }
        });
        ours.fallback_service(layer.layer(beyond))
    }

    /// The administration listener. What tells of people wants the signature of an administrator here too: whoever can reach
    /// the address need not be one.
    pub fn admin_router(app: SharedApp) -> Router {
        let guarded = Router::new()
            .route("/api/admin/events", any(events::list))
            .route("/api/admin/events/stream", any(events::follow))
            .route("/api/admin/users", any(admin::users))
            .route("/api/admin/sessions", any(admin::sessions))
            .route("/api/admin/status", any(admin::status))
            .route("/api/admin", any(nothing_here))
            .route("/api/admin/{*rest}", any(nothing_here))
            .route_layer(VerifyLayer::new(app.clone()))
            .route_layer(Extension(Listened::Admin));
        Router::new()
            .merge(guarded)
            .route("/healthz", get(health::healthz).fallback(only_get))
            .route("/readyz", get(health::readyz).fallback(only_get))
            .fallback(any(nothing_here))
            .with_state(app)
    }

    /// What is not ours belongs to the API behind.
    pub(in crate::http) async fn beyond(app: &SharedApp, request: Request) -> Response {
        match &app.upstream {
            Some(upstream) => upstream.forward(app, request).await.unwrap_or_else(Refused::into_response),
            None => echo::echo(request).await,
        }
    }
}

#[cfg(feature = "standalone")]
pub(in crate::http) use standalone::beyond;
#[cfg(feature = "standalone")]
pub use standalone::{admin_router, main_router};
