use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_core::problem::Problem;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};

use super::framing::Violation;
use super::ledger::Ledger;

/// Counts an answer as over when it is dropped, whether it was sent to its end or given up before it began.
#[derive(Debug)]
pub(super) struct Receipt(pub(super) Arc<Ledger>);

impl Drop for Receipt {
    fn drop(&mut self) {
        self.0.end_answer();
    }
}

/// The body of an answer: the service's, or a problem of ours.
#[derive(Debug)]
pub(super) struct Answer<B> {
    body: Either<B, Full<Bytes>>,
    _receipt: Receipt,
}

impl<B> Answer<B> {
    pub(super) fn of_service(answer: Response<B>, receipt: Receipt) -> Response<Self> {
        answer.map(|body| Self { body: Either::Left(body), _receipt: receipt })
    }

    pub(super) fn refusing(violation: Violation, receipt: Receipt) -> Response<Self> {
        let mut answer = problem(violation).map(|body| Self { body: Either::Right(body), _receipt: receipt });
        // Nobody can say where the next message begins.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        answer
    }
}

/// The answer to a head that was refused.
pub(super) fn problem(violation: Violation) -> Response<Full<Bytes>> {
    let problem = violation.problem();
    let mut answer = Response::new(Full::from(problem.json()));
    *answer.status_mut() = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut add = |name: HeaderName, value| answer.headers_mut().insert(name, HeaderValue::from_static(value));
    add(CONTENT_TYPE, "application/problem+json");
    add(CACHE_CONTROL, "no-store");
    if violation == Violation::MethodNotAllowed {
        add(ALLOW, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    }
    answer
}

/// The whole answer to a connection for which there is no room, as octets: no request has been read.
pub(super) fn overloaded() -> String {
    let body = Problem::UNAVAILABLE.json();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n\
         connection: close\r\nretry-after: 1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl<B> Body for Answer<B>
where
    B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
