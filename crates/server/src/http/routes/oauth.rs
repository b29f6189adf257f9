//! `POST /oauth/introspect` (RFC 7662) and `POST /oauth/revoke` (RFC 7009): for programs elsewhere that are shown tokens.

mod asker;
pub(in crate::http) mod refused;

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue, PRAGMA};
use http::{Method, StatusCode};
use serde_json::json;

use self::asker::{Asker, form};
use self::refused::OAuthRefused;
use crate::app::SharedApp;
use crate::http::clock::now;
use crate::http::identity::Identity;
use crate::http::peer::Peer;
use crate::http::problem::{Refused, Unfiltered};
use crate::http::verify::undecided;
use crate::service::control::Asked;
use crate::service::introspect::{Hint, introspect as ask_about};
use crate::service::revoke_token::revoke_token;

/// RFC 6749 §5.1.
const NOT_KEPT: [(HeaderName, HeaderValue); 2] =
    [(CACHE_CONTROL, HeaderValue::from_static("no-store")), (PRAGMA, HeaderValue::from_static("no-cache"))];

/// Says whether a token is good, and whose it is.
pub async fn introspect(
    State(app): State<SharedApp>,
    identity: Option<Identity>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, OAuthRefused> {
    only_post(&request)?;
    let (form, headers) = form(request).await?;
    Asker::of(&app, identity.as_ref(), peer, (&headers, &form))?;
    let token = form.value("token").ok_or(OAuthRefused::NO_TOKEN)?;
    let hint = if form.value("token_type_hint") == Some("refresh_token") { Hint::Refresh } else { Hint::Other };
    let found = ask_about(&app.accounts, token, hint, now(&app)?).await.map_err(|error| undecided(&error))?;
    Ok(match found {
        Some(token) => own(Json(token)),
        None => own(Json(json!({ "active": false }))),
    })
}

/// Ends the session of a token. Whether there was one is not said.
pub async fn revoke(
    State(app): State<SharedApp>,
    identity: Option<Identity>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, OAuthRefused> {
    only_post(&request)?;
    let (form, headers) = form(request).await?;
    let asker = Asker::of(&app, identity.as_ref(), peer, (&headers, &form))?;
    let token = form.value("token").ok_or(OAuthRefused::NO_TOKEN)?;
    let session = identity.as_ref().and_then(|identity| identity.principal().session.as_ref());
    let session = session.map(|session| session.reference);
    let asked = Asked { actor: format!("{asker}, {}", peer.client), session, at: now(&app)? };
    revoke_token(&app, token, asked).await.map_err(|error| undecided(&error))?;
    Ok(own(StatusCode::OK))
}

fn only_post(request: &Request) -> Result<(), Refused> {
    if *request.method() == Method::POST { Ok(()) } else { Err(Refused::method_not_allowed("POST")) }
}

fn own(answer: impl axum::response::IntoResponse) -> Response {
    let mut response = (NOT_KEPT, answer).into_response();
    response.extensions_mut().insert(Unfiltered);
    response
}
