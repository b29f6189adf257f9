//! The reverse proxy door: an unmodified HTTP API behind the guard.

use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use countersign_core::problem::Problem;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{StatusCode, Uri, Version};
use http_body_util::LengthLimitError;
use hyper::upgrade;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::time::Sleep;

use super::arrival::Addressed;
use super::body_violation::BodyViolation;
use super::identity::Identity;
use super::policy::{REMOTE_KEY, REMOTE_SESSION, REMOTE_USER};
use super::problem::Refused;
use super::stream::{MayStream, Watch};
use super::timely::Timely;
use super::tunnel::Tunnel;
use super::verify::{BodyLength, Upgradable};
use crate::app::SharedApp;

/// How long is waited for the API.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until its answer begins; and ends, where it is held back to be signed.
    pub answer: Duration,
    /// On a WebSocket on which nothing is said in either direction.
    pub silence: Duration,
}

/// The API behind the guard, and a pool of connections to it.
#[derive(Clone, Debug)]
pub struct Upstream {
    authority: Authority,
    patience: Patience,
    client: Client<HttpConnector, Body>,
}

impl Upstream {
    /// The API at this authority, by plain HTTP/1.1. What is passed on as it comes may go on for as long as its client
    /// takes it.
    pub fn new(authority: Authority, patience: Patience) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(patience.answer.min(Duration::from_secs(5))));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Self { authority, patience, client }
    }

    /// Hands an admitted request on and gives back the API's answer. Where both make a WebSocket of it, its octets are
    /// carried from then on.
    pub async fn forward(&self, app: &SharedApp, mut request: Request) -> Result<Response, Refused> {
        let extensions = request.extensions();
        let identity = Identity::of(extensions).cloned();
        let is_held_back = identity.is_some() && extensions.get::<MayStream>().is_none();
        let watch = extensions.get().cloned();
        let is_handshake = extensions.get::<Upgradable>().is_some();
        let handshake = is_handshake.then(|| upgrade::on(&mut request));
        let request = self.outgoing(request)?;
        let mut until = Box::pin(tokio::time::sleep(self.patience.answer));
        let mut answer = tokio::select! {
            answer = self.client.request(request) => answer.map_err(|error| unanswered(&error))?,
            () = self.too_long(&mut until, watch) => return Err(Problem::GATEWAY_TIMEOUT.into()),
        };
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS
            && let (Some(client), Some(identity)) = (handshake, &identity)
        {
            let (api, prover) = (upgrade::on(&mut answer), identity.prover().clone());
            Tunnel { client, api, prover, silence: self.patience.silence }.open(app);
        }
        let (mut parts, body) = answer.into_parts();
        parts.extensions.clear();
        parts.version = Version::HTTP_11;
        let body = if is_held_back { Body::new(Timely::new(body, until)) } else { Body::new(body) };
        Ok(Response::from_parts(parts, body))
    }

    /// Completes when the answer has not begun in time. While a streamed body goes over, the time begins anew with each
    /// frame that the API takes, and stands still while there is none to take.
    async fn too_long(&self, until: &mut Pin<Box<Sleep>>, watch: Option<Watch>) {
        let mut seen = 0;
        loop {
            until.as_mut().await;
            let moves = watch.as_ref().map_or(0, Watch::moves);
            let waits_for_client = watch.as_ref().is_some_and(Watch::waits_for_client);
            if moves == seen && !waits_for_client {
                return;
            }
            seen = moves;
            until.set(tokio::time::sleep(self.patience.answer));
        }
    }

    /// The same octets of method, path and query that were signed, to the API's address.
    fn outgoing(&self, request: Request) -> Result<http::Request<Body>, Refused> {
        let (mut parts, body) = request.into_parts();
        let mut target = parts.uri.clone().into_parts();
        target.scheme = Some(Scheme::HTTP);
        target.authority = Some(self.authority.clone());
        let uri = Uri::from_parts(target).map_err(|_| Problem::MALFORMED_REQUEST)?;
        frame(&mut parts)?;
        identify(&mut parts)?;
        let mut outgoing = http::Request::new(body);
        *outgoing.method_mut() = parts.method;
        *outgoing.uri_mut() = uri;
        *outgoing.version_mut() = Version::HTTP_11;
        *outgoing.headers_mut() = parts.headers;
        Ok(outgoing)
    }
}

/// Why there is no answer: mostly the API; but a body that is passed on as it comes can break off at its client's end.
fn unanswered(error: &legacy::Error) -> Refused {
    tracing::warn!(error = error as &dyn std::error::Error, "the API behind did not answer");
    if error.is_connect() {
        return Refused::from(Problem::BAD_GATEWAY).not_carried_out();
    }
    let mut layer: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = layer {
        if error.is::<LengthLimitError>() {
            return Problem::TOO_LARGE.into();
        }
        layer = error.source();
    }
    BodyViolation::find(error).map_or(Problem::BAD_GATEWAY, BodyViolation::problem).into()
}

/// The authority in its one spelling, which is what was signed: whoever stands in the middle can change capitals in
/// `Host`. And the length of the body that was taken in; a body of no octets has none unless the client said so.
fn frame(parts: &mut Parts) -> Result<(), Refused> {
    if let Some(BodyLength(length)) = parts.extensions.get() {
        let declared = parts.headers.remove(CONTENT_LENGTH).is_some();
        if *length > 0 || declared {
            parts.headers.insert(CONTENT_LENGTH, (*length).into());
        }
    }
    let Addressed(authority) = parts.extensions.get().ok_or(Problem::UNAVAILABLE)?;
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Problem::UNAVAILABLE)?;
    parts.headers.insert(HOST, host);
    Ok(())
}

/// Tells the API who it is. Whatever a client said in these fields is gone by now.
fn identify(parts: &mut Parts) -> Result<(), Refused> {
    let Some(identity) = Identity::of(&parts.extensions).cloned() else { return Ok(()) };
    let mut tell = |name, value: String| -> Result<(), Refused> {
        let value = HeaderValue::try_from(value).map_err(|_| Problem::UNAVAILABLE)?;
        parts.headers.insert(name, value);
        Ok(())
    };
    tell(REMOTE_USER, percent_encode(identity.username().as_str()))?;
    if let Some(key) = identity.key() {
        tell(REMOTE_KEY, key.to_string())?;
    }
    match identity.session() {
        Some(session) => tell(REMOTE_SESSION, session.reference.to_string()),
        None => Ok(()),
    }
}

/// A name as header text: anything but visible ASCII and the percent sign itself as `%XX` of its UTF-8 octets.
fn percent_encode(name: &str) -> String {
    const SPECIAL: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
    utf8_percent_encode(name, SPECIAL).to_string()
}
