use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Full};

use super::super::answer;
use super::super::drive::now;
use super::super::framing::Violation;
use super::super::ledger::Ledger;
use super::super::limits::Pace;
use super::taking::Taking;

/// The most octets that are handed over at one time. What is handed over waits where it is not counted any more.
const PIECE: usize = 16 * 1024;

/// Counts a request as over when it is dropped, and knows whether its answer went out whole.
#[derive(Debug)]
pub(super) struct StreamReceipt {
    ledger: Arc<Ledger>,
    taking: Arc<Taking>,
    number: u64,
    pace: Pace,
    whole: bool,
}

impl StreamReceipt {
    pub(super) fn new(ledger: Arc<Ledger>, taking: Arc<Taking>, pace: Pace) -> Self {
        let number = taking.begin();
        Self { ledger, taking, number, pace, whole: false }
    }
}

impl Drop for StreamReceipt {
    fn drop(&mut self) {
        self.taking.end(self.number);
        self.ledger.end_stream(self.whole);
    }
}

/// The body of an answer on a stream: the service's, or a problem of ours.
#[derive(Debug)]
pub(super) struct StreamAnswer<B> {
    body: Either<B, Full<Bytes>>,
    /// What the body has given and is not handed over yet.
    rest: Bytes,
    receipt: StreamReceipt,
}

impl<B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Unpin> StreamAnswer<B> {
    pub(super) fn of_service(answer: Response<B>, receipt: StreamReceipt) -> Response<Self> {
        answer.map(|body| Self::new(Either::Left(body), receipt))
    }

    /// Unlike in HTTP/1.1, nothing is unclear about where the next message begins, so the connection goes on.
    pub(super) fn refusing(violation: Violation, receipt: StreamReceipt) -> Response<Self> {
        answer::problem(violation).map(|body| Self::new(Either::Right(body), receipt))
    }

    fn new(body: Either<B, Full<Bytes>>, mut receipt: StreamReceipt) -> Self {
        receipt.whole = body.is_end_stream();
        Self { body, rest: Bytes::new(), receipt }
    }

    /// What there is of the body, without trailers: nobody would have signed them.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, axum::BoxError>>> {
        loop {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            let Some(frame) = frame.transpose()? else { return Poll::Ready(None) };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(Some(Ok(data))),
                Err(_) => {}
            }
        }
    }
}

impl<B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Unpin> Body for StreamAnswer<B> {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            let data = self.poll_data(cx);
            if !matches!(data, Poll::Ready(Some(Ok(_)))) {
                self.receipt.taking.pause(self.receipt.number, &self.receipt.pace, now());
            }
            match ready!(data).transpose()? {
                Some(data) => self.rest = data,
                None => {
                    self.receipt.whole = true;
                    return Poll::Ready(None);
                }
            }
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        self.receipt.taking.offer(self.receipt.number, length, &self.receipt.pace, now());
        self.receipt.whole = self.is_end_stream();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}
