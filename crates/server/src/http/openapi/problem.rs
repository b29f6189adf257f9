//! What is refused, and how: the responses with problems of every operation.

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::problem::Problem;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{ContentBuilder, Header, Ref, RefOr, Response, ResponseBuilder};

/// On any connection, whatever is asked for.
pub(super) const ANY: &[Problem] = &[
    Problem::MALFORMED_REQUEST,
    Problem::REQUEST_TIMEOUT,
    Problem::URI_TOO_LONG,
    Problem::HEADERS_TOO_LARGE,
    Problem::UNAVAILABLE,
];

/// Where the authority counts.
pub(super) const NAMED: &[Problem] = &[Problem::MISDIRECTED];

/// Wherever a request may be signed, or bring an access token. The conflict is told to the first request of a new key.
pub(super) const PROVEN: &[Problem] = &[
    Problem::DIGEST_MISMATCH,
    Problem::UNAUTHORIZED,
    Problem::CLOCK_SKEW,
    Problem::REPLAYED,
    Problem::TOKEN_INVALID,
    Problem::TOKEN_REVOKED,
    Problem::CONFLICT,
    Problem::TOO_LARGE,
    Problem::THROTTLED,
    Problem::WARMING_UP,
];

/// Where a person's key signs nothing.
pub(super) const IN_SESSION: &[Problem] = &[Problem::SESSION_REQUIRED];

/// Where the body of a signed request comes in one piece.
pub(super) const WHOLE: &[Problem] = &[Problem::UNSUPPORTED_TYPE];

/// Under an `Idempotency-Key`.
pub(super) const ONCE: &[Problem] =
    &[Problem::CONFLICT, Problem::IN_FLIGHT, Problem::OUTCOME_UNKNOWN, Problem::THROTTLED];

/// Where the answer may become longer than is signed in one piece.
pub(super) const LISTED: &[Problem] = &[Problem::ANSWER_TOO_LARGE];

/// The name of the schema of all problems.
pub(super) const SCHEMA: &str = "Problem";

/// The type of their bodies.
pub(super) const CONTENT_TYPE: &str = "application/problem+json";

/// Names the refusals of operations, so that the operations can name them.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $($problems:expr),+;)*) => {$(
        $(#[$doc])*
        pub(super) enum $name {}

        impl utoipa::IntoResponses for $name {
            fn responses() -> $crate::http::openapi::problem::Responses {
                $crate::http::openapi::problem::refusing(&[$($problems),+])
            }
        }
    )*};
}
pub(super) use refusals;

/// Responses by their status.
pub(super) type Responses = BTreeMap<String, RefOr<Response>>;

/// A response for each status of these problems, with an example for each code.
pub(super) fn refusing(sets: &[&[Problem]]) -> Responses {
    let codes: BTreeSet<&str> = sets.iter().copied().flatten().map(|problem| problem.code).collect();
    let mut by_status = BTreeMap::<u16, Vec<Problem>>::new();
    for problem in Problem::ALL.iter().filter(|problem| codes.contains(problem.code)) {
        by_status.entry(problem.status).or_default().push(*problem);
    }
    by_status.into_iter().map(|(status, problems)| (status.to_string(), response(status, &problems).into())).collect()
}

fn response(status: u16, problems: &[Problem]) -> Response {
    let examples = problems
        .iter()
        .map(|Problem { code, .. }| (*code, RefOr::<Example>::Ref(Ref::new(format!("#/components/examples/{code}")))));
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(SCHEMA))).examples_from_iter(examples);
    let codes: Vec<String> = problems.iter().map(|problem| format!("`{}`", problem.code)).collect();
    let response = ResponseBuilder::new().description(codes.join(", ")).content(CONTENT_TYPE, content.build());
    let response = headers(status, problems)
        .into_iter()
        .fold(response, |response, name| response.header_ref(name, Ref::new(format!("#/components/headers/{name}"))));
    response.build()
}

/// The fields that come beside.
fn headers(status: u16, problems: &[Problem]) -> Option<&'static str> {
    match status {
        401 => Some(CHALLENGE),
        429 | 503 => Some(WAIT),
        _ => problems.contains(&Problem::IN_FLIGHT).then_some(WAIT),
    }
}

const CHALLENGE: &str = "WWW-Authenticate";
const WAIT: &str = "Retry-After";

/// Those fields, described once.
pub(super) fn described_headers() -> [(&'static str, Header); 2] {
    let text = |description: &str| HeaderBuilder::new().schema(Some(text())).description(Some(description)).build();
    [
        (CHALLENGE, text("What a request has to prove, and what was wrong with this one.")),
        (WAIT, text("After how many seconds it is worth trying again. Of 409 at `in-flight` only.")),
    ]
}

/// Each problem, as it is sent unless `detail` says it more exactly.
pub(super) fn examples() -> impl Iterator<Item = (&'static str, Example)> {
    Problem::ALL.iter().map(|problem| {
        let body = serde_json::from_str(&problem.json()).ok();
        (problem.code, ExampleBuilder::new().summary(problem.title).value(body).build())
    })
}

/// What all problems have in common.
pub(super) fn schema() -> Schema {
    let urns = Problem::ALL.iter().map(|problem| format!("urn:countersign:{}", problem.code));
    let titles: BTreeSet<&str> = Problem::ALL.iter().map(|problem| problem.title).collect();
    let statuses: BTreeSet<u16> = Problem::ALL.iter().map(|problem| problem.status).collect();
    let kind = text().enum_values(Some(urns)).description(Some("Which problem it is: the part that programs look at."));
    let title = text().enum_values(Some(titles)).description(Some("The same for people."));
    let status = ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some(statuses));
    let detail =
        text().description(Some("What happened and what to do next. It never repeats anything of the request."));
    let members = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Object))
        .description(Some("Why a request was not served (RFC 9457)."))
        .property("type", kind)
        .property("title", title)
        .property("status", status.description(Some("The status of the response.")))
        .property("detail", detail);
    ["type", "title", "status", "detail"].into_iter().fold(members, ObjectBuilder::required).build().into()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
