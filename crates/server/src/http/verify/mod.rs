//! The way that every request takes: read strictly, verified, served, and answered with a signature.

mod api;
mod bearer;
mod body;
mod once;
mod read;
mod upgrade;

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use countersign_core::problem::Problem;
use countersign_core::replay::Reading;
use countersign_core::signature::Received;
use countersign_core::verdict::{Principal, Verdict};
use futures_util::FutureExt as _;
use http::header::USER_AGENT;
use http::{HeaderMap, Method};

pub use self::api::Api;
use self::bearer::{Bearing, answer_bearer, drop_own, withhold_own};
pub use self::body::BodyLength;
use self::body::{limited, pass_on, take_in, within};
use self::once::once;
use self::read::{Arrived, Brings, read};
pub use self::upgrade::Upgradable;
use super::clock;
use super::identity::Identity;
use super::peer::Peer;
use super::policy;
use super::problem::{Refused, Unfiltered};
use super::sign::{Answering, sign, sign_stream};
use super::stream::{Streams, Watch};
use crate::app::SharedApp;
use crate::config::Route;
use crate::edge;
use crate::service::Undecided;
use crate::service::claim::Claim;
use crate::service::idempotency::Keyed;
use crate::service::session_use;
use crate::service::verify_request::{judge_again, verify_request};

/// A request that says whose it is, and what holds for it.
struct Signed<'a> {
    received: &'a Received,
    claim: &'a Claim,
    route: &'a Route,
    peer: Peer,
}

/// Verifies a request, has it served, and signs the answer, refusals included.
pub(super) async fn answer(app: &SharedApp, request: Request, api: impl Api + 'static) -> Response {
    let (mut parts, body) = request.into_parts();
    let arrived = read(app, &mut parts);
    let request = Request::from_parts(parts, body);
    let reading = edge::now();
    let (received, route, peer) = match arrived {
        Ok(Arrived { brings: Brings::Signature(received), route, peer }) => (received, route, peer),
        Ok(Arrived { brings: Brings::Token(token), route, peer }) => {
            return answer_bearer(app, &Bearing { token, route, peer }, reading, request, api).await;
        }
        Ok(Arrived { brings: Brings::Nothing, route, .. }) => {
            return answer_anyone(app, route, request, reading, api).await;
        }
        Err(refused) => return refused.into_response(),
    };
    match Claim::of(app, received.keyid(), reading.wall) {
        Ok(claim) => {
            let signed = Signed { received: &received, claim: &claim, route, peer };
            answer_signed(app, &signed, reading, request, api).await
        }
        Err(error) => undecided(&error).into_response(),
    }
}

/// From the verdict to the signature: whatever becomes of the request, its answer is signed.
async fn answer_signed(
    app: &SharedApp,
    signed: &Signed<'_>,
    reading: Reading,
    request: Request,
    api: impl Api + 'static,
) -> Response {
    let to_head = request.method() == Method::HEAD;
    let answering = Answering { to_head, received: signed.received, s2c: signed.claim.s2c() };
    let (request, streams) = match admit(app, signed, reading, request).await {
        Ok(admitted) => admitted,
        Err(refused) => return sign(app, answering, refused.into_response()).await,
    };
    let watch = request.extensions().get::<Watch>().cloned();
    let response = match keyed(app, signed, streams.as_ref(), &request) {
        Ok(None) => run(api, request).await,
        Ok(Some(keyed)) => once(app, keyed, request, api).await,
        Err(refused) => refused.into_response(),
    };
    // Whatever the API makes of a body that breaks off, its sender is told that it did.
    if let Some(problem) = watch.and_then(|watch| watch.failure()) {
        return sign(app, answering, Refused::from(problem).into_response()).await;
    }
    match streams {
        Some(streams) if !is_the_guards_own(&response) => sign_stream(app, answering, &streams, response).await,
        Some(_) | None => sign(app, answering, response).await,
    }
}

/// Where the route lets anybody in: passed on as it comes, without an identity, and not signed.
async fn answer_anyone(app: &SharedApp, route: &Route, request: Request, reading: Reading, api: impl Api) -> Response {
    let (mut parts, body) = request.into_parts();
    withhold_own(app, &mut parts.headers, reading.wall);
    upgrade::withhold(&mut parts.extensions);
    policy::keep_for_api(&mut parts.headers, None, &route.forward_unsigned);
    match within(route, &body) {
        Ok(()) => run(api, Request::from_parts(parts, limited(route, body))).await,
        Err(refused) => refused.into_response(),
    }
}

/// Steps 2 to 7 of protocol §4.5: the verdict, the body, and the verdict again; gives the request that the API may see, and
/// what is needed where streams are concerned.
async fn admit(
    app: &SharedApp,
    signed: &Signed<'_>,
    reading: Reading,
    request: Request,
) -> Result<(Request, Option<Streams>), Refused> {
    let &Signed { received, claim, route, peer } = signed;
    let verdict = verify_request(app, claim, received, peer.client, reading).await;
    let principal = admitted(app, verdict, reading)?;
    note_use(app, &principal, peer, request.headers())?;
    let mut request = request;
    drop_own(app, &principal, reading, request.headers_mut()).await?;
    let streams = Streams::of(app, route, received, &principal)?;
    let offered = upgrade::offered(&request, signed);
    let mut request = match &streams {
        Some(streams) if received.is_stream() => pass_on(streams, signed, request)?,
        Some(_) | None => take_in(app, signed, request).await?,
    };
    upgrade::decide(&mut request, offered);
    let principal = again(app, &principal, Some(received))?;
    request.extensions_mut().insert(Identity::new(principal));
    if let Some(streams) = &streams {
        streams.announce(&mut request);
    }
    Ok((request, streams))
}

/// A session that is used does not go idle, and its user sees when and where it was.
fn note_use(app: &SharedApp, principal: &Principal, peer: Peer, headers: &HeaderMap) -> Result<(), Refused> {
    let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let noted = session_use::note(&app.accounts, principal, peer.client, user_agent);
    noted.map_err(|error| undecided(&error))
}

fn admitted(app: &SharedApp, verdict: Result<Verdict, Undecided>, reading: Reading) -> Result<Principal, Refused> {
    match verdict.map_err(|error| undecided(&error))? {
        Verdict::Admit(principal) => Ok(principal),
        Verdict::Refuse(refusal) => Err(Refused::of(refusal, app.replay.retry_after(reading.wall))),
    }
}

/// The verdict on an admitted request once its body is here, by the clock of that moment.
fn again(app: &SharedApp, principal: &Principal, received: Option<&Received>) -> Result<Principal, Refused> {
    let reading = edge::now();
    admitted(app, judge_again(app, principal, received, clock::at(app, reading)?), reading)
}

/// The key under which a request comes, where one counts. A stream cannot be kept, and its body is not known before it is
/// over; whoever gives one a key is refused, or would take it for a request that acts once.
fn keyed(
    app: &SharedApp,
    signed: &Signed<'_>,
    streams: Option<&Streams>,
    request: &Request,
) -> Result<Option<Keyed>, Refused> {
    let Some(identity) = Identity::of(request.extensions()) else { return Ok(None) };
    if request.method().is_safe() || !signed.route.keep_outcomes {
        return Ok(None);
    }
    match Keyed::of(app, identity.principal(), signed.received, signed.peer.client) {
        Ok(Some(_)) if streams.is_some() => {
            tracing::debug!("an idempotency key on a request that is a stream or may be answered by one");
            Err(Problem::MALFORMED_REQUEST.into())
        }
        keyed => keyed.map_err(|_| Problem::MALFORMED_REQUEST.into()),
    }
}

/// Step 8: the API acts. What it says beyond its own matters is taken out of its answer. When it fails or panics nobody
/// knows how far it got: 502, and the guard goes on.
async fn run(api: impl Api, request: Request) -> Response {
    let failed = || Refused::from(Problem::BAD_GATEWAY).into_response();
    let upgradable = request.extensions().get().copied();
    let mut response = match AssertUnwindSafe(api.call(request)).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            tracing::error!(error, "a handler failed");
            failed()
        }
        Err(_) => {
            tracing::error!("a handler panicked");
            failed()
        }
    };
    if is_the_guards_own(&response) {
        return response;
    }
    if response.status().is_informational() {
        return upgrade::settle(upgradable, response).unwrap_or_else(failed);
    }
    policy::keep_for_client(response.status(), response.headers_mut());
    response
}

/// Whether the guard itself says it, and not the API.
fn is_the_guards_own(response: &Response) -> bool {
    response.extensions().get::<Unfiltered>().is_some()
}

/// Nothing could be decided: refuse, and tell the log why.
pub(super) fn undecided(error: &Undecided) -> Refused {
    tracing::error!(error = error as &dyn std::error::Error, "could not decide; refused");
    Problem::UNAVAILABLE.into()
}
