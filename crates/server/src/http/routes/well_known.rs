//! `GET /.well-known/jwks.json` and `GET /.well-known/oauth-authorization-server`: what others need to verify tokens.
//!
//! Anybody may read them. They are not signed: whoever verifies a token has no key of ours to check a signature with, and
//! relies on TLS for them.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::token::TokenKeyRing;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;

use crate::app::SharedApp;
use crate::http::ours::{INTROSPECT, JWKS, REVOKE};

/// How verifiers say who they are (RFC 6749 §2.3.1). A signature by the key of a program does as well, and has no name there.
const AUTH_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// The public keys of access tokens (RFC 7517 §5).
pub async fn jwks(State(app): State<SharedApp>) -> Response {
    public("application/jwk-set+json", app.accounts.secrets.token_keys.held().jwks().to_owned())
}

/// What this guard does as an authorization server (RFC 8414 §2). It grants tokens at addresses of its own and by no flow of
/// OAuth, so there are neither grants nor response types.
pub async fn authorization_server(State(app): State<SharedApp>) -> Response {
    let issuer = &app.accounts.issuer;
    let metadata = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}{JWKS}"),
        "introspection_endpoint": format!("{issuer}{INTROSPECT}"),
        "introspection_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint": format!("{issuer}{REVOKE}"),
        "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
        "response_types_supported": [],
        "grant_types_supported": [],
    });
    public("application/json", metadata.to_string())
}

fn public(kind: &'static str, body: String) -> Response {
    let cache = format!("public, max-age={}", TokenKeyRing::MAX_AGE.as_secs());
    ([(CONTENT_TYPE, kind.to_owned()), (CACHE_CONTROL, cache)], body).into_response()
}
