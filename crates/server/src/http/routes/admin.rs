//! `GET /api/admin/users`, `/api/admin/sessions` and `/api/admin/status` on the administration listener.

mod query;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::account::Role;
use countersign_core::problem::Problem;
use http::Method;
use http::header::CACHE_CONTROL;
use serde::Serialize;

use crate::app::SharedApp;
use crate::edge;
use crate::http::clock;
use crate::http::identity::Identity;
use crate::http::problem::Refused;
use crate::http::verify::undecided;
use crate::service::admin;

/// Lists users.
pub async fn users(State(app): State<SharedApp>, identity: Identity, request: Request) -> Result<Response, Refused> {
    let which = asked(&identity, &request, query::users)?;
    let page = admin::users(&app.accounts, &which).await.map_err(|error| undecided(&error))?;
    Ok(answer(page))
}

/// Lists sessions.
pub async fn sessions(State(app): State<SharedApp>, identity: Identity, request: Request) -> Result<Response, Refused> {
    let which = asked(&identity, &request, query::sessions)?;
    let asking = identity.session().map(|session| session.reference);
    let page = admin::sessions(&app.accounts, &which, asking, clock::now(&app)?).await;
    Ok(answer(page.map_err(|error| undecided(&error))?))
}

/// Says how the guard is.
pub async fn status(State(app): State<SharedApp>, identity: Identity, request: Request) -> Result<Response, Refused> {
    asked(&identity, &request, |query| query.is_none_or(str::is_empty).then_some(()))?;
    let status = admin::status(&app, edge::now()).await.map_err(|error| undecided(&error))?;
    Ok(answer(status))
}

/// What an administrator asks for.
fn asked<T>(identity: &Identity, request: &Request, read: impl Fn(Option<&str>) -> Option<T>) -> Result<T, Refused> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Refused::method_not_allowed("GET, HEAD"));
    }
    match identity.role() {
        Role::Admin => read(request.uri().query()).ok_or_else(|| Problem::MALFORMED_REQUEST.into()),
        Role::User | Role::Service => Err(Problem::FORBIDDEN.into()),
    }
}

fn answer(body: impl Serialize) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
