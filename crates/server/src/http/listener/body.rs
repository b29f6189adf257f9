use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::framing::BodyViolation;
use super::ledger::Ledger;
use super::limits::Pace;
use super::streams::Pacing;

/// The body of a request, as it arrives. Only its end without an error says that it is whole.
///
/// In HTTP/1.1, `100 Continue` is sent when it is first polled, if the client asked for it, and never otherwise. Chunk
/// extensions and trailers do not get this far.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    watch: Watch,
}

/// Who knows what has become of it when it breaks off.
#[derive(Debug)]
enum Watch {
    /// The guard, which reads the connection.
    Guard(Arc<Ledger>),
    /// The body itself: it has a stream of its own.
    Own(Box<Pacing>),
}

impl RequestBody {
    pub(super) const fn new(incoming: Incoming, ledger: Arc<Ledger>) -> Self {
        Self { incoming, watch: Watch::Guard(ledger) }
    }

    /// One that has a stream of its own, and has to come at this pace.
    pub(super) fn on_stream(incoming: Incoming, pace: Pace) -> Self {
        Self { incoming, watch: Watch::Own(Box::new(Pacing::new(pace))) }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyViolation;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyViolation>>> {
        let Self { incoming, watch } = &mut *self;
        match watch {
            Watch::Guard(ledger) => {
                let frame = ready!(Pin::new(incoming).poll_frame(cx));
                let why = || ledger.broken_body().unwrap_or(BodyViolation::CutShort);
                Poll::Ready(frame.map(|frame| frame.map_err(|_| why())))
            }
            Watch::Own(pacing) => pacing.poll_frame(Pin::new(incoming), cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
