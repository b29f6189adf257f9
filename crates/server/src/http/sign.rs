//! Every answer to a request that named a key goes out signed, refusals included (protocol §5).

use axum::response::{IntoResponse as _, Response};
use countersign_core::problem::Problem;
use countersign_core::secret::MacKey;
use countersign_core::signature::{AnswerHead, Field, Received, StreamHead, sha256_digest_field};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, DATE, HeaderName, HeaderValue};
use http::response::Parts;

use super::buffer::{Buffered, buffer};
use super::problem::Refused;
use super::routes::keys::SERVER_KEY;
use super::stream::Streams;
use crate::app::App;
use crate::edge;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const COUNTERSIGN_STREAM: HeaderName = HeaderName::from_static("countersign-stream");
const COUNTERSIGN_TIME: HeaderName = HeaderName::from_static("countersign-time");
const COUNTERSIGN_REQUEST: HeaderName = HeaderName::from_static("countersign-request");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");
/// Tells nginx to pass a stream on as it comes. It is for proxies, which take it out, so it is not signed.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// The most field lines of an answer before it is signed. Clients read a hundred in all, and we and the connection add a
/// few.
const MOST_LINES: usize = 90;

/// What an answer is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Answering<'a> {
    /// The request was a HEAD: its answer has no body, whatever the fields say.
    pub to_head: bool,
    /// The request.
    pub received: &'a Received,
    /// The key that signs.
    pub s2c: &'a MacKey,
}

/// Takes an answer in whole, and signs its status, fields and body for the one request that it answers.
pub async fn sign(app: &App, answering: Answering<'_>, response: Response) -> Response {
    let signed = match Answer::take_in(app, response).await {
        Ok(answer) => answer.signed(answering),
        Err(problem) => Err(problem),
    };
    signed.unwrap_or_else(|problem| refuse(app, answering, problem))
}

/// Signs the head of an answer at once, and its body frame by frame as it comes; what cannot be a stream is signed whole.
pub(super) async fn sign_stream(
    app: &App,
    answering: Answering<'_>,
    streams: &Streams,
    response: Response,
) -> Response {
    if !streams.streams_answer(answering.to_head, response.status()) {
        return sign(app, answering, response).await;
    }
    let (mut head, body) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    announce(app, &mut head);
    let signed = sign_head(&mut head, answering, Content::Stream)
        .and_then(|message| streams.frames(body, &head.headers, message));
    match signed {
        Ok(frames) => {
            let (name, value) = UNBUFFERED;
            head.headers.insert(name, value);
            Response::from_parts(head, frames)
        }
        Err(problem) => refuse(app, answering, problem),
    }
}

/// While the server's static key is being replaced every answer names the newest (protocol §10.4).
fn announce(app: &App, head: &mut Parts) {
    let announced = app.accounts.secrets.static_keys.announced();
    if let Some(key) = announced.and_then(|key| HeaderValue::try_from(key).ok()) {
        head.headers.insert(SERVER_KEY, key);
    }
}

/// A problem as a signed answer.
fn refuse(app: &App, answering: Answering<'_>, problem: Problem) -> Response {
    let signed = Answer::of(app, problem).signed(answering);
    signed.unwrap_or_else(|problem| Refused::from(problem).into_response())
}

/// What vouches for the body.
enum Content {
    /// This digest of it.
    Digest(String),
    /// The tag of each frame.
    Stream,
}

/// Adds the signature to the head of an answer; gives its octets.
fn sign_head(head: &mut Parts, answering: Answering<'_>, content: Content) -> Result<[u8; 32], Problem> {
    head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let fields: Vec<Field<'_>> = head
        .headers
        .iter()
        .filter(|(name, _)| **name != CONTENT_LENGTH && **name != DATE)
        .map(|(name, value)| Field { name: name.as_str(), value: value.as_bytes() })
        .collect();
    let (status, fields, now) = (head.status.as_u16(), fields.as_slice(), edge::wall());
    let signed = match &content {
        Content::Digest(content_digest) => {
            answering.received.sign_answer(answering.s2c, &AnswerHead { status, fields, content_digest }, now)
        }
        Content::Stream => answering.received.sign_stream_answer(answering.s2c, &StreamHead { status, fields }, now),
    };
    if head.headers.len() > MOST_LINES || !signed.is_readable() {
        tracing::warn!("the API behind answered with more fields than a client reads");
        return Err(Problem::BAD_GATEWAY);
    }
    let vouching = match content {
        Content::Digest(content_digest) => (CONTENT_DIGEST, content_digest),
        Content::Stream => (COUNTERSIGN_STREAM, "1".to_owned()),
    };
    let added = [
        vouching,
        (COUNTERSIGN_TIME, signed.countersign_time),
        (COUNTERSIGN_REQUEST, signed.countersign_request),
        (SIGNATURE_INPUT, signed.signature_input),
        (SIGNATURE, signed.signature),
    ];
    for (name, text) in added {
        let value = HeaderValue::try_from(text).map_err(|_| Problem::UNAVAILABLE)?;
        head.headers.insert(name, value);
    }
    Ok(signed.mac)
}

/// An answer that is all here.
struct Answer {
    head: Parts,
    body: Buffered,
}

impl Answer {
    async fn take_in(app: &App, response: Response) -> Result<Self, Problem> {
        let (mut head, body) = response.into_parts();
        announce(app, &mut head);
        let body = buffer(body, app.accounts.config.sizes.max_signed_response, &app.budget).await?;
        Ok(Self { head, body })
    }

    /// A problem. It takes no part of the budget: where there is no memory for an answer, it is what says so.
    fn of(app: &App, problem: Problem) -> Self {
        let (mut head, _) = Refused::from(problem).into_response().into_parts();
        announce(app, &mut head);
        let body = Buffered::new(problem.json().into(), app.budget.hold());
        Self { head, body }
    }

    fn signed(mut self, answering: Answering<'_>) -> Result<Response, Problem> {
        let content_digest = sha256_digest_field(self.body_sent(answering));
        sign_head(&mut self.head, answering, Content::Digest(content_digest))?;
        Ok(self.into_response())
    }

    /// The octets that will be on the wire: none for HEAD, 101, 204 and 304.
    fn body_sent(&self, answering: Answering<'_>) -> &[u8] {
        let without = [StatusCode::SWITCHING_PROTOCOLS, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
        let bodyless = answering.to_head || without.contains(&self.head.status);
        if bodyless { &[] } else { self.body.octets() }
    }

    fn into_response(self) -> Response {
        Response::from_parts(self.head, self.body.into_body())
    }
}
