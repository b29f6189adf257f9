//! `GET /.well-known/jwks.json` and `GET /.well-known/oauth-authorization-server`: what others need to verify tokens.
//!
//! Anybody may read them. They are not signed: whoever verifies a token has no key of ours to check a signature with, and
//! relies on TLS for them.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::problem::Problem;
use countersign_core::token::TokenKeyRing;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;

use crate::app::SharedApp;
use crate::http::ours::{INTROSPECT, JWKS, REVOKE};
use crate::http::problem::Refused;

/// How verifiers say who they are (RFC 6749 §2.3.1). A signature by the key of a program does as well, and has no name there.
const AUTH_METHODS: &[&str] = &["client_secret_basic", "client_secret_post"];

/// The public keys of access tokens (RFC 7517 §5).
pub async fn jwks(State(app): State<SharedApp>) -> Response {
    public("application/jwk-set+json", app.accounts.secrets.token_keys.held().jwks().to_owned())
}

/// What this guard does as an authorization server (RFC 8414 §2). It grants tokens at addresses of its own and by no flow of
/// OAuth, so there are neither grants nor response types.
pub async fn authorization_server(State(app): State<SharedApp>) -> Result<Response, Refused> {
    let issuer = &app.accounts.issuer;
    let metadata = Metadata {
        grant_types_supported: &[],
        introspection_endpoint: format!("{issuer}{INTROSPECT}"),
        introspection_endpoint_auth_methods_supported: AUTH_METHODS,
        issuer,
        jwks_uri: format!("{issuer}{JWKS}"),
        response_types_supported: &[],
        revocation_endpoint: format!("{issuer}{REVOKE}"),
        revocation_endpoint_auth_methods_supported: AUTH_METHODS,
    };
    let metadata = serde_json::to_string(&metadata).map_err(|_| Problem::UNAVAILABLE)?;
    Ok(public("application/json", metadata))
}

/// What the guard says of itself.
#[derive(Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema), schema(as = AuthorizationServer))]
pub(in crate::http) struct Metadata<'a> {
    /// None.
    grant_types_supported: &'static [&'static str],
    /// Where tokens are asked about.
    introspection_endpoint: String,
    /// How verifiers say who they are there.
    introspection_endpoint_auth_methods_supported: &'static [&'static str],
    /// Who issues tokens: `public_url`.
    issuer: &'a str,
    /// Where the public keys are.
    jwks_uri: String,
    /// None.
    response_types_supported: &'static [&'static str],
    /// Where tokens are taken back.
    revocation_endpoint: String,
    /// How verifiers say who they are there.
    revocation_endpoint_auth_methods_supported: &'static [&'static str],
}

fn public(kind: &'static str, body: String) -> Response {
    let cache = format!("public, max-age={}", TokenKeyRing::MAX_AGE.as_secs());
    ([(CONTENT_TYPE, kind.to_owned()), (CACHE_CONTROL, cache)], body).into_response()
}
