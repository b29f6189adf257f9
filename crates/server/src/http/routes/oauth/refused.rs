use axum::Json;
use axum::response::{IntoResponse, Response};
use countersign_core::problem::Problem;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue, WWW_AUTHENTICATE};
use serde::Serialize;

use crate::http::problem::{Refused, Unfiltered};

/// A refusal as OAuth clients read it (RFC 6749 §5.2); what is none of OAuth's is said as everywhere else.
#[derive(Debug)]
pub enum OAuthRefused {
    /// 400: the request says nothing, or says something twice.
    InvalidRequest(&'static str),
    /// 401: nobody has this name and this secret.
    InvalidClient,
    /// Anything else.
    Other(Refused),
}

/// Why not, as OAuth clients read it (RFC 6749 §5.2).
#[derive(Serialize)]
#[cfg_attr(feature = "standalone", derive(utoipa::ToSchema), schema(as = OAuthError))]
pub(in crate::http) struct Body {
    /// `invalid_request` or `invalid_client`.
    error: &'static str,
    /// What happened and what to do next.
    error_description: &'static str,
}

impl OAuthRefused {
    /// There is nothing to ask about.
    pub(super) const NO_TOKEN: Self = Self::InvalidRequest("token is missing; send it in the body");
}

impl From<Refused> for OAuthRefused {
    fn from(refused: Refused) -> Self {
        Self::Other(refused)
    }
}

impl From<Problem> for OAuthRefused {
    fn from(problem: Problem) -> Self {
        Self::Other(problem.into())
    }
}

impl IntoResponse for OAuthRefused {
    fn into_response(self) -> Response {
        let (status, error, description) = match self {
            Self::InvalidRequest(description) => (StatusCode::BAD_REQUEST, "invalid_request", description),
            Self::InvalidClient => {
                let what = "nobody has this client_id and this client_secret; see [[verifier]] in the configuration";
                (StatusCode::UNAUTHORIZED, "invalid_client", what)
            }
            Self::Other(refused) => return refused.into_response(),
        };
        let body = Json(Body { error, error_description: description });
        let mut response = (status, body).into_response();
        response.extensions_mut().insert(Unfiltered);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"countersign\", charset=\"UTF-8\""));
        }
        response
    }
}
