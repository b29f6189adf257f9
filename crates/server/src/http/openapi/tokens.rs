//! For programs elsewhere that are shown access tokens.
#![expect(dead_code, reason = "the functions stand for the handlers, which carry nothing of this")]

use countersign_core::problem::Problem;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi, ToSchema as _};

use super::bodies::{Introspected, Jwks, TokenForm};
use super::examples;
use super::problem::{ANY, IN_SESSION, LISTED, NAMED, ONCE, PROVEN, Responses, WHOLE, refusals, refusing};
use crate::http::routes::oauth::refused::Body;
use crate::http::routes::well_known::Metadata;
use crate::service::revocation_feed::FeedPage;

#[derive(OpenApi)]
#[openapi(paths(introspect, revoke_token, follow_revocations, jwks, authorization_server), components(schemas(Body)))]
pub(super) struct Group;

refusals! {
    FollowRefused = ANY, NAMED, PROVEN, IN_SESSION, WHOLE, LISTED, &[Problem::FORBIDDEN];
    PublicRefused = ANY, NAMED;
}

/// What is refused in OAuth's words, and what in ours.
pub(super) enum OAuthRefused {}

impl IntoResponses for OAuthRefused {
    fn responses() -> Responses {
        let mut responses = refusing(&[ANY, NAMED, PROVEN, IN_SESSION, WHOLE, ONCE, &[Problem::FORBIDDEN]]);
        for (status, error) in [("400", "invalid_request"), ("401", "invalid_client")] {
            if let Some(RefOr::T(response)) = responses.remove(status) {
                responses.insert(status.to_owned(), with_oauth(response, error).into());
            }
        }
        responses
    }
}

fn with_oauth(response: Response, error: &str) -> Response {
    let description = format!("`{error}` as OAuth has it; else {}", response.description);
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Body::name()))).build();
    ResponseBuilder::from(response).description(description).content("application/json", content).build()
}

/// Says whether a token is good, and whose it is.
#[utoipa::path(
    post,
    path = "/oauth/introspect",
    description = "RFC 7662. A verifier asks, or a program in a signed request.",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What there is to say of it.", body = Introspected, examples(
            ("good" = (value = json!(examples::introspection()))),
            ("not good" = (value = json!({ "active": false }))),
        )),
        OAuthRefused,
    ),
    security(("verifier" = []), ("signature" = [])),
)]
fn introspect() {}

/// Ends the session of a token. Whether there was one is not said.
#[utoipa::path(
    post,
    path = "/oauth/revoke",
    description = "RFC 7009. A verifier asks, or a program in a signed request.",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "It is over, if there was one."), OAuthRefused),
    security(("verifier" = []), ("signature" = [])),
)]
fn revoke_token() {}

/// Tells a program what was taken back after the entry that it names.
#[utoipa::path(
    get,
    path = "/api/auth/revocations",
    description = "A long poll: an answer without entries comes after 200 ms. At most 512 come at once; at most eight polls of one \
                   key wait. The answer is signed, so that nobody in between can hold a revocation back unnoticed.",
    params(("after" = u64, Query, description = "`next` of the answer before; 0 to begin with.", example = 1230)),
    responses(
        (status = 200, description = "What was taken back.", body = FeedPage, example = examples::feed),
        FollowRefused,
    ),
    security(("signature" = [])),
)]
fn follow_revocations() {}

/// The public keys of access tokens (RFC 7517 §5).
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    responses(
        (status = 200, description = "The set. It is not signed: whoever follows the revocations takes those keys from it that are \
                                      named there.", body = Jwks,
         content_type = "application/jwk-set+json", headers(("Cache-Control" = String, description = "For how long it may be kept."))),
        PublicRefused,
    ),
)]
fn jwks() {}

/// What this guard does as an authorization server (RFC 8414).
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    description = "It grants tokens at addresses of its own and by no flow of OAuth, so there are neither grants nor response types.",
    responses(
        (status = 200, description = "The metadata.", body = Metadata, headers(("Cache-Control" = String, description = "For how long it may be kept."))),
        PublicRefused,
    ),
)]
fn authorization_server() {}
