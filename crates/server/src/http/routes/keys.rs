//! `/api/auth/keys` and `/api/auth/recovery-codes`: one's own keys (protocol §10).

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use countersign_core::problem::Problem;
use countersign_core::verdict::Principal;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::app::SharedApp;
use crate::http::clock;
use crate::http::identity::Identity;
use crate::http::peer::Peer;
use crate::http::problem::{Refused, Unfiltered};
use crate::http::verify::undecided;
use crate::service::codes::make_codes;
use crate::service::own_keys::{Ended, list, take_back};
use crate::service::rotate::{Rotation, rotate};
use crate::service::sensitive::may_do_sensitive;

/// Tells a client the static key of the server: the one that it should know from now on.
pub(crate) const SERVER_KEY: HeaderName = HeaderName::from_static("countersign-server-key");

/// The most octets of a first message.
const LONGEST: usize = countersign_core::enrolment::MAX_BODY;

/// How long somebody who asks too often is told to wait, in seconds.
const PAUSE: u64 = 10;

/// Lists one's own keys, or asks for another in the place of the one that signed.
pub async fn keys(
    State(app): State<SharedApp>,
    identity: Identity,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Refused> {
    let signer = identity.principal();
    let answer = match *request.method() {
        Method::GET | Method::HEAD => {
            let keys = list(&app, signer).await.map_err(|error| undecided(&error))?;
            Ok(axum::Json(keys).into_response())
        }
        Method::POST => successor(&app, signer, peer, request).await,
        _ => Err(Refused::method_not_allowed("GET, HEAD, POST")),
    };
    // On refusals too: a client that knows a key which has gone learns the present one by them.
    let mut answer = answer.unwrap_or_else(|refused| refused.into_response());
    let key = app.accounts.secrets.static_keys.newest().ok_or(Problem::UNAVAILABLE)?;
    let key = HeaderValue::try_from(countersign_core::encoding::b64u(&key)).map_err(|_| Problem::UNAVAILABLE)?;
    answer.headers_mut().insert(SERVER_KEY, key);
    answer.extensions_mut().insert(Unfiltered);
    Ok(answer)
}

async fn successor(app: &SharedApp, signer: &Principal, peer: Peer, request: Request) -> Result<Response, Refused> {
    recent(app, signer)?;
    let body = message(app, peer, request).await?;
    let rotation = rotate(app, signer, &body, peer.client, clock::now(app)?).await;
    match rotation.map_err(|error| undecided(&error))? {
        Rotation::Answer(message) => Ok(octets(message)),
        Rotation::DoesNotOpen => Err(Problem::UNPROCESSABLE.into()),
        Rotation::Malformed => Err(Problem::MALFORMED_REQUEST.into()),
        Rotation::NotThisKey => Err(Problem::FORBIDDEN.into()),
        Rotation::Throttled => Err(Refused::from(Problem::THROTTLED).retry_after(PAUSE)),
    }
}

/// Ends one of one's own keys, with what came from it.
pub async fn key(
    State(app): State<SharedApp>,
    identity: Identity,
    Extension(peer): Extension<Peer>,
    Path(keyid): Path<String>,
    method: Method,
) -> Result<Response, Refused> {
    if method != Method::DELETE {
        return Err(Refused::method_not_allowed("DELETE"));
    }
    recent(&app, identity.principal())?;
    let Ok(keyid) = keyid.parse() else { return Err(Problem::NOT_FOUND.into()) };
    let ended = take_back(&app, identity.principal(), &keyid, peer.client, clock::now(&app)?).await;
    match ended.map_err(|error| undecided(&error))? {
        Ended::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Ended::NotTheirs => Err(Problem::NOT_FOUND.into()),
        Ended::OwnAncestor => Err(Problem::CONFLICT.into()),
    }
}

/// Makes recovery codes for the user whose key signed.
pub async fn recovery_codes(
    State(app): State<SharedApp>,
    identity: Identity,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Refused> {
    if *request.method() != Method::POST {
        return Err(Refused::method_not_allowed("POST"));
    }
    recent(&app, identity.principal())?;
    let body = message(&app, peer, request).await?;
    let made = make_codes(&app, identity.principal(), body.into(), peer.client, clock::now(&app)?).await;
    made.map_err(|error| undecided(&error))?.map(octets).ok_or_else(|| Problem::UNPROCESSABLE.into())
}

/// Keys are sensitive: who holds one can come back for ever.
fn recent(app: &SharedApp, caller: &Principal) -> Result<(), Refused> {
    let is_recent = may_do_sensitive(&app.accounts, caller, clock::now(app)?);
    if is_recent { Ok(()) } else { Err(Problem::REAUTHENTICATION_REQUIRED.into()) }
}

/// The first message of a handshake, which costs us curve operations.
async fn message(app: &SharedApp, peer: Peer, request: Request<Body>) -> Result<Bytes, Refused> {
    if request.headers().get(CONTENT_TYPE).is_none_or(|value| value.as_bytes() != b"application/octet-stream") {
        return Err(Problem::UNSUPPORTED_TYPE.into());
    }
    if !app.throttle.enrolment(peer.client) {
        return Err(Refused::from(Problem::THROTTLED).retry_after(PAUSE));
    }
    to_bytes(request.into_body(), LONGEST).await.map_err(|_| Problem::TOO_LARGE.into())
}

fn octets(message: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/octet-stream")], Bytes::from(message)).into_response()
}
