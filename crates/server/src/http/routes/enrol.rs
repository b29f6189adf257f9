//! `POST /api/auth/enrol`

use axum::body::{HttpBody as _, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use countersign_core::problem::Problem;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};

use super::seed;
use crate::app::SharedApp;
use crate::edge;
use crate::http::body_violation::BodyViolation;
use crate::http::peer::Peer;
use crate::http::problem::Refused;
use crate::http::verify::undecided;
use crate::service::enrol::{Enrolment, enrol as enrol_by_card};

/// The most octets of an enrolment message.
const LONGEST: usize = countersign_core::enrolment::MAX_BODY;

/// How long somebody who enrols too often is told to wait, in seconds.
const PAUSE: u64 = 10;

/// Opens an account with a card, or, where the operator allows it, by the seed's own registration.
pub async fn enrol(
    State(app): State<SharedApp>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Refused> {
    let kind = Kind::of(request.headers())?;
    if !app.throttle.enrolment(peer.client) {
        return Err(Refused::from(Problem::THROTTLED).retry_after(PAUSE));
    }
    if request.body().size_hint().lower() > LONGEST as u64 {
        return Err(Problem::TOO_LARGE.into());
    }
    let body = to_bytes(request.into_body(), LONGEST)
        .await
        .map_err(|error| BodyViolation::find(&error).map_or(Problem::TOO_LARGE, BodyViolation::problem))?;
    match kind {
        Kind::Card => by_card(&app, &body, peer).await,
        Kind::Seed => seed::register(&app, &body, peer).await,
    }
}

async fn by_card(app: &SharedApp, body: &[u8], peer: Peer) -> Result<Response, Refused> {
    let enrolment = enrol_by_card(app, body, peer.client, edge::now().wall).await;
    match enrolment.map_err(|error| undecided(&error))? {
        Enrolment::Answer(message) => {
            let fields = [(CONTENT_TYPE, "application/octet-stream"), (CACHE_CONTROL, "no-store")];
            Ok((fields, Bytes::from(message)).into_response())
        }
        Enrolment::DoesNotOpen => Err(Problem::UNAUTHORIZED.into()),
        Enrolment::Malformed => Err(Problem::MALFORMED_REQUEST.into()),
        Enrolment::Throttled => Err(Refused::from(Problem::THROTTLED).retry_after(PAUSE)),
    }
}

/// Which kind of enrolment a request is.
enum Kind {
    Card,
    Seed,
}

impl Kind {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        match content_type {
            _ if headers.contains_key(CONTENT_ENCODING) => Err(Problem::UNSUPPORTED_TYPE),
            Some(b"application/octet-stream") => Ok(Self::Card),
            Some(b"application/json") => Ok(Self::Seed),
            Some(_) | None => Err(Problem::UNSUPPORTED_TYPE),
        }
    }
}
