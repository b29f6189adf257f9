use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::framing::BodyViolation;
use super::ledger::Ledger;
use super::limits::Limits;
use super::streams::{Pacing, read_out};

/// The body of a request, as it arrives. Only its end without an error says that it is whole.
///
/// In HTTP/1.1, `100 Continue` is sent when it is first polled, if the client asked for it, and never otherwise. Chunk
/// extensions and trailers do not get this far.
#[derive(Debug)]
pub struct RequestBody {
    /// It is there until the end.
    incoming: Option<Incoming>,
    watch: Watch,
}

/// Who knows what has become of it when it breaks off.
#[derive(Debug)]
enum Watch {
    /// The guard, which reads the connection.
    Guard(Arc<Ledger>),
    /// The body itself: it has a stream of its own. What is not wanted of it is waited for for so long.
    Own(Box<Pacing>, Duration),
}

impl RequestBody {
    pub(super) const fn new(incoming: Incoming, ledger: Arc<Ledger>) -> Self {
        Self { incoming: Some(incoming), watch: Watch::Guard(ledger) }
    }

    /// One that has a stream of its own, and has to come at the pace that these limits grant.
    pub(super) fn on_stream(incoming: Incoming, limits: &Limits) -> Self {
        let watch = Watch::Own(Box::new(Pacing::new(limits.body)), limits.linger);
        Self { incoming: Some(incoming), watch }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyViolation;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyViolation>>> {
        let Self { incoming: Some(incoming), watch } = &mut *self else { return Poll::Ready(None) };
        match watch {
            Watch::Guard(ledger) => {
                let frame = ready!(Pin::new(incoming).poll_frame(cx));
                let why = || ledger.broken_body().unwrap_or(BodyViolation::CutShort);
                Poll::Ready(frame.map(|frame| frame.map_err(|_| why())))
            }
            Watch::Own(pacing, _) => pacing.poll_frame(Pin::new(incoming), cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let (Watch::Own(_, patience), Some(incoming)) = (&self.watch, self.incoming.take()) {
            read_out(incoming, *patience);
        }
    }
}
