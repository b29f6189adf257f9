//! The door that every request passes: read strictly, verified, and answered with a signature.

use std::panic::AssertUnwindSafe;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign_core::problem::Problem;
use countersign_core::replay::Reading;
use countersign_core::signature::{Field, PathForm, Received, RequestHead, Unreadable};
use countersign_core::verdict::{Principal, Verdict};
use futures_util::FutureExt as _;
use http::Method;
use http::request::Parts;
use http_body_util::Limited;

use super::authority::Addressed;
use super::peer::Peer;
use super::policy;
use super::problem::Refused;
use super::router::is_ours;
use super::sign::{Answering, sign};
use super::spool::{NotTaken, Spool};
use crate::app::SharedApp;
use crate::config::{Accept, Route};
use crate::edge;
use crate::service::Undecided;
use crate::service::claim::Claim;
use crate::service::verify_request::{judge_again, verify_request};

/// Who sent a request that was admitted; handlers find it among the extensions.
#[derive(Clone, Debug)]
pub struct Admitted(pub Principal);

/// A request that says whose it is.
struct Signed<'a> {
    received: &'a Received,
    claim: &'a Claim,
    route: &'a Route,
}

/// Verifies a request and signs its answer, refusals included.
pub async fn guard(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let (received, route) = match read(&app, &parts) {
        Ok((Some(received), route)) => (received, route),
        Ok((None, route)) => {
            policy::keep_for_api(&mut parts.headers, None, &route.forward_unsigned);
            return match within(route, &body) {
                Ok(()) => run(next, Request::from_parts(parts, limited(route, body))).await,
                Err(refused) => refused.into_response(),
            };
        }
        Err(refused) => return refused.into_response(),
    };
    let reading = edge::now();
    let claim = match Claim::of(&app, received.keyid(), reading.wall) {
        Ok(claim) => claim,
        Err(error) => return undecided(&error).into_response(),
    };
    let answering = Answering { to_head: parts.method == Method::HEAD, received: &received, s2c: claim.s2c() };
    let signed = Signed { received: &received, claim: &claim, route };
    let answer = admit(&app, &signed, reading, (parts, body)).await;
    let response = match answer {
        Ok(request) => run(next, request).await,
        Err(refused) => refused.into_response(),
    };
    sign(&app, answering, response).await
}

/// A handler that panics has decided nothing: 503, and the guard goes on.
async fn run(next: Next, request: Request) -> Response {
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked; refused");
        Refused::from(Problem::UNAVAILABLE).into_response()
    })
}

/// Step 1 of the order of protocol §4: sizes and strict parse, before anything is looked up. What is not signed is
/// let through where the route lets anyone in.
fn read<'a>(app: &'a SharedApp, parts: &Parts) -> Result<(Option<Received>, &'a Route), Refused> {
    let Addressed(authority) = parts.extensions.get().ok_or(Problem::UNAVAILABLE)?;
    let route = route(app, parts.uri.path());
    let paths = if route.raw_path { PathForm::Raw } else { PathForm::Canonical };
    let fields: Vec<Field<'_>> =
        parts.headers.iter().map(|(name, value)| Field { name: name.as_str(), value: value.as_bytes() }).collect();
    let head = RequestHead {
        method: parts.method.as_str(),
        authority: authority.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        fields: &fields,
    };
    match Received::read(&head, paths) {
        Ok(received) => Ok((Some(received), route)),
        Err(Unreadable::Unsigned) if route.accept == Accept::DangerAnyone => {
            // Whatever the route says of raw paths: an API that resolves `/open/../closed` must not be led past us.
            PathForm::Canonical.admits(parts.uri.path()).map_err(|_| Problem::MALFORMED_REQUEST)?;
            Ok((None, route))
        }
        Err(Unreadable::Unsigned) => Err(Refused::unsigned()),
        Err(Unreadable::Malformed(rule)) => {
            tracing::debug!(rule, "malformed request");
            Err(Problem::MALFORMED_REQUEST.into())
        }
        Err(Unreadable::TooLarge(_)) => Err(Problem::HEADERS_TOO_LARGE.into()),
    }
}

/// What holds for an address. Our own addresses are nobody's to configure.
fn route<'a>(app: &'a SharedApp, path: &str) -> &'a Route {
    let routes = &app.accounts.config.routes;
    if is_ours(path) { routes.otherwise() } else { routes.of(path) }
}

/// Steps 2 to 7: the verdict, then the body; gives the request that the handler may see.
async fn admit(
    app: &SharedApp,
    signed: &Signed<'_>,
    reading: Reading,
    (parts, body): (Parts, Body),
) -> Result<Request, Refused> {
    let peer = parts.extensions.get::<Peer>().ok_or(Problem::UNAVAILABLE)?.client;
    let verdict = verify_request(app, signed.claim, signed.received, peer, reading).await;
    let principal = admitted(app, verdict, reading)?;
    let (mut parts, body) = take_in(app, signed, parts, body).await?;
    let principal = admitted(app, judge_again(app, &principal), reading)?;
    parts.extensions.insert(Admitted(principal));
    Ok(Request::from_parts(parts, body))
}

fn admitted(app: &SharedApp, verdict: Result<Verdict, Undecided>, reading: Reading) -> Result<Principal, Refused> {
    match verdict.map_err(|error| undecided(&error))? {
        Verdict::Admit(principal) => Ok(principal),
        Verdict::Refuse(refusal) => Err(Refused::of(refusal, app.replay.retry_after(reading.wall))),
    }
}

/// Refuses a body that says itself that it is too long.
fn within(route: &Route, body: &Body) -> Result<(), Refused> {
    match body.size_hint().exact() {
        Some(length) if length > route.max_body => Err(Problem::TOO_LARGE.into()),
        Some(_) | None => Ok(()),
    }
}

/// A body that is passed on as it comes, and breaks off where it turns out to be too long.
fn limited(route: &Route, body: Body) -> Body {
    Body::new(Limited::new(body, usize::try_from(route.max_body).unwrap_or(usize::MAX)))
}

/// The whole body, and the fields that the handler may see.
async fn take_in(app: &SharedApp, signed: &Signed<'_>, mut parts: Parts, body: Body) -> Result<(Parts, Body), Refused> {
    within(signed.route, &body)?;
    let spool = Spool {
        limit: signed.route.max_body,
        directory: &app.accounts.config.data,
        memory: &app.budget,
        disk: &app.spool_budget,
    };
    let spooled = spool.take_in(body, signed.received.content_digest().check()).await.map_err(|error| match error {
        NotTaken::Refused(problem) => problem,
        NotTaken::Spool(error) => {
            tracing::error!(%error, "the spool file failed");
            Problem::UNAVAILABLE
        }
    })?;
    let dropped = policy::keep_for_api(&mut parts.headers, Some(signed.received), &signed.route.forward_unsigned);
    if dropped > 0 {
        tracing::debug!(dropped, "header fields that the signature does not cover");
    }
    parts.extensions.insert(BodyLength(spooled.length()));
    Ok((parts, spooled.into_body()))
}

/// The length of a body that was taken in.
#[derive(Clone, Copy, Debug)]
pub struct BodyLength(pub u64);

/// Nothing could be decided: refuse, and tell the log why.
pub(super) fn undecided(error: &Undecided) -> Refused {
    tracing::error!(error = error as &dyn std::error::Error, "could not decide; refused");
    Problem::UNAVAILABLE.into()
}
