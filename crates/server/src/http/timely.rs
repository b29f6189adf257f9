//! The answer of an API has to end in time, too: one that stalls half-way would hold a client and its memory for ever.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::BoxError;
use bytes::Bytes;
use countersign_core::problem::Problem;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::buffer::BrokeOff;

/// A body that breaks off with 504 `gateway-timeout` when it has not ended by then.
pub(super) struct Timely {
    body: Incoming,
    until: Pin<Box<Sleep>>,
}

impl Timely {
    pub(super) fn new(body: Incoming, until: Pin<Box<Sleep>>) -> Self {
        Self { body, until }
    }
}

impl Body for Timely {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        self.until.as_mut().poll(cx).map(|()| Some(Err(BrokeOff(Problem::GATEWAY_TIMEOUT).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
