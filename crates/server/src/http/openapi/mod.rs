//! The HTTP API, described in the words of OpenAPI 3.1: `/openapi.json`.
//!
//! What operations take and give is described by the types that are read and sent. The operations themselves are described
//! here and not at their handlers, which are read for other reasons; so that neither can be forgotten, tests compare the
//! addresses with those that the router is built from, and the methods with those that the handlers take.
//! `docs/openapi.json` is kept as a snapshot.

mod admin;
mod bodies;
mod examples;
mod health;
mod keys;
mod problem;
mod security;
mod sessions;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::LazyLock;

use bytes::Bytes;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use self::security::{administration_listener, main_listener, schemes};

const ABOUT: &str = "\
What the guard itself answers. Everything else on the main listener belongs to the API behind it, and passes once its request \
was verified.

A request that may be signed gets a signed answer, by the same key, with `Countersign-Time` and `Countersign-Request`; one \
that may bring an access token instead gets an unsigned one. A signed `POST` or `DELETE` may have an `Idempotency-Key`: \
sent again under it, it is not carried out again.

Bodies of requests have the members that are named, each once, and no others. Parameters are written in their one spelling, \
each at most once; one that is not named is 400. Where `GET` is described `HEAD` is taken, too, but for \
`/api/auth/revocations` and `/api/auth/envelope`; any other method is 405 `method-not-allowed` with `Allow`. A fault of the \
guard itself is 502 `bad-gateway` or 503 `unavailable`. `stream-broken` and `gateway-timeout` \
are of the API behind alone, and `length-required` is not used.";

#[derive(OpenApi)]
#[openapi(
    info(title = "Countersign", description = ABOUT, license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")),
    tags(
        (name = "keys", description = "Enrolment, and one's own keys (docs/protocol.md, §3 and §10)"),
        (name = "sessions", description = "Logging in, and one's own sessions (docs/sessions.md)"),
        (name = "tokens", description = "For programs elsewhere that are shown access tokens (docs/verifiers.md)"),
        (name = "administration", description = "For administrators, on the administration listener (docs/events.md)"),
        (name = "operation", description = "For whatever looks after the process, on the administration listener"),
    )
)]
struct Common;

/// All of it.
fn document() -> Document {
    let mut document = Common::openapi();
    for (tag, mut group) in [
        ("keys", keys::Group::openapi()),
        ("sessions", sessions::Group::openapi()),
        ("tokens", tokens::Group::openapi()),
        ("administration", admin::Group::openapi()),
        ("operation", health::Group::openapi()),
    ] {
        for item in group.paths.paths.values_mut() {
            let listener = matches!(tag, "administration" | "operation").then(administration_listener);
            item.servers = listener.map(|listener| vec![listener]);
            for operation in [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten() {
                operation.tags = Some(vec![tag.to_owned()]);
            }
        }
        document.merge(group);
    }
    document.servers = Some(vec![main_listener()]);
    let components = document.components.get_or_insert_default();
    components.schemas.insert(problem::SCHEMA.to_owned(), problem::schema().into());
    components.examples.extend(problem::examples().map(|(code, example)| (code.to_owned(), example.into())));
    components.headers.extend(problem::described_headers().map(|(name, header)| (name.to_owned(), header.into())));
    components.security_schemes.extend(schemes().map(|(name, scheme)| (name.to_owned(), scheme.into())));
    document
}

/// The document, as it is sent.
pub(super) fn described() -> Option<Bytes> {
    static WRITTEN: LazyLock<Option<Bytes>> =
        LazyLock::new(|| document().to_pretty_json().ok().map(|json| Bytes::from(json + "\n")));
    WRITTEN.clone()
}
