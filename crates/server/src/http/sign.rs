//! Every answer to a request that named a key goes out signed, refusals included (protocol §5).

use axum::response::{IntoResponse as _, Response};
use countersign_core::problem::Problem;
use countersign_core::secret::MacKey;
use countersign_core::signature::{AnswerHead, Field, Received, sha256_digest_field};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, DATE, HeaderName, HeaderValue};
use http::response::Parts;

use super::buffer::{Buffered, buffer};
use super::problem::Refused;
use crate::app::App;
use crate::edge;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const COUNTERSIGN_TIME: HeaderName = HeaderName::from_static("countersign-time");
const COUNTERSIGN_REQUEST: HeaderName = HeaderName::from_static("countersign-request");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");

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
    signed
        .or_else(|problem| Answer::of(app, problem).signed(answering))
        .unwrap_or_else(|problem| Refused::from(problem).into_response())
}

/// An answer that is all here.
struct Answer {
    head: Parts,
    body: Buffered,
}

impl Answer {
    async fn take_in(app: &App, response: Response) -> Result<Self, Problem> {
        let (head, body) = response.into_parts();
        let body = buffer(body, app.accounts.config.sizes.max_signed_response, &app.budget).await?;
        Ok(Self { head, body })
    }

    /// A problem. It takes no part of the budget: where there is no memory for an answer, it is what says so.
    fn of(app: &App, problem: Problem) -> Self {
        let (head, _) = Refused::from(problem).into_response().into_parts();
        let body = Buffered::new(problem.json().into(), app.budget.hold());
        Self { head, body }
    }

    fn signed(mut self, answering: Answering<'_>) -> Result<Response, Problem> {
        self.head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let content_digest = sha256_digest_field(self.body_sent(answering));
        let fields: Vec<Field<'_>> = self
            .head
            .headers
            .iter()
            .filter(|(name, _)| **name != CONTENT_LENGTH && **name != DATE)
            .map(|(name, value)| Field { name: name.as_str(), value: value.as_bytes() })
            .collect();
        let head = AnswerHead { status: self.head.status.as_u16(), fields: &fields, content_digest: &content_digest };
        let signed = answering.received.sign_answer(answering.s2c, &head, edge::now().wall);
        if self.head.headers.len() > MOST_LINES || !signed.is_readable() {
            tracing::warn!("the API behind answered with more fields than a client reads");
            return Err(Problem::BAD_GATEWAY);
        }
        let added = [
            (CONTENT_DIGEST, content_digest),
            (COUNTERSIGN_TIME, signed.countersign_time),
            (COUNTERSIGN_REQUEST, signed.countersign_request),
            (SIGNATURE_INPUT, signed.signature_input),
            (SIGNATURE, signed.signature),
        ];
        for (name, text) in added {
            let value = HeaderValue::try_from(text).map_err(|_| Problem::UNAVAILABLE)?;
            self.head.headers.insert(name, value);
        }
        Ok(self.into_response())
    }

    /// The octets that will be on the wire: none for HEAD, 204 and 304.
    fn body_sent(&self, answering: Answering<'_>) -> &[u8] {
        let bodyless =
            answering.to_head || matches!(self.head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bodyless { &[] } else { self.body.octets() }
    }

    fn into_response(self) -> Response {
        Response::from_parts(self.head, self.body.into_body())
    }
}
