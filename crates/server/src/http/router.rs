//! Which address, which door: the only list of routes.

use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, get, post};
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

/// An address, and who answers there.
type Door = (&'static str, MethodRouter<SharedApp>);

/// Behind the guard.
fn guarded() -> [Door; 15] {
    [
        ("/api/auth/whoami", any(whoami::whoami)),
        ("/api/auth/keys", any(keys::keys)),
        ("/api/auth/keys/{keyid}", any(keys::key)),
        ("/api/auth/recovery-codes", any(keys::recovery_codes)),
        (LOGIN, any(login::login)),
        (REFRESH, any(refresh::refresh)),
        ("/api/auth/revoke", any(sessions::log_out)),
        ("/api/auth/sessions", any(sessions::list)),
        ("/api/auth/sessions/revoke-others", any(sessions::revoke_others)),
        ("/api/auth/sessions/{ref}", any(sessions::revoke)),
        ("/api/auth/password", any(password::password)),
        ("/api/auth/revoke-user/{user_id}", any(revoke_user::revoke_user)),
        ("/api/auth/revocations", any(revocations::follow)),
        (INTROSPECT, any(oauth::introspect)),
        (REVOKE, any(oauth::revoke)),
    ]
}

/// For anybody.
fn open() -> [Door; 3] {
    [
        ("/api/auth/enrol", post(enrol::enrol).fallback(only_post)),
        (JWKS, get(well_known::jwks).fallback(only_get)),
        (AUTHORIZATION_SERVER, get(well_known::authorization_server).fallback(only_get)),
    ]
}

fn router_of(doors: impl IntoIterator<Item = Door>) -> Router<SharedApp> {
    doors.into_iter().fold(Router::new(), |router, (path, answers)| router.route(path, answers))
}

/// Our own addresses. What else is below them is 404, so that no API behind takes it for its own.
pub fn own_router(app: SharedApp) -> Router {
    let nowhere = OURS.iter().flat_map(|ours| [(*ours).to_owned(), format!("{ours}/"), format!("{ours}/{{*rest}}")]);
    let nowhere = nowhere.filter(|path| path != JWKS && path != AUTHORIZATION_SERVER);
    let guarded = nowhere.fold(router_of(guarded()), |router, path| router.route(&path, any(nothing_here)));
    router_of(open())
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

    use super::{Door, nothing_here, only_get, own_router, router_of};
    #[cfg(test)]
    use super::{guarded, open};
    use crate::app::SharedApp;
    use crate::http::envelope;
    use crate::http::layer::VerifyLayer;
    use crate::http::listened::Listened;
    use crate::http::problem::Refused;
    use crate::http::routes::{admin, echo, events, health, openapi};

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

    /// For administrators.
    fn administrative() -> [Door; 5] {
        [
            ("/api/admin/events", any(events::list)),
            ("/api/admin/events/stream", any(events::follow)),
            ("/api/admin/users", any(admin::users)),
            ("/api/admin/sessions", any(admin::sessions)),
            ("/api/admin/status", any(admin::status)),
        ]
    }

    /// For whoever can reach the administration listener. Nothing here tells of anybody.
    fn operational() -> [Door; 3] {
        [
            ("/healthz", get(health::healthz).fallback(only_get)),
            ("/readyz", get(health::readyz).fallback(only_get)),
            ("/openapi.json", get(openapi::openapi).fallback(only_get)),
        ]
    }

    /// The administration listener. What tells of people wants the signature of an administrator here too: whoever can reach
    /// the address need not be one.
    pub fn admin_router(app: SharedApp) -> Router {
        let guarded = router_of(administrative())
            .route("/api/admin", any(nothing_here))
            .route("/api/admin/{*rest}", any(nothing_here))
            .route_layer(VerifyLayer::new(app.clone()))
            .route_layer(Extension(Listened::Admin));
        router_of(operational()).merge(guarded).fallback(any(nothing_here)).with_state(app)
    }

    /// Every address at which the guard itself answers, on either listener.
    #[cfg(test)]
    pub(in crate::http) fn addresses() -> Vec<&'static str> {
        let doors = guarded().into_iter().chain(open()).chain(administrative()).chain(operational());
        doors.map(|(path, _)| path).chain([envelope::ADDRESS]).collect()
    }

    /// What is not ours belongs to the API behind.
    pub(in crate::http) async fn beyond(app: &SharedApp, request: Request) -> Response {
        match &app.upstream {
            Some(upstream) => upstream.forward(app, request).await.unwrap_or_else(Refused::into_response),
            None => echo::echo(request).await,
        }
    }
}

#[cfg(all(test, feature = "standalone"))]
pub(in crate::http) use standalone::addresses;
#[cfg(feature = "standalone")]
pub(in crate::http) use standalone::beyond;
#[cfg(feature = "standalone")]
pub use standalone::{admin_router, main_router};
