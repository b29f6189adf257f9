//! How callers prove who they are, and where the listeners are.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::{Server, ServerBuilder, ServerVariableBuilder};

/// The fields of RFC 9421 are no scheme of `Authorization`, so that OpenAPI has no better word for them than a key in a header.
const SIGNATURE: &str = "\
An HTTP message signature (RFC 9421) with HMAC-SHA-256, in `Signature` and `Signature-Input` under the label `cs`, by a key \
that was enrolled (`k…`) or by the key of a session (`s.<ref>`). It covers `@method`, `@authority`, `@path`, `@query`, \
`content-digest` and any other field that the guard is to believe; each has a nonce of its own and is good for seconds. The \
answer is signed by the same key, problems included. The profile is docs/protocol.md, §4 and §5.";

const BEARER: &str = "\
The access token of a session with proof `bearer` (RFC 6750), as a login gives it. The answers are not signed. A token of a \
session with proof `key` is worth nothing without the session's signature.";

const VERIFIER: &str = "\
The `id` and the secret of a `[[verifier]]` of the configuration, over TLS or on one machine. The form fields `client_id` \
and `client_secret` will do in its place.";

/// The schemes, by the names that operations use.
pub(super) fn schemes() -> [(&'static str, SecurityScheme); 3] {
    let http = |scheme, description: &str| HttpBuilder::new().scheme(scheme).description(Some(description));
    let bearer = http(HttpAuthScheme::Bearer, BEARER).bearer_format("JWT (RFC 9068), or opaque");
    [
        ("signature", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("Signature", SIGNATURE)))),
        ("bearer", SecurityScheme::Http(bearer.build())),
        ("verifier", SecurityScheme::Http(http(HttpAuthScheme::Basic, VERIFIER).build())),
    ]
}

/// Where clients connect.
pub(super) fn main_listener() -> Server {
    let scheme = ServerVariableBuilder::new().default_value("http").enum_values(Some(["http", "https"]));
    let authority = ServerVariableBuilder::new()
        .default_value("127.0.0.1:8470")
        .description(Some("`listen`, or the authority of `public_url`: what requests are signed for."));
    ServerBuilder::new()
        .url("{scheme}://{authority}")
        .description(Some("The main listener."))
        .parameter("scheme", scheme)
        .parameter("authority", authority)
        .build()
}

/// Where operators do.
pub(super) fn administration_listener() -> Server {
    let authority = ServerVariableBuilder::new()
        .default_value("127.0.0.1:8471")
        .description(Some("`admin_listen`: what requests are signed for here."));
    ServerBuilder::new()
        .url("http://{authority}")
        .description(Some("The administration listener."))
        .parameter("authority", authority)
        .build()
}
