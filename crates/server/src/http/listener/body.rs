use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::framing::BodyViolation;
use super::ledger::Ledger;

/// The body of a request, as it arrives. Only its end without an error says that it is whole.
///
/// `100 Continue` is sent when it is first polled, if the client asked for it, and never otherwise. Chunk extensions
/// and trailers do not get this far.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    ledger: Arc<Ledger>,
}

impl RequestBody {
    pub(super) const fn new(incoming: Incoming, ledger: Arc<Ledger>) -> Self {
        Self { incoming, ledger }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyViolation;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyViolation>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        let why = || self.ledger.broken_body().unwrap_or(BodyViolation::CutShort);
        Poll::Ready(frame.map(|frame| frame.map_err(|_| why())))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
