use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use countersign_core::problem::Problem;
use countersign_core::signature::BodyCheck;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http_body_util::Limited;

use super::Signed;
use crate::app::SharedApp;
use crate::config::Route;
use crate::http::policy;
use crate::http::problem::Refused;
use crate::http::spool::{NotTaken, Spool, Spooled};
use crate::http::stream::Streams;

/// The length of a body that was taken in.
#[derive(Clone, Copy, Debug)]
pub struct BodyLength(pub u64);

/// Step 7 of protocol §4.5: the whole body, compared with its digest, and the fields that the API may see.
pub(super) async fn take_in(app: &SharedApp, signed: &Signed<'_>, request: Request) -> Result<Request, Refused> {
    let (mut parts, body) = request.into_parts();
    within(signed.route, &body)?;
    let spooled = spooled(app, signed.route, body, Some(signed.received.content_digest().check())).await?;
    keep_for_api(&mut parts, signed);
    parts.extensions.insert(BodyLength(spooled.length()));
    Ok(Request::from_parts(parts, spooled.into_body()))
}

/// A body that is all here, and is the one that was signed, if one was.
pub(super) async fn spooled(
    app: &SharedApp,
    route: &Route,
    body: Body,
    check: Option<BodyCheck>,
) -> Result<Spooled, Refused> {
    let spool = Spool {
        limit: route.max_body,
        directory: &app.accounts.config.data,
        memory: &app.budget,
        disk: &app.spool_budget,
    };
    spool.take_in(body, check).await.map_err(|error| match error {
        NotTaken::Refused(problem) => problem.into(),
        NotTaken::Spool(error) => {
            tracing::error!(%error, "the spool file failed");
            Problem::UNAVAILABLE.into()
        }
    })
}

/// The same for a stream: its data are passed on as they are verified, and its end as the last of them (protocol §9.2).
pub(super) fn pass_on(streams: &Streams, signed: &Signed<'_>, request: Request) -> Result<Request, Refused> {
    let (mut parts, body) = request.into_parts();
    let (body, watch) = streams.take_in(signed.route, signed.received, body)?;
    // It counts the frames, and the API gets what is in them.
    parts.headers.remove(CONTENT_LENGTH);
    keep_for_api(&mut parts, signed);
    parts.extensions.insert(watch);
    Ok(Request::from_parts(parts, body))
}

fn keep_for_api(parts: &mut Parts, signed: &Signed<'_>) {
    let dropped = policy::keep_for_api(&mut parts.headers, Some(signed.received), &signed.route.forward_unsigned);
    if dropped > 0 {
        tracing::debug!(dropped, "header fields that the signature does not cover");
    }
}

/// Refuses a body that says itself that it is too long.
pub(super) fn within(route: &Route, body: &Body) -> Result<(), Refused> {
    match body.size_hint().exact() {
        Some(length) if length > route.max_body => Err(Problem::TOO_LARGE.into()),
        Some(_) | None => Ok(()),
    }
}

/// A body that is passed on as it comes, and breaks off where it turns out to be too long.
pub(super) fn limited(route: &Route, body: Body) -> Body {
    Body::new(Limited::new(body, usize::try_from(route.max_body).unwrap_or(usize::MAX)))
}
