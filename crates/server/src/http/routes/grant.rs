//! The tokens of a session, as they are sent.

use axum::Extension;
use axum::response::{IntoResponse as _, Response};
use countersign_core::encoding::b64u;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::http::problem::{BringsTokens, Refused};
use crate::service::grant::Grant;
use crate::service::session_row::SessionRow;
use countersign_core::problem::Problem;

#[derive(Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema), schema(as = Grant))]
pub(in crate::http) struct Answer<'a> {
    /// For each request; where the session has a key, beside its signature only.
    access_token: &'a str,
    /// `Bearer`.
    token_type: &'static str,
    /// How long the access token is good, in seconds.
    expires_in: u64,
    /// For the next grant, once.
    refresh_token: &'a str,
    /// The session.
    session: &'a SessionRow,
    /// The root of the session's keys, where the client cannot derive it: 32 octets as base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "standalone", schema(nullable = false))]
    session_key: Option<&'a str>,
}

/// The answer (RFC 6749 §5.1), with the session beside it.
pub(super) fn answer(grant: &Grant) -> Result<Response, Refused> {
    let session_key = grant.session_key.as_ref().map(|key| Zeroizing::new(b64u(key.expose())));
    let answer = Answer {
        access_token: &grant.access_token.text,
        token_type: "Bearer",
        expires_in: grant.expires_in,
        refresh_token: &grant.refresh_token,
        session: &grant.session,
        session_key: session_key.as_ref().map(|key| key.as_str()),
    };
    let json = serde_json::to_vec(&answer).map_err(|_| Problem::UNAVAILABLE)?;
    let fields = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    Ok((Extension(BringsTokens), fields, json).into_response())
}
